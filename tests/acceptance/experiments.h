#ifndef SL_TESTS_EXPERIMENTS_H
#define SL_TESTS_EXPERIMENTS_H

#include "acceptance.h"

void experiment_biased(void);
void experiment_shifted(void);
void experiment_momentum(void);

#endif
