/* graph.c — the graph of a run in cells of text, drawn with dots of braille, or with full stops. */
#include "daemon/cli/watch/watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDE = 2, HIGH = 4 /* dots of a cell */ };

struct cell {
	uint8_t dots, state;
	char sign; /* instead of the dots; 0: none */
	bool marked;
};

struct canvas {
	unsigned width, height;
	struct cell cell[SL_WATCH_GRAPH_HEIGHT][SL_WATCH_GRAPH_WIDTH];
};

const char *sl_watch_colour(const struct sl_watch_look *look, enum sl_watch_state state)
{
	static const char *const colours[SL_WATCH_STATES] = { "\033[2m",  "",         "\033[36m",
		                                              "\033[33m", "\033[31m", "\033[1;35m" };
	return look->colour ? colours[state] : "";
}

static void place(const struct canvas *c, uint32_t k, uint32_t peers, double *x, double *y)
{
	double angle = 2 * 3.14159265358979323846 * ((double)k / peers - 0.25);
	double wide = (double)c->width * WIDE, high = (double)c->height * HIGH;
	*x = wide / 2 + (wide / 2 - 3.5 * WIDE / 2) * cos(angle);
	*y = high / 2 + (high / 2 - 1.01 * HIGH / 2) * sin(angle);
}

static void dot(struct canvas *c, int x, int y, enum sl_watch_state state)
{
	static const uint8_t bit[HIGH][WIDE] = {
		{ 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 }
	};
	if (x < 0 || y < 0 || x >= (int)c->width * WIDE || y >= (int)c->height * HIGH)
		return;
	struct cell *at = &c->cell[y / HIGH][x / WIDE];
	at->dots |= bit[y % HIGH][x % WIDE];
	at->state = state > at->state ? (uint8_t)state : at->state;
}

/* A line is whole where all is well, has gaps where an end is late, and few dots where it is down. */
static bool drawn(enum sl_watch_state state, int i)
{
	switch (state) {
	case SL_WATCH_LATE:
		return i % 4 < 2;
	case SL_WATCH_DOWN:
	case SL_WATCH_QUARANTINED:
	case SL_WATCH_UNKNOWN:
		return i % 4 == 0;
	default:
		return true;
	}
}

static void line(struct canvas *c, uint32_t a, uint32_t b, uint32_t peers, enum sl_watch_state state)
{
	static const char sign[SL_WATCH_STATES] = { 0, 0, 0, '~', 'x', 'Q' };
	double ax, ay, bx, by;
	place(c, a, peers, &ax, &ay);
	place(c, b, peers, &bx, &by);
	int steps = (int)ceil(fmax(fabs(bx - ax), fabs(by - ay)));
	for (int i = 0; i <= steps; i++)
		if (drawn(state, i))
			dot(c, (int)(ax + (bx - ax) * i / (steps ? steps : 1)),
			    (int)(ay + (by - ay) * i / (steps ? steps : 1)), state);
	unsigned x = (unsigned)((ax + bx) / 2) / WIDE, y = (unsigned)((ay + by) / 2) / HIGH;
	if (sign[state] && x < c->width && y < c->height) {
		c->cell[y][x].sign = sign[state];
		c->cell[y][x].state = (uint8_t)state;
	}
}

static void label(struct canvas *c, uint32_t k, uint32_t peers, bool marked)
{
	char text[12];
	double x, y;
	place(c, k, peers, &x, &y);
	int n = snprintf(text, sizeof text, "%u", (unsigned)k);
	int column = (int)(x / WIDE) - (n - 1) / 2;
	column = column < 0 ? 0 : column + n > (int)c->width ? (int)c->width - n : column;
	for (int i = 0; i < n; i++) {
		struct cell *at = &c->cell[(int)(y / HIGH)][column + i];
		at->sign = text[i];
		at->state = SL_WATCH_UP;
		at->marked = marked;
	}
}

static size_t put_cell(const struct cell *cell, const struct sl_watch_look *look, char *out)
{
	if (cell->sign || !cell->dots || !look->utf8) {
		out[0] = cell->sign ? cell->sign : cell->dots ? '.' : ' ';
		return 1;
	}
	out[0] = (char)0xe2; /* U+2800 and the dots */
	out[1] = (char)(0xa0 | cell->dots >> 6);
	out[2] = (char)(0x80 | (cell->dots & 0x3f));
	return 3;
}

static void put_line(const struct canvas *c, unsigned y, const struct sl_watch_look *look, char *out)
{
	size_t used = 0;
	const char *now = "";
	for (unsigned x = 0; x < c->width; x++) {
		const struct cell *cell = &c->cell[y][x];
		const char *colour = !look->colour              ? ""
		                     : cell->marked             ? "\033[7m"
		                     : cell->sign || cell->dots ? sl_watch_colour(look, cell->state)
		                                                : "";
		if (strcmp(colour, now) != 0)
			used += (size_t)snprintf(out + used, SL_WATCH_GRAPH_LINE - used, "%s%s",
			                         now[0] ? "\033[0m" : "", colour);
		now = colour;
		used += put_cell(cell, look, out + used);
	}
	snprintf(out + used, SL_WATCH_GRAPH_LINE - used, "%s", now[0] ? "\033[0m" : "");
}

void sl_watch_graph(const struct sl_watch *w, const struct sl_watch_look *look, unsigned width,
                    unsigned height, char text[][SL_WATCH_GRAPH_LINE])
{
	static struct canvas c;
	const struct sl_topology *t = &w->roster.topology;
	memset(&c, 0, sizeof c);
	c.width = width < SL_WATCH_GRAPH_WIDTH ? width : SL_WATCH_GRAPH_WIDTH;
	c.height = height < SL_WATCH_GRAPH_HEIGHT ? height : SL_WATCH_GRAPH_HEIGHT;
	for (unsigned worst = 0; worst < SL_WATCH_STATES; worst++) /* what is wrong lies on top */
		for (uint32_t e = 0; e < t->edges; e++)
			if (w->state[e] == worst)
				line(&c, t->edge[e].a, t->edge[e].b, t->peers, (enum sl_watch_state)worst);
	for (uint32_t k = 0; k < t->peers; k++)
		if (!w->peer[k].gone)
			label(&c, k, t->peers, !w->peer[k].answers);
	for (unsigned y = 0; y < c.height; y++)
		put_line(&c, y, look, text[y]);
}
