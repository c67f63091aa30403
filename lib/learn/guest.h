/* guest.h — a model that lives outside of this program: a trainer computes what a built-in model would. The driver
 * supplies the call; whoever makes it blocks until there is an answer. */
#ifndef SL_LEARN_GUEST_H
#define SL_LEARN_GUEST_H

#include <stdbool.h>
#include <stdint.h>

enum sl_guest_kind {
	SL_GUEST_STEPS = 1, /* the trainer changes x by `steps` steps of its own */
	SL_GUEST_GRADIENT,  /* a gradient at x, a pure function of (x, batch, seed) */
	SL_GUEST_EVALUATE,  /* loss, accuracy and other numbers at x */
	SL_GUEST_KINDS
};

/* Named numbers that come with an answer. */
enum { SL_METRICS_MAX = 32, SL_METRIC_NAME = 40 };
struct sl_metric {
	char name[SL_METRIC_NAME]; /* NUL-terminated, printable */
	double value;
};

/* Batch number of a gradient over all of the peer's data. */
#define SL_BATCH_WHOLE UINT64_MAX

struct sl_guest_task {
	enum sl_guest_kind kind;
	uint32_t peer, round, steps;
	uint64_t batch; /* counts the local steps of the run from 0, or SL_BATCH_WHOLE */
	uint64_t seed;  /* of (run, peer, batch): everything random in the task may follow from it */
	double eta;     /* step size of the method in this round */
	/* The answer. Loss and accuracy are NaN where there is none. */
	double loss, accuracy;
	uint64_t samples;
	unsigned metrics;
	struct sl_metric metric[SL_METRICS_MAX];
};

struct sl_guest {
	void *context;
	/* in: the parameters. out: the gradient (GRADIENT) or the new parameters (STEPS, may be `in`); NULL
	 * (EVALUATE). Values are those of the trainer: whoever uses them checks them, as for every model. False: there
	 * is no answer (the run ends, or goes on without a trainer): out is a zero gradient or `in`. */
	bool (*call)(void *context, struct sl_guest_task *, const float *in, float *out);
};

#endif
