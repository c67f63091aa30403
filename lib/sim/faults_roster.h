/* faults_roster.h — for faults.c: the next roster of a plan, told to everybody in the fault's time. */
#ifndef SL_SIM_FAULTS_ROSTER_H
#define SL_SIM_FAULTS_ROSTER_H

#include "sim/faults.h"

void sl_faults_roster(struct sl_faults *, struct sl_sim *, const struct sl_fault *);

#endif
