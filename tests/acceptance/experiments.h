#ifndef SL_TESTS_EXPERIMENTS_H
#define SL_TESTS_EXPERIMENTS_H

#include "acceptance.h"

void experiment_biased(void);
void experiment_shifted(void);
void experiment_momentum(void);
void experiment_adiana(void);
void experiment_katyusha(void);
void experiment_saddle(void);
void experiment_threshold(void);
void experiment_tracking(void);
void experiment_motef(void);
void experiment_book(void);
void experiment_gossip(void);
void experiment_composite(void);
void experiment_malcom(void);
void experiment_digits(void);
void experiment_quasi_global(void);
void experiment_deepsqueeze(void);
void experiment_estimators(void);
void experiment_changing(void);
void experiment_directed(void);
void experiment_weighed(void);
void experiment_grid(void);
void experiment_hand(void);
void experiment_nelloc(void);
void experiment_image_code(void); /* the part of it that needs no data */

#endif
