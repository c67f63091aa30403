#include "experiments.h"

const struct experiment experiments[] = {
	{ "A-a", "biased compression: the counterexample, and error feedback", experiment_biased },
	{ "A-b", "shifted compression", experiment_shifted },
	{ "A-c", "error-compensated loopless Katyusha and its rivals", experiment_katyusha },
	{ "A-e", "momentum and error feedback under noise", experiment_momentum },
	{ "A-f", "accelerated DIANA", experiment_adiana },
	{ "A-g", "a saddle point", experiment_saddle },
	{ "A-h", "hard threshold", experiment_threshold },
	{ NULL, NULL, NULL },
};
