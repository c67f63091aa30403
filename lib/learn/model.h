/* model.h — a model is a pure function of its parameters, a flat vector of `dimension` floats cut into
 * tensors. */
#ifndef SL_LEARN_MODEL_H
#define SL_LEARN_MODEL_H

#include "base/parallel.h"
#include "learn/dataset.h"
#include "learn/guest.h"
#include "learn/layout.h"
#include "linalg/vector.h"

struct sl_model;         /* registry entry of a model type */
struct sl_network_front; /* network.h */

/* A model for given features and classes. Immutable after sl_model_make; shared by all peers of a process. */
struct sl_model_instance {
	const struct sl_model *model;
	struct sl_layout layout;
	uint32_t features, classes;
	uint32_t hidden[8], hidden_layers;    /* of networks */
	const struct sl_network_front *front; /* of networks; NULL: none */
	uint32_t front_width, front_tensors;
	uint64_t parameters[16]; /* room for a plug-in's own options */
	const float *start;      /* the start, `dimension` floats, borrowed; NULL: that of `init` */
	const float *seeded; /* what `init` makes of the run's seed, where many need it; borrowed; or NULL */
	uint32_t outside_steps;   /* of `trainer`: 1: it makes the local steps */
	const uint8_t *described; /* bytes that describe such a model, for the fingerprint; borrowed */
	size_t described_length;
	const struct sl_guest *guest; /* of models outside of this program, borrowed; else NULL */
};

struct sl_model {
	const char *name, *doc;
	const struct sl_option *options;
	/* Parses the text after the colon and fills layout, and other fields of the instance that it uses. */
	enum sl_status (*make)(struct sl_model_instance *out, const char *arguments, struct sl_error *error);
	/* The initial parameters, from the seed alone: the same at every peer. */
	void (*init)(const struct sl_model_instance *, uint64_t seed, float *x);
	/* Floats of scratch that gradient and evaluate need for up to `count` samples at once. */
	size_t (*scratch)(const struct sl_model_instance *, uint32_t count);
	/* gradient ← ∇ of the mean loss over the picked samples at x (overwrites all `dimension` floats);
	 * returns the loss. Pure: no state but `scratch`. pick NULL: samples 0 … count-1. */
	double (*gradient)(const struct sl_model_instance *, const struct sl_dataset *, const uint32_t *pick,
	                   uint32_t count, const float *x, float *gradient, float *scratch);
	/* x ← x − eta·∇, for models that can fuse gradient and step; `gradient` is scratch of `dimension`
	 * floats. NULL: not supported. */
	double (*descend)(const struct sl_model_instance *, const struct sl_dataset *, const uint32_t *pick,
	                  uint32_t count, float eta, float *x, float *gradient, float *scratch);
	/* out ← out + Σ over the picked samples of the gradient of that sample's loss, scaled down to norm `clip` where
	 * it is longer (penalties, which read no data, are left out); returns the sum of their losses. The same
	 * scratch. NULL: not supported. */
	double (*clipped)(const struct sl_model_instance *, const struct sl_dataset *, const uint32_t *pick,
	                  uint32_t count, const float *x, double clip, float *out, float *scratch);
	/* out ← out + the gradient of the penalties that `clipped` leaves out. NULL: there are none. */
	void (*penalty)(const struct sl_model_instance *, const float *x, float *out);
	/* Mean loss over samples first … first+count-1, and into *correct how many have the right arg max
	 * (NULL allowed; −1 where the model has no classes). count at most what scratch was asked for. */
	double (*evaluate)(const struct sl_model_instance *, const struct sl_dataset *, uint32_t first,
	                   uint32_t count, const float *x, int64_t *correct, float *scratch);
	/* out ← the probability of each class, count × classes, for the same samples. NULL: not supported. */
	void (*predict)(const struct sl_model_instance *, const struct sl_dataset *, uint32_t first,
	                uint32_t count, const float *x, float *out, float *scratch);
	/* Its loss is convex in the parameters. */
	bool convex;
	/* It lives outside of this program: layout, start and guest of its instance are given (sl_model_outside). */
	bool outside;
	/* `gradient` of one sample is that of its loss alone: where there is no `clipped`, samples are clipped one by
	 * one. */
	bool by_sample;
};
extern const struct sl_model *const sl_models[];

/* Makes a model from "mlp:128" for data of that shape. The error names the model, what was found, what would
 * be right
 * ("unknown model 'mpl'; did you mean mlp?"). */
enum sl_status sl_model_make(struct sl_model_instance *out, const char *spec, uint32_t features,
                             uint32_t classes, struct sl_error *error);

/* What a model outside of this program brings; all borrowed. */
struct sl_outside {
	struct sl_layout layout;
	const float *start;
	uint32_t outside_steps;   /* of `trainer`: 1: it makes the local steps */
	const uint8_t *described; /* all of its tensors, frozen ones too, as bytes */
	size_t described_length;
	const struct sl_guest *guest; /* NULL: nobody will ask it anything (checks of a configuration) */
};
/* Gives them to an instance whose model is `outside`. Its mode is already that of the arguments. */
void sl_model_outside(struct sl_model_instance *, const struct sl_outside *);
/* Whether the trainer makes the local steps itself. */
bool sl_model_steps(const struct sl_model_instance *);

/* The start of a run: `start` if there is one, else what `init` makes of the seed (`seeded`, if that is kept). Never −0. */
void sl_model_start(const struct sl_model_instance *, uint64_t seed, float *x);

/* Samples per call in sl_model_evaluate_all: the `count` for which to size its scratch. */
enum { SL_EVALUATE_CHUNK = 128 };
/* Mean loss and accuracy over a whole data set (accuracy NaN for models without classes or empty sets). */
double sl_model_evaluate_all(const struct sl_model_instance *, const struct sl_dataset *, const float *x,
                             double *accuracy, float *scratch);

/* What the parts so far contribute to R; zeros before the first. */
struct sl_prox_sum {
	double value;          /* of the tensors that are complete */
	double lane[SL_LANES]; /* of the one in hand … */
	uint32_t tensor;       /* … its number */
	size_t nonzero;        /* elements so far that are not zero, whether R covers them or not */
};

/* A proximal operator: x ← argmin_u ½‖u − x‖² + t·R(u). */
struct sl_prox {
	const char *name, *doc;
	/* Applies it to the tensors that R covers (biases are left alone), t ≥ 0. Threads may share the pass; NULL: none. */
	void (*apply)(const struct sl_parallel *, const struct sl_layout *, float t, float *x);
	/* R(x). */
	double (*value)(const struct sl_parallel *, const struct sl_layout *, const float *x);
	/* Both, part by part: applies it to the elements `from` … `to` of x, unless t is 0, adds what they contribute to R,
	 * and counts. Parts ascend without a gap from 0 to the end; then sum->value has the bits of `value`,
	 * if no tensor is longer than a block of linalg/blocks.h. */
	void (*part)(const struct sl_layout *, float t, uint32_t from, uint32_t to, float *x,
	             struct sl_prox_sum *sum);
};
extern const struct sl_prox *const sl_proxes[];

/* Finds an entry of a registry by name, or NULL. */
const struct sl_prox *sl_prox_find(const char *name);

#endif
