#include "experiments.h"

const struct experiment experiments[] = {
	{ "book", "twelve rounds against the equations written out", experiment_book },
	{ "A-a", "biased compression: the counterexample, and error feedback", experiment_biased },
	{ "A-b", "shifted compression", experiment_shifted },
	{ "A-c", "error-compensated loopless Katyusha and its rivals", experiment_katyusha },
	{ "A-d", "MALCOM: entropy coding and the penalty", experiment_malcom },
	{ "A-e", "momentum and error feedback under noise", experiment_momentum },
	{ "A-f", "accelerated DIANA", experiment_adiana },
	{ "A-g", "a saddle point", experiment_saddle },
	{ "A-h", "hard threshold", experiment_threshold },
	{ "A-x", "composite problems", experiment_composite },
	{ "A-y", "digits sorted by label", experiment_digits },
	{ "gossip", "consensus of what starts apart", experiment_gossip },
	{ "tracking", "heterogeneous peers on a ring", experiment_tracking },
	{ "motef", "single samples on heterogeneous peers", experiment_motef },
	{ "quasi-global", "momentum on heterogeneous peers", experiment_quasi_global },
	{ "deepsqueeze", "error feedback on the model", experiment_deepsqueeze },
	{ "estimators", "L-SVRG, SAGA and STORM under Prox-LEAD", experiment_estimators },
	{ "changing", "graphs that change from round to round", experiment_changing },
	{ "directed", "compressed copies that sleep, and directed graphs", experiment_directed },
	{ NULL, NULL, NULL },
};
