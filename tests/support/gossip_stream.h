/* Messages such as a real run sends: a few peers on a ring train a model by CHOCO-SGD (Koloskova et al., ICML
 * 2019), and the first one's differences are handed out, each with the public copy before it. */
#ifndef TESTS_SUPPORT_GOSSIP_STREAM_H
#define TESTS_SUPPORT_GOSSIP_STREAM_H

#include "compress/stage.h"

struct gossip_stream;

struct gossip_setup {
	const char *model;    /* "mlp:128" */
	const char *pipeline; /* what the peers use among themselves */
	double gamma, eta, eta_end, lambda;
	uint32_t rounds, local_steps, batch;
	uint64_t seed;
};

/* Fashion-MNIST where Debian's package has put it (*real true), else synthetic data of its size; half of each
 * shard is of few classes. NULL with an error. */
struct gossip_stream *gossip_stream_open(const struct gossip_setup *, bool *real, struct sl_error *error);
void gossip_stream_close(struct gossip_stream *);
const struct sl_layout *gossip_stream_layout(const struct gossip_stream *);

/* One round. The difference that peer 0 compresses, and the message's address; the copy belongs to the
 * stream, its memory is for the caller to set. */
const float *gossip_stream_next(struct gossip_stream *, struct sl_message *message);

#endif
