/* message.h — the messages between a peer and its trainer as bytes (PROTOCOL.md). Decoders take nothing on trust. */
#ifndef SL_TRAINER_MESSAGE_H
#define SL_TRAINER_MESSAGE_H

#include "learn/guest.h"

#include <stddef.h>

enum { SL_TRAINER_PROTOCOL = 1, SL_TRAINER_BYTES = 2048, SL_TRAINER_TEXT = 1024 };

enum sl_trainer_kind {
	SL_TRAINER_HELLO = 1,  /* trainer: who it is; with the descriptor of its start (start.h) */
	SL_TRAINER_ACCEPTED,   /* peer: with the descriptor of the shared vectors */
	SL_TRAINER_REFUSED,    /* peer: why not, in words; it closes the connection */
	SL_TRAINER_READY,      /* trainer: tasks may come */
	SL_TRAINER_TASK,       /* peer */
	SL_TRAINER_RESULT,     /* trainer: the answer to a task, with its three numbers */
	SL_TRAINER_CHECKPOINT, /* peer: keep what you need to go on from round k */
	SL_TRAINER_SAVED,      /* trainer: it is kept, under this digest; zeros: nothing to keep */
	SL_TRAINER_STOP,       /* peer: the run ends; close */
	SL_TRAINER_KINDS
};

/* What a trainer can do. */
enum { SL_TRAINER_GRADIENT = 1, SL_TRAINER_STEPS = 2, SL_TRAINER_EVALUATE = 4, SL_TRAINER_KEEPS = 8 };

/* Peer number of a simulation, where a task says whose turn it is. */
#define SL_TRAINER_ANY UINT32_MAX

/* All messages in one struct; each kind uses the fields that its comment names. */
struct sl_trainer_message {
	enum sl_trainer_kind kind;
	uint32_t protocol, can; /* HELLO */
	uint32_t peer, peers;   /* ACCEPTED; TASK: peer */
	uint64_t run;           /* ACCEPTED: first 8 bytes of the fingerprint */
	/* ACCEPTED: of the shared memory: its length, floats of one vector, where the parameters and the answer lie */
	uint64_t length, dimension, parameters, answer;
	uint64_t epoch, round; /* TASK, RESULT; round: also CHECKPOINT, SAVED */
	uint32_t attempt;      /* TASK, RESULT */
	enum sl_guest_kind task;
	uint32_t steps;        /* TASK */
	uint64_t batch, seed;  /* TASK */
	double eta;            /* TASK */
	double loss, accuracy; /* RESULT; NaN: none */
	uint64_t samples;      /* RESULT */
	unsigned metrics;      /* RESULT */
	struct sl_metric metric[SL_METRICS_MAX];
	uint8_t digest[32];         /* SAVED */
	char text[SL_TRAINER_TEXT]; /* REFUSED */
};

/* Returns the length, at most SL_TRAINER_BYTES. */
size_t sl_trainer_encode(const struct sl_trainer_message *, uint8_t out[static SL_TRAINER_BYTES]);
/* NULL: good; else what is wrong with the bytes, in words. */
const char *sl_trainer_decode(struct sl_trainer_message *out, const uint8_t *bytes, size_t length);

#endif
