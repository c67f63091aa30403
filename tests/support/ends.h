/* ends.h — real links between three ends in one process, and clients of libzmq's own: what tests of daemon/peer/net share. */
#ifndef SL_TESTS_SUPPORT_ENDS_H
#define SL_TESTS_SUPPORT_ENDS_H

#include "daemon/peer/net/net.h"

enum { ENDS = 3, ENDS_FRAME_MAX = 4096, PATIENCE_US = 3 * 5000000 };

/* One end: its links and what it was told. */
struct end {
	struct sl_identity identity;
	char endpoint[64];
	struct sl_net net;
	bool open;
	char kinds[512]; /* of the notices so far, a blank behind each */
};
extern struct end ends[ENDS];

/* Before and after each test: keys and ports for all ends; closes those that are open. */
int ends_set_up(void **state);
int ends_tear_down(void **state);
/* The listener of all ends: its context is the end. Fails the test where a notice is an error. */
void on_notice(void *context, enum sl_level level, const char *kind, const char *detail);
/* Opens end `i` with those neighbours. */
void open_end(unsigned i, const unsigned *neighbours, uint32_t degree);
/* One turn of everybody's loop; sleeps until something happens, 20 ms at most. */
void turn_all(void);
/* Takes one message at end `i`, waiting for it; false when none comes before `until`. */
bool take(unsigned i, uint32_t *edge, char *text, struct sl_time until);
/* The time by which something must have happened. */
struct sl_time patience(void);
/* Sends from `i` over its link `edge` until `j` has taken it; what else arrives at `j` fails the test. */
void assert_passes(unsigned i, uint32_t edge, unsigned j, uint32_t expected_edge, const char *text);

/* A client of our own making; identity NULL: without CURVE. */
struct client {
	void *context, *socket;
};
struct client client_open(const struct sl_identity *identity, unsigned server, const char *routing_id);
void client_send(struct client *, const char *text);
void client_close(struct client *);

/* What qemu-user does not pass on to the kernel; a test of it is skipped there. */
void need_socket_option(bool there, const char *name);
bool counts_bytes(void);
bool takes_filters_off(void);

/* Turns until a condition holds. */
#define UNTIL(condition)                                                                                     \
	do {                                                                                                 \
		struct sl_time until_ = patience();                                                          \
		uint32_t edge_;                                                                              \
		const uint8_t *bytes_;                                                                       \
		size_t length_;                                                                              \
		while (!(condition)) {                                                                       \
			assert_true(sl_time_before(sl_clock(), until_));                                     \
			assert_false(sl_net_receive(&ends[0].net, &edge_, &bytes_, &length_));               \
			turn_all();                                                                          \
		}                                                                                            \
	} while (0)

#endif
