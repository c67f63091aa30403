/* roster_edit.h — adds and removes members and changes keys; then reconnects the graph, and records the
 * serial of each change. */
#ifndef SL_DAEMON_CLI_ROSTER_EDIT_H
#define SL_DAEMON_CLI_ROSTER_EDIT_H

#include "daemon/run/roster.h"

/* A roster being edited. Starts as a copy of `from` with its serial plus one; owns its arrays. */
struct sl_roster_draft {
	const struct sl_roster *from;
	struct sl_roster_peer *peer;
	uint32_t peers, serial;
	struct sl_edge_pair *edge;
	uint32_t edges;
};
enum sl_status sl_roster_draft(struct sl_roster_draft *out, const struct sl_roster *from,
                               struct sl_error *error);
void sl_roster_draft_free(struct sl_roster_draft *);

/* Adds a peer with the next number, which is put into *number; without a name it is "peer-NUMBER". Its
 * neighbours are chosen by sl_roster_draft_join, or else by sl_roster_draft_finish: all, where everybody has
 * all; else the two that have the fewest. */
enum sl_status sl_roster_draft_add(struct sl_roster_draft *, const char *name, const char *endpoint,
                                   const uint8_t key[static SL_KEY_BYTES], uint32_t *number,
                                   struct sl_error *error);
/* Its number is never reused. Neighbours that were connected only through it are joined. */
enum sl_status sl_roster_draft_remove(struct sl_roster_draft *, uint32_t peer, struct sl_error *error);
enum sl_status sl_roster_draft_rotate(struct sl_roster_draft *, uint32_t peer,
                                      const uint8_t key[static SL_KEY_BYTES], struct sl_error *error);
enum sl_status sl_roster_draft_move(struct sl_roster_draft *, uint32_t peer, const char *endpoint,
                                    struct sl_error *error);
enum sl_status sl_roster_draft_rename(struct sl_roster_draft *, uint32_t peer, const char *name,
                                      struct sl_error *error);
enum sl_status sl_roster_draft_join(struct sl_roster_draft *, uint32_t a, uint32_t b, struct sl_error *error);
enum sl_status sl_roster_draft_part(struct sl_roster_draft *, uint32_t a, uint32_t b, struct sl_error *error);

/* The resulting roster. If edges have changed, all weights are Metropolis–Hastings. */
enum sl_status sl_roster_draft_finish(struct sl_roster_draft *, struct sl_roster *out,
                                      struct sl_error *error);

#endif
