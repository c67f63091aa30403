/* daemon.h — one peer as a process: everything opened, in the order in which it can fail, and closed in
 * reverse. */
#ifndef SL_DAEMON_PEER_DAEMON_H
#define SL_DAEMON_PEER_DAEMON_H

#include "daemon/run/checkpoint.h"
#include "daemon/peer/loop.h"
#include "daemon/run/run.h"
#include "daemon/run/resume.h"
#include "daemon/run/threads.h"

struct sl_daemon_options {
	const char *file; /* run.conf */
	uint32_t peer;
	char *const *overrides; /* NULL-terminated */
};

struct sl_daemon {
	uint32_t number;
	struct sl_run run;
	struct sl_identity identity;
	struct sl_mapping shard_file;
	struct sl_dataset shard;
	struct sl_peer_neighbour neighbours[SL_DEGREE_MAX];
	uint32_t degree;
	uint32_t capacity; /* most neighbours */

	struct sl_threads *threads;  /* that share passes over a large model; NULL: none */
	struct sl_parallel parallel; /* … as those who make passes see them */
	struct sl_scratch scratch;
	struct sl_resume resume;
	char settings[8192]; /* those that all peers share, as recorded in checkpoints */
	char checkpoint[4096], public_key[SL_KEY_HEX], host[256];
	struct sl_store *store;
	struct sl_net net;
	struct sl_metrics_places metrics;      /* where its numbers are to be had */
	struct sl_checkpoint_pair checkpoints; /* while opening */
	const uint8_t *resumed;                /* the state in them that the peer loaded */
	size_t resumed_length;
	struct sl_loop loop;
};

/* Blocks the signals that the loop takes from a descriptor; call before any thread exists. */
void sl_daemon_block_signals(void);

/* Checks all inputs: configuration, roster, key, data. Changes nothing. */
enum sl_status sl_daemon_check(struct sl_daemon *, const struct sl_daemon_options *, struct sl_error *error);
/* Memory, checkpoint, history, links, status socket. */
enum sl_status sl_daemon_open(struct sl_daemon *, struct sl_error *error);
/* Runs to the end; true: success. */
bool sl_daemon_run(struct sl_daemon *);
/* Whether its peer found that the run diverges, or stopped because of it. */
bool sl_daemon_diverged(const struct sl_daemon *);
/* The identity as on the disk now; refused if the roster lists another key for this peer. */
enum sl_status sl_daemon_identity(const struct sl_daemon *, const struct sl_roster *, struct sl_identity *out,
                                  struct sl_error *error);
/* Opens the links that a roster lists. The identity is wiped. */
enum sl_status sl_daemon_links(struct sl_daemon *, const struct sl_roster *, struct sl_identity *,
                               struct sl_error *error);
/* For sl_net_setup and sl_net_change; `out` has room for SL_DEGREE_MAX. */
uint32_t sl_daemon_neighbours(const struct sl_roster *, uint32_t peer, struct sl_net_neighbour *out);
/* Records that this roster is in force, for the next start. */
void sl_daemon_keep_serial(struct sl_daemon *, const struct sl_roster *);
/* SIGHUP: reads the roster again. A bad one is reported, and the one in force stays. */
void sl_daemon_reload(struct sl_daemon *);
/* Writes the last rows and lets the last frames leave; returns the exit code, 1 instead of 0 where rows are
 * lost. A second SIGTERM or SIGINT during this call ends the process with 1. */
int sl_daemon_close(struct sl_daemon *, int exit_code);

#endif
