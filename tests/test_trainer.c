/* Messages between a peer and its trainer, and the bytes of a start: what is written is read, and nothing else is. */
#include "base/random.h"
#include "trainer/message.h"
#include "trainer/start.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- messages ---- */

static struct sl_trainer_message example(enum sl_trainer_kind kind)
{
	struct sl_trainer_message m = { .kind = kind };
	switch (kind) {
	case SL_TRAINER_HELLO:
		m.protocol = SL_TRAINER_PROTOCOL;
		m.can = SL_TRAINER_STEPS | SL_TRAINER_EVALUATE;
		break;
	case SL_TRAINER_ACCEPTED:
		m.peer = 3, m.peers = 8, m.run = 0x0123456789abcdef, m.length = 4096, m.dimension = 500,
		m.answer = 2048;
		break;
	case SL_TRAINER_REFUSED:
		snprintf(m.text, sizeof m.text, "tensor 'w' is missing there");
		break;
	case SL_TRAINER_TASK:
		m.peer = 3, m.steps = 4, m.batch = 401, m.seed = 77, m.eta = 0.15;
		m.epoch = 9, m.round = 100, m.attempt = 2, m.task = SL_GUEST_STEPS;
		break;
	case SL_TRAINER_RESULT:
		m.epoch = 9, m.round = 100, m.attempt = 2, m.task = SL_GUEST_EVALUATE;
		m.loss = 0.5, m.accuracy = 0.75, m.samples = 200, m.metrics = 2;
		snprintf(m.metric[0].name, SL_METRIC_NAME, "perplexity");
		m.metric[0].value = 12.5;
		snprintf(m.metric[1].name, SL_METRIC_NAME, "123456789012345678901234567890123456789");
		m.metric[1].value = -1;
		break;
	case SL_TRAINER_SAVED:
		memset(m.digest, 0xab, sizeof m.digest);
		m.round = 100;
		break;
	case SL_TRAINER_CHECKPOINT:
		m.round = 100;
		break;
	default:
		break;
	}
	return m;
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	for (int kind = SL_TRAINER_HELLO; kind < SL_TRAINER_KINDS; kind++) {
		struct sl_trainer_message m = example((enum sl_trainer_kind)kind), back;
		uint8_t bytes[SL_TRAINER_BYTES];
		size_t length = sl_trainer_encode(&m, bytes);
		assert_true(length >= 4 && length <= SL_TRAINER_BYTES);
		assert_null(sl_trainer_decode(&back, bytes, length));
		assert_memory_equal(&m, &back, sizeof m);
	}
}

/* Of fixed messages every part is refused, and so is every addition. */
static void other_lengths_are_refused(void **state)
{
	(void)state;
	for (int kind = SL_TRAINER_HELLO; kind < SL_TRAINER_KINDS; kind++) {
		struct sl_trainer_message m = example((enum sl_trainer_kind)kind), back;
		uint8_t bytes[SL_TRAINER_BYTES + 1] = { 0 };
		size_t length = sl_trainer_encode(&m, bytes);
		if (kind == SL_TRAINER_REFUSED)
			continue;
		for (size_t part = 0; part < length; part++) {
			uint8_t *exact = malloc(part + 1);
			memcpy(exact, bytes, part);
			assert_non_null(sl_trainer_decode(&back, exact, part));
			free(exact);
		}
		assert_non_null(sl_trainer_decode(&back, bytes, length + 1));
	}
}

static void names_are_words(void **state)
{
	(void)state;
	static const char *const wrong[] = { "", "two words", "tab\t", "\x7f", "\xc3\xa4" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct sl_trainer_message m = example(SL_TRAINER_RESULT), back;
		uint8_t bytes[SL_TRAINER_BYTES];
		snprintf(m.metric[0].name, SL_METRIC_NAME, "%s", wrong[i]);
		const char *why = sl_trainer_decode(&back, bytes, sl_trainer_encode(&m, bytes));
		assert_non_null(why);
		assert_non_null(strstr(why, "name of a metric"));
	}
	struct sl_trainer_message m = example(SL_TRAINER_RESULT), back;
	uint8_t bytes[SL_TRAINER_BYTES];
	size_t length = sl_trainer_encode(&m, bytes);
	memset(bytes + 56, 'x', SL_METRIC_NAME); /* without its end */
	assert_non_null(sl_trainer_decode(&back, bytes, length));
	length = sl_trainer_encode(&m, bytes);
	bytes[52] = SL_METRICS_MAX + 1;
	assert_non_null(strstr(sl_trainer_decode(&back, bytes, length), "metrics"));
}

/* ---- starts ---- */

struct made {
	_Alignas(64) uint8_t bytes[4096];
	size_t length;
};

struct given {
	const char *name;
	uint8_t role, dtype, flags, rank;
	uint32_t shape[4];
	uint8_t digest;
};

/* As PROTOCOL.md says it, apart from the reader. */
static void make(struct made *out, const struct given *list, uint32_t count)
{
	struct sl_writer w = sl_writer(out->bytes, sizeof out->bytes);
	uint32_t floats = 0;
	memset(out, 0, sizeof *out);
	sl_write_bytes(&w, "SLstart\n", 8);
	sl_write_u32(&w, 1);
	sl_write_u32(&w, count);
	sl_write_u64(&w, 0);
	sl_write_u64(&w, 0);
	for (uint32_t i = 0; i < count; i++) {
		const struct given *g = &list[i];
		uint8_t digest[16];
		uint32_t size = 1;
		memset(digest, g->digest, sizeof digest);
		sl_write_u8(&w, g->role);
		sl_write_u8(&w, g->dtype);
		sl_write_u8(&w, g->flags);
		sl_write_u8(&w, g->rank);
		for (unsigned k = 0; k < g->rank; k++) {
			sl_write_u32(&w, g->shape[k]);
			size *= g->shape[k];
		}
		sl_write_bytes(&w, digest, sizeof digest);
		sl_write_u16(&w, (uint16_t)(strlen(g->name) + 1));
		sl_write_bytes(&w, g->name, strlen(g->name) + 1);
		floats += g->role == SL_ROLE_FROZEN ? 0 : size;
	}
	size_t list_end = sl_writer_length(&w), at = (list_end + 63) / 64 * 64;
	sl_store_u64(out->bytes + 16, list_end - 32);
	sl_store_u64(out->bytes + 24, at);
	for (uint32_t k = 0; k < floats; k++)
		sl_store_u32(out->bytes + at + 4 * (size_t)k, sl_float_bits((float)k));
	out->length = at + 4 * (size_t)floats;
}

static const struct given usual[] = {
	{ "embedding.weight", SL_ROLE_FROZEN, SL_DTYPE_F16, 0, 2, { 1000, 64 }, 7 },
	{ "base_model.model.encoder.layer.11.attention.self.query.lora_A.default.weight",
	  SL_ROLE_PARAMETER,
	  SL_DTYPE_F32,
	  0,
	  3,
	  { 2, 3, 4 },
	  0 },
	{ "b", SL_ROLE_PARAMETER, SL_DTYPE_BF16, 1, 1, { 5 }, 0 },
	{ "scale", SL_ROLE_BUFFER, SL_DTYPE_F32, 1, 0, { 0 }, 0 },
};
enum { USUAL = sizeof usual / sizeof *usual };

static void a_start_is_read(void **state)
{
	static struct made made;
	struct sl_start start;
	struct sl_tensor room[4];
	(void)state;
	make(&made, usual, USUAL);
	assert_int_equal(sl_start_read(&start, made.bytes, made.length, NULL, 0, NULL), SL_OK);
	assert_int_equal(start.vector, 3);
	assert_int_equal(sl_start_read(&start, made.bytes, made.length, room, 4, NULL), SL_OK);
	assert_int_equal(start.tensors, 4);
	assert_int_equal(start.dimension, 24 + 5 + 1);
	assert_int_equal(start.layout.tensors, 3);
	const struct sl_tensor *t = sl_layout_tensor(&start.layout, 0);
	assert_string_equal(t->name, usual[1].name);
	assert_int_equal(t->rows, 2);
	assert_int_equal(t->columns, 12);
	assert_false(t->bias);
	t = sl_layout_tensor(&start.layout, 1);
	assert_int_equal(t->offset, 24);
	assert_true(t->bias);
	assert_int_equal(t->dtype, SL_DTYPE_BF16);
	assert_int_equal(sl_layout_tensor(&start.layout, 2)->role, SL_ROLE_BUFFER);
	assert_float_equal(start.start[29], 29, 0);
}

static void parts_and_changes_are_refused(void **state)
{
	static struct made made, spoilt;
	struct sl_start start;
	struct sl_error error;
	(void)state;
	make(&made, usual, USUAL);
	for (size_t part = 0; part < made.length; part++) {
		uint8_t *exact = aligned_alloc(64, (part + 64) / 64 * 64);
		memcpy(exact, made.bytes, part);
		assert_int_not_equal(sl_start_read(&start, exact, part, NULL, 0, &error), SL_OK);
		free(exact);
	}
	for (unsigned field = 8; field < 32; field++) { /* version, number, lengths */
		spoilt = made;
		spoilt.bytes[field] ^= 1;
		assert_int_not_equal(sl_start_read(&start, spoilt.bytes, spoilt.length, NULL, 0, &error),
		                     SL_OK);
	}
	spoilt = made;
	sl_store_u32(spoilt.bytes + spoilt.length - 4, 0x7fc00000);
	assert_int_equal(sl_start_read(&start, spoilt.bytes, spoilt.length, NULL, 0, &error),
	                 SL_OUT_OF_RANGE);
	assert_string_equal(error.text, "the start is not finite at coordinate 29");
	struct given twice[2] = { usual[2], usual[2] };
	make(&spoilt, twice, 2);
	assert_int_not_equal(sl_start_read(&start, spoilt.bytes, spoilt.length, NULL, 0, &error), SL_OK);
	assert_string_equal(error.text, "two tensors are called 'b'");
	make(&spoilt, usual, 1);
	assert_int_not_equal(sl_start_read(&start, spoilt.bytes, spoilt.length, NULL, 0, &error), SL_OK);
	assert_string_equal(error.text, "no tensor is to be learnt");
}

/* The first tensor that differs is named, and how it does; a start of its own is no difference. */
static void others_are_told_apart(void **state)
{
	static struct made ours, theirs;
	struct sl_start a, b;
	char text[512];
	(void)state;
	struct {
		uint32_t at;
		struct given other;
		const char *says;
	} cases[] = {
		{ 0,
		  { "embedding.weight", SL_ROLE_FROZEN, SL_DTYPE_F16, 0, 2, { 1000, 64 }, 8 },
		  "the frozen tensor 'embedding.weight' has other contents" },
		{ 2,
		  { "b", SL_ROLE_PARAMETER, SL_DTYPE_F32, 1, 1, { 5 }, 0 },
		  "tensor 'b' is bfloat16 here and float32 there" },
		{ 2,
		  { "b", SL_ROLE_PARAMETER, SL_DTYPE_BF16, 0, 1, { 5 }, 0 },
		  "tensor 'b' is parameter, not penalised, here and parameter there" },
		{ 2,
		  { "b", SL_ROLE_PARAMETER, SL_DTYPE_BF16, 1, 2, { 5, 1 }, 0 },
		  "tensor 'b' has shape [5] here and [5, 1] there" },
		{ 3,
		  { "shift", SL_ROLE_BUFFER, SL_DTYPE_F32, 1, 0, { 0 }, 0 },
		  "tensor 3 is 'scale' here and 'shift' there" },
	};
	make(&ours, usual, USUAL);
	assert_int_equal(sl_start_read(&a, ours.bytes, ours.length, NULL, 0, NULL), SL_OK);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct given list[USUAL];
		memcpy(list, usual, sizeof list);
		list[cases[i].at] = cases[i].other;
		make(&theirs, list, USUAL);
		assert_int_equal(sl_start_read(&b, theirs.bytes, theirs.length, NULL, 0, NULL), SL_OK);
		assert_false(sl_start_fits(&a, &b, text, sizeof text));
		assert_string_equal(text, cases[i].says);
	}
	make(&theirs, usual, 3);
	assert_int_equal(sl_start_read(&b, theirs.bytes, theirs.length, NULL, 0, NULL), SL_OK);
	assert_false(sl_start_fits(&a, &b, text, sizeof text));
	assert_string_equal(text, "tensor 'scale' is missing there");
	assert_false(sl_start_fits(&b, &a, text, sizeof text));
	assert_string_equal(text, "tensor 'scale' is not known here");
	theirs = ours;
	sl_store_u32(theirs.bytes + theirs.length - 4, 0);
	assert_int_equal(sl_start_read(&b, theirs.bytes, theirs.length, NULL, 0, NULL), SL_OK);
	assert_true(sl_start_fits(&a, &b, text, sizeof text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(other_lengths_are_refused),
		cmocka_unit_test(names_are_words),
		cmocka_unit_test(a_start_is_read),
		cmocka_unit_test(parts_and_changes_are_refused),
		cmocka_unit_test(others_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
