/* watch.h — a running run as starling watch shows it: what its peers say, once an interval, and what follows. */
#ifndef SL_DAEMON_CLI_WATCH_WATCH_H
#define SL_DAEMON_CLI_WATCH_WATCH_H

#include "base/time.h"
#include "daemon/run/local.h"
#include "daemon/run/status_view.h"

enum { SL_WATCH_MOMENTS = 16, SL_WATCH_SPARKS = 256 };

/* State of an edge, the worst that either end reports; in ascending order of severity. */
enum sl_watch_state {
	SL_WATCH_UNKNOWN, /* neither end answers */
	SL_WATCH_UP,
	SL_WATCH_AWAITED, /* an end waits for the other one */
	SL_WATCH_LATE,    /* an end has given up waiting */
	SL_WATCH_DOWN,
	SL_WATCH_QUARANTINED,
	SL_WATCH_STATES
};
const char *sl_watch_state_name(enum sl_watch_state);

struct sl_watch_peer {
	bool answers, gone; /* gone: no longer a member */
	struct sl_status_view view;
	bool awaited;          /* now, by some neighbour */
	double awaited_share;  /* of the last samples: part in which it was */
	int64_t sent, sent_us; /* bytes on the wire at the last sample */
	double rate;           /* of them per second, smoothed; NaN: not known */
};

struct sl_watch {
	struct sl_config config;
	struct sl_roster roster;
	struct sl_watch_peer *peer; /* roster.topology.peers; owned */
	uint8_t *state,
	    *before; /* enum sl_watch_state of roster.topology.edges; before: of the last sample */
	uint32_t samples;

	/* What the peers add up to; NaN and −1 where nothing is known. */
	uint32_t answering, members;
	double round, loss, accuracy, worst, rate, left; /* means; rate: rounds per second; left: seconds */
	int64_t least_round, rounds, sent, slowest;      /* slowest: a peer, or −1: none stands out */
	double sent_rate;
	uint32_t count[SL_WATCH_STATES]; /* edges by state */

	double spark[SL_WATCH_SPARKS]; /* mean accuracies, each other than the one before: a ring */
	unsigned sparks;
	struct {
		int64_t us;
		double round;
	} moment[SL_WATCH_MOMENTS];
	unsigned moments;
};

/* Opens the run in a folder. */
enum sl_status sl_watch_open(struct sl_watch *, const char *folder, struct sl_error *error);
void sl_watch_close(struct sl_watch *);
/* Asks all peers. */
void sl_watch_sample(struct sl_watch *);

/* How a terminal is drawn on. */
struct sl_watch_look {
	unsigned rows, columns;
	bool colour, utf8;
};

/* A whole frame: `rows` lines at most, each of `columns` columns at most, without a newline after the last. */
void sl_watch_draw(const struct sl_watch *, const struct sl_watch_look *, FILE *out);
/* The graph as text: `height` lines of `width` cells, into text[]; each up to `size` bytes. Peers stand on an
 * ellipse; edges are lines whose pattern is their state. */
enum {
	SL_WATCH_GRAPH_PEERS = 40,
	SL_WATCH_GRAPH_WIDTH = 28,
	SL_WATCH_GRAPH_HEIGHT = 24,
	SL_WATCH_GRAPH_LINE = 1024
};
void sl_watch_graph(const struct sl_watch *, const struct sl_watch_look *, unsigned width, unsigned height,
                    char text[][SL_WATCH_GRAPH_LINE]);
/* The escape sequence that begins the colour of a state, or "". */
const char *sl_watch_colour(const struct sl_watch_look *, enum sl_watch_state);

/* One line for people; lines for edges whose state changed since the last sample; one JSON object. */
void sl_watch_line(const struct sl_watch *, FILE *out);
void sl_watch_changes(const struct sl_watch *, FILE *out);
void sl_watch_json(const struct sl_watch *, FILE *out);

#endif
