#include "experiments.h"

const struct experiment experiments[] = {
	{ "A-a", "biased compression: the counterexample, and error feedback", experiment_biased },
	{ "A-b", "shifted compression", experiment_shifted },
	{ "A-e", "momentum and error feedback under noise", experiment_momentum },
	{ NULL, NULL, NULL },
};
