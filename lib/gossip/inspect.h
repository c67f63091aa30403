/* inspect.h — what is inside a peer, for checks of invariants, narration, and planted faults. Only the simulator and
 * tests use it: a driver needs gossip/peer.h alone.
 *
 * Views are read-only, and filled in between two events (sl_peer_step) or from within an action. What they point to
 * belongs to the peer and is valid until its next event. */
#ifndef SL_GOSSIP_INSPECT_H
#define SL_GOSSIP_INSPECT_H

#include "gossip/peer.h"

enum sl_phase {
	SL_PHASE_GREETING,   /* learning what the neighbours hold */
	SL_PHASE_RECOVERING, /* fetching the neighbours' copy of this peer */
	SL_PHASE_SAVING, /* between two rounds: the neighbours have no room before a checkpoint is written */
	SL_PHASE_COMPUTING,  /* the local steps are out as a job */
	SL_PHASE_WAITING,    /* the difference is sent; neighbours' tags are awaited */
	SL_PHASE_EVALUATING, /* the test set is out as a job */
	SL_PHASE_SERVING,    /* all rounds done */
	SL_PHASE_HALTED,
	SL_PHASES
};

struct sl_peer_view {
	const struct sl_plan *plan;
	enum sl_phase phase;
	uint32_t round;       /* rounds done */
	uint32_t degree;      /* edges, numbered from 0 */
	uint32_t capacity;    /* most edges that a roster may bring */
	uint64_t incarnation; /* 0 before the start */
	const float *model;   /* plan->dimension floats */

	/* the public copy and its journal */
	uint32_t epoch, version;
	uint64_t digest;     /* of the floats of the copy */
	const uint8_t *copy; /* plan->copy_bytes: plan->copy_floats floats, then the coder's memory */
	uint32_t oldest;     /* version of the oldest frame that is kept; version + 1: none is */
	bool full;           /* the journal had to drop a frame for the newest one, or may for the next */
};
void sl_peer_inspect(const struct sl_peer *, struct sl_peer_view *out);

/* One end of an edge. `mine`: of this peer, `their`: of the neighbour. */
struct sl_edge_view {
	uint32_t neighbour;
	uint32_t since;                /* serial of the roster that added the edge; 0: the first one */
	bool greeted;                  /* both ends know each other's incarnation */
	bool reset;                    /* the step counter is lost; the neighbour's is taken over */
	bool up, late;                 /* heard within link_timeout; not waited for until heard again */
	bool finished, knows_finished; /* the neighbour has finished; it knows that this peer has */
	bool tx_off;                   /* directed: the neighbour gets no frames */

	/* steps */
	uint32_t step;               /* completed */
	uint32_t tagged;             /* newest step that this end has tagged: step + 1 while mine_open */
	bool mine_open, theirs_open; /* the tag of step + 1: sent by this end; received from the other */
	uint32_t limit;              /* version in this end's last tag */
	bool mine_saved;             /* the copy at `limit` is kept apart, since the public copy moved on */
	double term_probe;           /* <plan->probe, the last term that was added to the model> */

	/* the neighbour's journal, as held here */
	uint32_t their_epoch, their_version;
	uint32_t known_epoch; /* newest epoch of that journal that is known; its copy may not be here yet */
	uint64_t their_digest;
	const uint8_t *theirs; /* copy at their_version, plan->copy_bytes */
	bool diverged;         /* it is not what the neighbour has: only a snapshot helps */
	size_t rx_held;        /* bytes of frames held until the open step is complete */

	/* this peer's journal, as the neighbour holds it */
	uint32_t acknowledged; /* version that the neighbour is known to hold */
	uint32_t sent;         /* newest version that was ever sent */
	size_t tx_kept;        /* bytes of frames that are kept apart for a lagging neighbour */

	uint32_t checkpoint_older; /* their_version in this peer's older checkpoint */
	bool quarantined;
	int64_t refused,
	    repeated; /* frames of the neighbour: malformed or forbidden; ignored as known or outdated */
};
void sl_peer_inspect_edge(const struct sl_peer *, uint32_t edge, struct sl_edge_view *out);

/* Whether this end can still send the tag of a step. */
bool sl_peer_knows_tag(const struct sl_peer *, uint32_t edge, uint32_t step);

/* A setup for a second peer that can load what this one saves: with the edges that it has now, whatever the setup that
 * it was made with listed. `neighbours` has room for SL_DEGREE_MAX and is what out->neighbours points to; the rest is
 * borrowed from the peer. */
void sl_peer_setup_now(const struct sl_peer *, struct sl_peer_setup *out,
                       struct sl_peer_neighbour *neighbours);

/* Planted faults. Call them between two events only. */

/* The model, to be changed: plan->dimension floats, finite, 0 never as −0. Not while an evaluation is out as a job. */
float *sl_peer_poison(struct sl_peer *);
/* A header as the peer would send it now to the neighbour at `edge`: sound in every field, for an adversary to falsify.
 * `version`, `step`, `tag` and `digest` are 0, as they depend on the occasion. */
struct sl_frame sl_peer_forge(const struct sl_peer *, uint32_t edge, enum sl_frame_kind);
/* The header that a frame from this peer to that neighbour has where nothing is left out of it: returns its length. 0: it
 * is no neighbour. `length`: of the body. */
size_t sl_peer_whole_header(const struct sl_peer *, uint32_t neighbour, const struct sl_frame *,
                            uint32_t length, uint8_t out[static SL_FRAME_HEADER]);

#endif
