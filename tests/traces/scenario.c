#include "scenario.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
	const char *path, *text;
	unsigned number;
};

__attribute__((format(printf, 2, 3), noreturn)) static void bad(const struct line *l, const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "%s:%u: '%s': ", l->path, l->number, l->text);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(2);
}

/* The words of actions: a letter stands for an argument, P and Q for peers, N for a number. */
static const char *const forms[ACTIONS] = {
	[ACTION_KILL] = "kill P",
	[ACTION_START] = "start P",
	[ACTION_START_EMPTY] = "start P without its disk",
	[ACTION_CUT] = "cut P Q",
	[ACTION_MEND] = "mend P Q",
	[ACTION_REMOVE] = "remove P",
	[ACTION_ADD] = "add P",
	[ACTION_SLOW] = "slow P by N",
	[ACTION_DISK_FAILS] = "disk of P fails",
	[ACTION_DISK_WORKS] = "disk of P works",
	[ACTION_MALFORMED] = "send N malformed from P to Q",
	[ACTION_NARRATE] = "narrate",
	[ACTION_HIDE] = "hide",
};

/* Whether the text has that form; takes its numbers. */
static bool has_form(const char *text, const char *form, uint32_t *p, uint32_t *q, uint32_t *n)
{
	for (; *form; form++) {
		uint32_t *into = *form == 'P' ? p : *form == 'Q' ? q : *form == 'N' ? n : NULL;
		if (!into) {
			if (*text++ != *form)
				return false;
			continue;
		}
		char *end;
		if (*text < '0' || *text > '9')
			return false;
		*into = (uint32_t)strtoul(text, &end, 10);
		text = end;
	}
	return *text == '\0';
}

static void read_action(const struct line *l, const char *text, struct step *s)
{
	for (unsigned a = 0; a < ACTIONS; a++)
		if (has_form(text, forms[a], &s->a, &s->b, &s->count)) {
			s->action = (enum action)a;
			if (s->a >= SWARM_PEERS_MAX || s->b >= SWARM_PEERS_MAX)
				bad(l, "peers are numbered from 0 to %d", SWARM_PEERS_MAX - 1);
			return;
		}
	fprintf(stderr, "known actions (P, Q: peers, N: a number):\n");
	for (unsigned a = 0; a < ACTIONS; a++)
		fprintf(stderr, "    %s\n", forms[a]);
	bad(l, "unknown action '%s'", text);
}

static void read_step(const struct line *l, struct scenario *c, const char *text)
{
	struct step s = { 0 };
	uint32_t milliseconds = 0;
	char condition[128];
	const char *colon = strstr(text, ": ");
	if (!colon || (size_t)(colon - text) >= sizeof condition || c->steps == SCENARIO_STEPS)
		bad(l, "must be 'CONDITION: ACTION', at most %d times", SCENARIO_STEPS);
	snprintf(condition, sizeof condition, "%.*s", (int)(colon - text), text);
	s.timed = has_form(condition, "after N ms", NULL, NULL, &milliseconds);
	s.after_us = 1000 * (int64_t)milliseconds;
	if (!s.timed && !has_form(condition, "when P has done N", &s.peer, NULL, &s.rounds))
		bad(l, "must begin with 'when P has done N:' (rounds) or 'after N ms:'");
	read_action(l, colon + 2, &s);
	c->step[c->steps++] = s;
}

static void read_fate(const struct line *l, struct scenario *c, const char *text)
{
	struct fate f = { .times = 1 };
	uint32_t *n = &f.version, delay = 0;
	char head[128];
	const char *by = strstr(text, " by ");
	if (c->fates == SCENARIO_FATES)
		bad(l, "one too many: at most %d", SCENARIO_FATES);
	snprintf(head, sizeof head, "%.*s", by ? (int)(by - text) : (int)sizeof head - 1, text);
	if (by && has_form(head, "delay frame N from P to Q", &f.from, &f.to, n) &&
	    has_form(by, " by N ms", NULL, NULL, &delay) && delay > 0)
		f.delay_us = 1000 * (int64_t)delay;
	else if (has_form(text, "lose tag N from P to Q", &f.from, &f.to, n))
		f.tag = true;
	else if (!has_form(text, "lose frame N from P to Q", &f.from, &f.to, n))
		bad(l,
		    "must be 'lose frame N from P to Q', 'lose tag N from P to Q' or 'delay frame N from P to Q by N ms'");
	c->fate[c->fates++] = f;
}

static void read_set(const struct line *l, struct scenario *c, const char *text)
{
	char section[64], key[64], value[SL_TEXT_MAX];
	struct sl_error error = { 0 };
	if (sscanf(text, "set %63[a-z_].%63[a-z_] = %191[^\n]", section, key, value) != 3)
		bad(l, "must be 'set SECTION.KEY = VALUE'");
	struct sl_run_settings all = sl_run_settings_of(&c->swarm.settings);
	if (sl_run_settings_set(&all, section, key, value, &error) != SL_OK)
		bad(l, "%s", error.text);
	c->swarm.settings = all.method;
}

static void read_members(const struct line *l, struct scenario *c, const char *text)
{
	char *end;
	memset(c->member, 0, sizeof c->member);
	for (text += strlen("members"); *text; text = end) {
		unsigned long peer = strtoul(text, &end, 10);
		if (end == text || peer >= SWARM_PEERS_MAX)
			bad(l, "must be 'members 0 1 …'");
		c->member[peer] = true;
	}
}

static void read_line(const struct line *l, struct scenario *c, const char *text)
{
	uint32_t n;
	if (strncmp(text, "topology ", 9) == 0)
		snprintf(c->swarm.topology_spec, sizeof c->swarm.topology_spec, "%.*s", SL_TEXT_MAX - 1,
		         text + 9);
	else if (has_form(text, "latency N ms", NULL, NULL, &n))
		c->swarm.network.latency_us = 1000 * (int64_t)n;
	else if (has_form(text, "compute N ms", NULL, NULL, &n))
		c->swarm.network.compute_us = 1000 * (int64_t)n;
	else if (has_form(text, "rate N kbit", NULL, NULL, &n) && n > 0)
		c->swarm.network.rate = 1000 * (uint64_t)n;
	else if (has_form(text, "queue N bytes", NULL, NULL, &n))
		c->swarm.network.queue = n;
	else if (has_form(text, "journal N", NULL, NULL, &n))
		c->journal = n;
	else if (strcmp(text, "hide") == 0)
		c->quiet = true;
	else if (strncmp(text, "members", 7) == 0)
		read_members(l, c, text);
	else if (strncmp(text, "set ", 4) == 0)
		read_set(l, c, text);
	else if (strncmp(text, "lose ", 5) == 0 || strncmp(text, "delay ", 6) == 0)
		read_fate(l, c, text);
	else if (strncmp(text, "when ", 5) == 0 || strncmp(text, "after ", 6) == 0)
		read_step(l, c, text);
	else
		bad(l,
		    "unknown: a line is topology, members, set, latency, compute, rate, queue, journal, hide, lose, delay, when or after");
}

void scenario_read(struct scenario *c, const char *path)
{
	char text[1024];
	struct line l = { path, text, 0 };
	FILE *file = fopen(path, "r");
	if (!file) {
		perror(path);
		exit(2);
	}
	memset(c, 0, sizeof *c);
	swarm_standard(&c->swarm);
	c->swarm.network =
	    (struct sl_sim_network){ .latency_us = 1000, .compute_us = 10000, .queue = 1000000 };
	memset(c->member, true, sizeof c->member);
	bool head = true;
	while (fgets(text, sizeof text, file)) {
		l.number++;
		text[strcspn(text, "\n")] = '\0';
		head = head && text[0] == '#';
		size_t used = strlen(c->title);
		if (head)
			snprintf(c->title + used, sizeof c->title - used, "%s\n",
			         text + 1 + (text[1] == ' '));
		else if (text[0] != '\0' && text[0] != '#')
			read_line(&l, c, text);
	}
	fclose(file);
}
