/* The headers of differences and tags: what is left out of them comes back as it was, or the frame is recognised as one
 * that refers to something else. */
#include "support/forged.h"

#include "gossip/brief.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENDER = 3, RECEIVER = 4, ROUNDS = 700, FIRST_STEPS = 3 };

/* ---- bytes ---- */

static uint32_t any_number(struct sl_random *g)
{
	return (uint32_t)(sl_random_u64(g) >> 32 >> sl_random_below(g, 32));
}

/* Up to so many before or after, never below 0. */
static uint32_t near_to(struct sl_random *g, uint32_t v)
{
	uint32_t least = v < 100 ? 0 : v - 100;
	return least + sl_random_below(g, v - least + 100);
}

static void draw(struct sl_random *g, struct sl_frame *f, struct sl_brief_base *base,
                 struct sl_brief_form *form)
{
	*base = (struct sl_brief_base){ .key = sl_random_u64(g),
		                        .version = any_number(g) >> 1,
		                        .step = any_number(g) >> 1,
		                        .terms = sl_random_below(g, 2),
		                        .durable = sl_random_below(g, 4) ? any_number(g) : UINT32_MAX,
		                        .serial = any_number(g) };
	form->near = sl_random_below(g, 2);
	form->terms = !base->terms || sl_random_below(g, 4) == 0;
	f->kind = sl_random_below(g, 3) ? SL_FRAME_DIFFERENCE : SL_FRAME_TAG;
	f->tag = f->kind == SL_FRAME_TAG || sl_random_below(g, 2);
	f->wants = sl_random_below(g, 2);
	f->version = form->near ? near_to(g, base->version) : any_number(g);
	f->step = sl_random_below(g, 2) ? f->version : form->near ? near_to(g, base->step) : any_number(g);
	f->round = sl_random_below(g, 2) ? f->version - 1 : any_number(g);
	f->durable = form->terms ? any_number(g) : base->durable;
	f->serial = form->terms ? any_number(g) : base->serial;
	f->digest = sl_random_u64(g);
}

static bool same(const struct sl_frame *a, const struct sl_frame *b)
{
	return a->kind == b->kind && a->tag == b->tag && a->wants == b->wants && a->version == b->version &&
	       a->step == b->step && a->round == b->round && a->durable == b->durable &&
	       a->serial == b->serial && sl_frame_fits(a, b->digest);
}

static void what_is_left_out_comes_back(void **state)
{
	(void)state;
	struct sl_random g = sl_random_stream(1, 0, "headers", 0);
	for (int n = 0; n < 300000; n++) {
		struct sl_frame f = { 0 }, back;
		struct sl_brief_base base;
		struct sl_brief_form form, as;
		uint8_t bytes[SL_BRIEF_MOST + 4] = { 0 }, again[SL_BRIEF_MOST];
		draw(&g, &f, &base, &form);
		size_t body = f.kind == SL_FRAME_TAG ? 0 : sl_random_below(&g, 4);
		size_t length = sl_brief_write(bytes, &f, base.key, form);
		assert_true(sl_is_brief(bytes, length));
		assert_int_equal(sl_brief_read(&back, &as, bytes, length + body, &base), SL_BRIEF_OK);
		assert_true(same(&f, &back) && as.near == form.near && as.terms == form.terms);
		assert_int_equal(sl_reader_left(&back.body), body);
		assert_int_equal(sl_brief_write(again, &back, base.key, as), length);
		assert_memory_equal(again, bytes, length);
		for (size_t cut = 0; cut < length; cut++)
			assert_int_equal(sl_brief_read(&back, NULL, bytes, cut, &base), SL_BRIEF_MALFORMED);
	}
}

/* One in 65536 passes by chance. */
static void what_differs_is_noticed(void **state)
{
	(void)state;
	enum { TRIES = 200000 };
	struct sl_random g = sl_random_stream(2, 0, "headers", 0);
	unsigned passed = 0;
	for (int n = 0; n < TRIES; n++) {
		struct sl_frame f = { 0 }, back;
		struct sl_brief_base base;
		struct sl_brief_form form;
		uint8_t bytes[SL_BRIEF_MOST];
		draw(&g, &f, &base, &form);
		size_t length = sl_brief_write(bytes, &f, base.key, form);
		switch (sl_random_below(&g, form.terms ? 2 : 4)) {
		case 0:
			base.key ^= UINT64_C(1) << sl_random_below(&g, 64);
			break;
		case 1:
			bytes[0] ^= 0x10;
			break;
		case 2:
			base.durable += 1 + sl_random_below(&g, 100);
			break;
		default:
			base.serial += 1 + sl_random_below(&g, 100);
			break;
		}
		passed += sl_brief_read(&back, NULL, bytes, length, &base) == SL_BRIEF_OK;
	}
	assert_in_range(passed, 0, 20); /* 3 are expected */
}

/* Numbers that end in the same byte are 256 apart: from the wrong place another one is read, and noticed. */
static void a_low_byte_means_the_nearest(void **state)
{
	(void)state;
	struct sl_brief_form near = { .near = true };
	unsigned wrong = 0;
	for (uint32_t expected = 0; expected < 1000; expected++)
		for (uint32_t v = 1; v < 1000; v++) {
			struct sl_frame f = { .kind = SL_FRAME_TAG,
				              .tag = true,
				              .version = v,
				              .step = v,
				              .round = v - 1 },
			                back;
			struct sl_brief_base base = {
				.key = 5, .version = expected, .step = expected, .terms = true
			};
			uint8_t bytes[SL_BRIEF_MOST];
			size_t length = sl_brief_write(bytes, &f, 5, near);
			assert_int_equal(length, SL_BRIEF_STEADY);
			bool within = v + 128 >= expected && v < expected + 128;
			enum sl_brief found = sl_brief_read(&back, NULL, bytes, length, &base);
			if (within)
				assert_true(found == SL_BRIEF_OK && back.version == v);
			else if (expected >= 128) /* else there is no other candidate above 0 */
				wrong += found == SL_BRIEF_OK;
		}
	assert_in_range(wrong, 0, 60); /* of 600,000 some nine */
}

/* Each part of the pair makes another key, and a sender is no receiver. */
static void every_part_of_the_pair_counts(void **state)
{
	(void)state;
	const struct sl_brief_pair pair = { 1, 2, 3, 4, 5, 6, 7 };
	struct sl_brief_pair other[8];
	for (unsigned i = 0; i < 8; i++)
		other[i] = pair;
	other[1].run++;
	other[2].session++;
	other[3].sender++;
	other[4].receiver++;
	other[5].sender_incarnation++;
	other[6].receiver_incarnation++;
	other[7].epoch++;
	for (unsigned i = 0; i < 8; i++)
		for (unsigned k = 0; k < i; k++)
			assert_true(sl_brief_key(&other[i]) != sl_brief_key(&other[k]));
	const struct sl_brief_pair back = { 1, 2, 4, 3, 6, 5, 7 };
	assert_true(sl_brief_key(&pair) != sl_brief_key(&back));
}

static void malformed_headers_are_refused(void **state)
{
	(void)state;
	struct sl_brief_base base = { .key = 1, .version = 5, .step = 5, .terms = true };
	struct sl_frame back;
	static const struct {
		const char *bytes;
		size_t length;
	} wrong[] = {
		{ "", 0 },
		{ "\xa8", 1 },
		{ "\xa8\x05\x01\x02\x03\x04\x05", 7 },                  /* one byte is missing */
		{ "\xe8\x05\x01\x02\x03\x04\x05\x06\x07", 9 },          /* a tag with a body */
		{ "\xc8\x05\x01\x02\x03\x04\x05\x06", 8 },              /* a tag that is none */
		{ "\xa0\x85\x00\x01\x02\x03\x04\x05\x06", 9 },          /* 5 in two bytes */
		{ "\xa0\xff\xff\xff\xff\x10\x02\x03\x04\x05\x06", 11 }, /* 33 bits */
		{ "\xa0\x80\x80\x80\x80\x80\x01\x01\x02\x03\x04\x05\x06", 13 },
		{ "\x28\x05\x01\x02\x03\x04\x05\x06", 8 }, /* not one at all */
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(
		    sl_brief_read(&back, NULL, (const uint8_t *)wrong[i].bytes, wrong[i].length, &base),
		    SL_BRIEF_MALFORMED);
}

/* Bytes that end within a fixed header are no frame, whatever they say of a body. */
static void a_fixed_header_is_whole(void **state)
{
	(void)state;
	uint8_t bytes[SL_FRAME_HEADER];
	struct sl_frame f = { .kind = SL_FRAME_HELLO, .channels = 1 }, back;
	for (uint32_t body = 0; body < SL_FRAME_HEADER; body++)
		for (size_t length = 0; length <= SL_FRAME_HEADER; length++) {
			sl_frame_header(bytes, &f, body);
			assert_int_equal(sl_frame_parse(&back, bytes, length),
			                 body == 0 && length == SL_FRAME_HEADER);
		}
}

/* The bytes between two fences of WIRE.md, after `title`. */
static size_t example(const char *title, uint8_t *out, size_t room)
{
	static char text[100000];
	FILE *f = fopen("lib/gossip/WIRE.md", "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	const char *at = strstr(text, title);
	assert_non_null(at);
	at = strstr(at, "```\n");
	assert_non_null(at);
	size_t length = 0;
	for (at += 4; *at != '`'; at += strcspn(at, "\n") + 1) /* of every line, up to two spaces in a row */
		for (; isxdigit(at[0]) && isxdigit(at[1]); at += at[2] == ' ' ? 3 : 2) {
			assert_true(length < room);
			out[length++] = (uint8_t)strtoul((char[]){ at[0], at[1], 0 }, NULL, 16);
		}
	return length;
}

static void the_worked_example_is_true(void **state)
{
	(void)state;
	struct sl_brief_pair pair = { UINT64_C(0x1122334455667788), UINT64_C(0x99aabbccddeeff00), 3, 4,
		                      UINT64_C(0x0102030405060709), UINT64_C(0x1112131415161719), 0 };
	uint64_t key = sl_brief_key(&pair);
	struct sl_frame f = { .kind = SL_FRAME_DIFFERENCE,
		              .tag = true,
		              .version = 300,
		              .step = 300,
		              .round = 299,
		              .durable = 250,
		              .serial = 1,
		              .digest = UINT64_C(0x0123456789abcdef) };
	uint8_t want[64], got[SL_BRIEF_MOST];
	size_t length = sl_brief_write(got, &f, key, (struct sl_brief_form){ .near = true });
	assert_int_equal(length, SL_BRIEF_STEADY);
	assert_int_equal(example("steady state:", want, sizeof want), length);
	assert_memory_equal(want, got, length);
	length = sl_brief_write(got, &f, key, (struct sl_brief_form){ .terms = true });
	assert_int_equal(example("nothing left out:", want, sizeof want), length);
	assert_memory_equal(want, got, length);
	f.kind = SL_FRAME_TAG;
	f.step = 280;
	f.round = 310;
	length = sl_brief_write(got, &f, key, (struct sl_brief_form){ .near = true });
	assert_int_equal(example("A TAG of version 300", want, sizeof want), length);
	assert_memory_equal(want, got, length);
}

/* ---- peers ---- */

static struct swarm *made(void)
{
	struct swarm *w = calloc(1, sizeof *w);
	assert_non_null(w);
	swarm_standard(w);
	return w;
}

static void done(struct swarm *w)
{
	swarm_close(w);
	free(w);
}

struct counts {
	struct swarm *w;
	uint32_t differences, others, late_others, steady, a_byte_more, longest;
};

static enum sl_sim_fate count_header(void *context, struct sl_sim_message *m)
{
	uint32_t from = m->from;
	const struct sl_action *a = m->send;
	struct counts *c = context;
	const struct sl_peer *p = sl_sim_peer(c->w->sim, from);
	bool early = p->edge[a->edge].tagged < FIRST_STEPS, last = p->round + 1 >= ROUNDS;
	if (!sl_is_brief(a->header, a->header_length)) {
		c->others++;
		c->late_others += !early && !last;
		return SL_SIM_PASS;
	}
	c->differences++;
	if (early)
		return SL_SIM_PASS;
	c->steady += a->header_length == SL_BRIEF_STEADY;
	c->a_byte_more += a->header_length == SL_BRIEF_STEADY + 1;
	c->longest = a->header_length > c->longest ? (uint32_t)a->header_length : c->longest;
	return SL_SIM_PASS;
}

/* Where nothing is lost: one frame per round and neighbour and nothing beside it, 8 bytes of header, also where a low
 * byte starts again at 0, and what a checkpoint changes costs little. */
static void the_steady_state(void **state)
{
	(void)state;
	for (unsigned checkpoints = 0; checkpoints < 2; checkpoints++) {
		struct swarm *w = made();
		w->settings.rounds = ROUNDS;
		w->settings.checkpoint_every = checkpoints ? 50 : 0;
		swarm_open(w);
		struct counts c = { .w = w };
		sl_sim_watch(w->sim, &(struct sl_sim_watch){ .context = &c, .sent = count_header });
		swarm_run(w, 1000000);
		assert_int_equal(c.differences, 8 * 2 * ROUNDS);
		assert_int_equal(c.late_others, 0);
		assert_true(c.longest <= 16);
		assert_true(c.steady >= (checkpoints ? 0.9 : 1) * 8 * 2 * (ROUNDS - FIRST_STEPS - 1));
		for (uint32_t i = 0; i < 8; i++)
			for (uint32_t k = 0; k < 2; k++) {
				const struct sl_link_row *t = &sl_sim_peer(w->sim, i)->edge[k].totals;
				assert_int_equal(t->repeated + t->resent + t->refused, 0);
			}
		done(w);
	}
}

/* Where edges have fewer steps than there are versions, the low byte of the step is in the header, too. */
static void steps_that_lag_behind_cost_a_byte(void **state)
{
	(void)state;
	struct swarm *w = made();
	w->settings.rounds = ROUNDS;
	snprintf(w->topology_spec, sizeof w->topology_spec, "one-peer-hypercube:8");
	swarm_open(w);
	struct counts c = { .w = w };
	sl_sim_watch(w->sim, &(struct sl_sim_watch){ .context = &c, .sent = count_header });
	swarm_run(w, 1000000);
	assert_in_range(sl_sim_peer(w->sim, 0)->edge[0].step, ROUNDS / 3, ROUNDS / 3 + 1);
	assert_true(c.differences > 8 * 2 * ROUNDS && c.late_others == 0);
	assert_true(c.a_byte_more > 0.95 * c.differences);
	done(w);
}

/* The last tagged difference from SENDER to RECEIVER. */
struct last {
	struct swarm *w;
	size_t length;
	uint8_t bytes[4096];
};

static enum sl_sim_fate keep_last(void *context, struct sl_sim_message *m)
{
	uint32_t from = m->from;
	const struct sl_action *a = m->send;
	struct last *l = context;
	size_t length = a->header_length + a->body_length;
	if (from != SENDER || sl_sim_peer(l->w->sim, from)->edge[a->edge].neighbour != RECEIVER ||
	    !sl_is_brief(a->header, a->header_length) || length > sizeof l->bytes)
		return SL_SIM_PASS;
	l->length = length;
	memcpy(l->bytes, a->header, a->header_length);
	if (a->body_length)
		memcpy(l->bytes + a->header_length, a->body, a->body_length);
	return SL_SIM_PASS;
}

static void inject(struct last *l)
{
	sl_sim_inject(l->w->sim, SENDER, RECEIVER, l->bytes, l->length);
	sl_sim_step(l->w->sim);
}

/* A frame that the sender's former life sent, or that was meant for the receiver's: dropped, whatever it says. */
static void frames_of_former_lives_are_dropped(void **state)
{
	(void)state;
	static const uint32_t killed[] = { SENDER, RECEIVER };
	for (unsigned i = 0; i < 2; i++) {
		struct swarm *w = made();
		w->settings.checkpoint_every = 5;
		swarm_open(w);
		struct last l = { .w = w };
		sl_sim_watch(w->sim, &(struct sl_sim_watch){ .context = &l, .sent = keep_last });
		swarm_run_to(w, RECEIVER, 12);
		struct last old = l;
		sl_sim_kill(w->sim, killed[i]);
		sl_sim_revive(w->sim, killed[i], SL_SIM_DISK_NEWEST);
		struct sl_edge *e = forged_edge(w, RECEIVER, SENDER);
		while (!(e = forged_edge(w, RECEIVER, SENDER))->greeted ||
		       !forged_edge(w, SENDER, RECEIVER)->greeted)
			assert_true(sl_sim_step(w->sim));
		int64_t repeated = e->totals.repeated;
		uint32_t step = e->step, version = e->their_version;
		for (unsigned n = 0; n < 10; n++)
			inject(&old);
		e = forged_edge(w, RECEIVER, SENDER);
		assert_true(e->totals.repeated >= repeated + 10);
		assert_in_range(e->step - step, 0, 3);
		assert_in_range(e->their_version - version, 0, 3);
		assert_int_equal(e->totals.refused, 0);
		swarm_run(w, 1000000);
		done(w);
	}
}

/* The receiver has forgotten what was agreed: it asks, all is said again, and the run goes on. */
static void what_is_not_known_is_asked_for(void **state)
{
	(void)state;
	struct swarm *w = made();
	swarm_open(w);
	swarm_run_to(w, RECEIVER, 12);
	struct sl_edge *e = forged_edge(w, RECEIVER, SENDER);
	sl_terms_drop(e);
	swarm_run_to(w, RECEIVER, 16);
	assert_true(e->agrees);
	assert_in_range(e->totals.repeated, 1, 3);
	swarm_run(w, 1000000);
	done(w);
}

/* More of them than any honest neighbour has under way. */
static void nothing_but_unknown_frames_leads_to_quarantine(void **state)
{
	(void)state;
	struct swarm *w = made();
	swarm_open(w);
	struct last l = { .w = w };
	sl_sim_watch(w->sim, &(struct sl_sim_watch){ .context = &l, .sent = keep_last });
	swarm_run_to(w, RECEIVER, 12);
	sl_sim_kill(w->sim, SENDER);
	for (size_t at = 0; at < 8; at++)
		l.bytes[at] ^= at == 2; /* its check */
	struct sl_edge *e = forged_edge(w, RECEIVER, SENDER);
	for (unsigned n = 0; n < 200; n++)
		inject(&l);
	assert_int_equal(e->totals.refused, 0);
	assert_false(e->guard.closed);
	for (unsigned n = 0; n < 400 && !e->guard.closed; n++)
		inject(&l);
	assert_true(e->guard.closed);
	done(w);
}

static void another_version_is_told(void **state)
{
	(void)state;
	struct swarm *w = made();
	swarm_open(w);
	swarm_run_to(w, RECEIVER, 5);
	uint8_t bytes[200] = { 0x53, 0x4c, 3, SL_FRAME_HELLO, 1 };
	struct sl_edge *e = forged_edge(w, RECEIVER, SENDER);
	for (unsigned n = 0; n < 200; n++) {
		sl_sim_inject(w->sim, SENDER, RECEIVER, bytes, sizeof bytes);
		sl_sim_step(w->sim);
	}
	assert_false(e->guard.closed);
	assert_int_equal(e->totals.refused, 200);
	assert_int_equal(e->guard.count[SL_OFFENCE_VERSION], 200);
	assert_int_equal(swarm_count(w, "frame-refused"), 1);
	for (uint32_t i = 0; i < w->events; i++)
		if (strcmp(w->event[i].kind, "frame-refused") == 0)
			assert_string_equal(
			    w->event[i].detail,
			    "peer 3 sends version 3 of the wire format, and this peer version 6: they need the same version of starling");
	bytes[2] = SL_WIRE_VERSION; /* its header alone; a difference has no fixed header on the wire */
	sl_store_u32(bytes + 28, sizeof bytes - SL_FRAME_HEADER);
	bytes[3] = SL_FRAME_DIFFERENCE;
	sl_sim_inject(w->sim, SENDER, RECEIVER, bytes, sizeof bytes);
	sl_sim_step(w->sim);
	assert_int_equal(e->guard.count[SL_OFFENCE_SHAPE], 1);
	swarm_run(w, 1000000);
	done(w);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_out_comes_back),
		cmocka_unit_test(what_differs_is_noticed),
		cmocka_unit_test(a_low_byte_means_the_nearest),
		cmocka_unit_test(every_part_of_the_pair_counts),
		cmocka_unit_test(malformed_headers_are_refused),
		cmocka_unit_test(a_fixed_header_is_whole),
		cmocka_unit_test(the_worked_example_is_true),
		cmocka_unit_test(the_steady_state),
		cmocka_unit_test(steps_that_lag_behind_cost_a_byte),
		cmocka_unit_test(frames_of_former_lives_are_dropped),
		cmocka_unit_test(what_is_not_known_is_asked_for),
		cmocka_unit_test(nothing_but_unknown_frames_leads_to_quarantine),
		cmocka_unit_test(another_version_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
