/* plan.h — the immutable part that all peers of a run share: settings resolved into plug-ins, and sizes. One
 * per process. */
#ifndef SL_GOSSIP_PLAN_H
#define SL_GOSSIP_PLAN_H

#include "compress/pipeline.h"
#include "compress/capture.h"
#include "gossip/agree.h"
#include "gossip/detect.h"
#include "gossip/robust.h"
#include "gossip/settings.h"
#include "gossip/tensors.h"
#include "learn/model.h"
#include "topology/topology.h"

struct sl_algorithm;

struct sl_plan {
	struct sl_settings settings;
	struct sl_model_instance model;
	struct sl_pipeline detector_pipeline; /* of the detector */
	struct sl_pipeline pipeline, dense;   /* dense: "all | float32 | raw", of refreshes */
	const struct sl_algorithm *algorithm;
	_Alignas(8) unsigned char algorithm_options[128]; /* parsed arguments of the algorithm, and values
	                                                     derived by its prepare */
	const struct sl_prox *prox;
	const struct sl_dataset *test; /* borrowed; samples 0: none */
	uint64_t run, session;         /* fingerprint and session, as frames carry them */
	uint32_t peers;
	bool complete;   /* every peer is everyone's neighbour */
	uint32_t period; /* rounds after which the graph's edges repeat; 1: always the same */
	bool directed;   /* some edge weighs more one way than the other */
	struct sl_robust robust;

	/* derived */
	double gamma;       /* the algorithm's own, the settings', or the value of auto on the plan's graph */
	bool gamma_follows; /* auto, and the graph may change: recomputed for each roster */
	uint32_t dimension, channels;
	size_t copy_floats;    /* channels × dimension, then the algorithm's scalars: one copy */
	bool self_contained;   /* a frame needs no predecessor: an edge that was inactive sends only the last
	                       one */
	size_t copy_memory;    /* bytes of coder state per stream, all channels */
	size_t copy_bytes;     /* of a snapshot: floats, then memory */
	size_t body_bound;     /* of a difference frame */
	size_t frame_max;      /* of any frame, header included: also the limit at the socket */
	size_t snapshot_piece; /* bytes in one piece, a multiple of 4 */
	size_t resend_bytes;   /* missing frames over this many bytes (those of one model) are replaced by a
	                          snapshot */
	size_t journal_bytes, held_bytes; /* capacities */
	uint32_t journal_frames, tags;    /* capacities, powers of two */
	uint32_t laid_out_for;            /* rounds between checkpoints for which these suffice */
	uint32_t spare; /* rounds from a tag that asks for a checkpoint until the request takes effect; edges
	                   that are not always active receive it up to a period later */
	uint16_t key_digest[SL_SHARED_MOST]; /* of the settings, as greetings carry them */
	unsigned keys;
	struct sl_tensor_digests tensors; /* likewise, by sl_plan_described */
	const float
	    *probe; /* simulator only: a vector r; edges then record <r, term> of each step. NULL otherwise */
};

/* Properties of the graph against which a plan is checked. */
struct sl_plan_graph {
	uint32_t peers, degree_most;
	double beta; /* ‖I − W‖₂ */
	double gap;
	bool complete;
	uint32_t period;         /* as in struct sl_topology; 0 counts as 1 */
	bool directed, balanced; /* balanced: see there */
	uint32_t degree_least;   /* 0: unknown */
	double given;            /* as in struct sl_spectrum */
};
/* Part of sl_plan_make: checks the algorithm against a time-varying or directed graph. */
enum sl_status sl_check_schedule(const struct sl_plan *, const struct sl_plan_graph *, struct sl_error *);
/* Part of sl_plan_make: whether the model, the estimator and the method can be private. */
enum sl_status sl_check_privacy(const struct sl_plan *, struct sl_error *);
struct sl_plan_graph sl_plan_graph_of(const struct sl_topology *, const struct sl_spectrum *);

/* Resolves settings (checked) for data of that shape. Refuses γ outside (0, 1], γ·β_W ≥ 2, degrees over
 * max_degree, and pipelines that the algorithm's theory excludes. Of the host's settings it keeps only
 * digests. A γ that may be too large for the compressor is accepted with a warning: *note (SL_TEXT_MAX bytes
 * or more) gets one line, else an empty string. */
enum sl_status sl_plan_make(struct sl_plan *out, const struct sl_run_settings *, const struct sl_plan_graph *,
                            uint32_t features, uint32_t classes, const struct sl_dataset *test, char *note,
                            struct sl_error *error);

/* The same for a model outside of this program, whose name in the settings is `trainer`. Refuses mode = steps for
 * methods whose local part is something else, and names those that it works with. */
enum sl_status sl_plan_make_outside(struct sl_plan *out, const struct sl_run_settings *,
                                    const struct sl_plan_graph *, const struct sl_outside *, char *note,
                                    struct sl_error *error);

/* Call it once the plan's model has its start: greetings carry digests of both. */
void sl_plan_described(struct sl_plan *);

/* Raises capacities to fit a state that was saved with that many rounds between checkpoints. Call before the
 * first peer is made. */
void sl_plan_make_room(struct sl_plan *, uint32_t checkpoint_every);

/* Scratch for all work on peers of this plan: one per thread, shared by the peers that it drives. */
struct sl_scratch {
	struct sl_workspace *workspace; /* codec */
	float *vector;                  /* channels × dimension floats */
	struct sl_workspace *dense;     /* of plan->dense */
	float *gradient;                /* dimension floats: the last channel's of vector */
	float *spare;                   /* dimension floats, for gradient estimators */
	float *learn;                   /* model scratch */
	uint32_t *pick;                 /* batch indices */
	struct sl_detect_scratch detect;
	float *robust;   /* sl_robust_scratch floats */
	uint8_t *memory; /* coder memory of a stream while a body is being checked */
	struct sl_update
	    update[SL_CHANNELS_MAX];        /* room for one decoded body; used where there are two channels */
	bool lists;                         /* updates are wanted as lists, whatever that costs */
	const struct sl_parallel *parallel; /* may share passes over vectors, set by the owner; NULL: none */
	const struct sl_capture_hook *capture; /* called for every encoded message; NULL: none */
};
void sl_scratch_make(struct sl_scratch *out, const struct sl_plan *, struct sl_arena *);

#endif
