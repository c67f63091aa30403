#include "trainer/message.h"

#include "base/bytes.h"

#include <string.h>

enum { METRIC_BYTES = SL_METRIC_NAME + 8 };

static void put_double(struct sl_writer *w, double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof bits);
	sl_write_u64(w, bits);
}

static double get_double(struct sl_reader *r)
{
	uint64_t bits = sl_read_u64(r);
	double v;
	memcpy(&v, &bits, sizeof v);
	return v;
}

static void put_metrics(struct sl_writer *w, const struct sl_trainer_message *m)
{
	for (unsigned i = 0; i < m->metrics; i++) {
		char name[SL_METRIC_NAME] = { 0 };
		memcpy(name, m->metric[i].name, strnlen(m->metric[i].name, sizeof name - 1));
		sl_write_bytes(w, name, sizeof name);
		put_double(w, m->metric[i].value);
	}
}

static void put_task(struct sl_writer *w, const struct sl_trainer_message *m)
{
	sl_write_u64(w, m->epoch);
	sl_write_u64(w, m->round);
	sl_write_u32(w, m->attempt);
	sl_write_u32(w, m->task);
}

static void put_accepted(struct sl_writer *w, const struct sl_trainer_message *m)
{
	sl_write_u32(w, m->peer);
	sl_write_u32(w, m->peers);
	sl_write_u64(w, m->run);
	sl_write_u64(w, m->length);
	sl_write_u64(w, m->dimension);
	sl_write_u64(w, m->parameters);
	sl_write_u64(w, m->answer);
}

size_t sl_trainer_encode(const struct sl_trainer_message *m, uint8_t out[static SL_TRAINER_BYTES])
{
	struct sl_writer w = sl_writer(out, SL_TRAINER_BYTES);
	sl_write_u32(&w, m->kind);
	switch (m->kind) {
	case SL_TRAINER_HELLO:
		sl_write_u32(&w, m->protocol);
		sl_write_u32(&w, m->can);
		break;
	case SL_TRAINER_ACCEPTED:
		put_accepted(&w, m);
		break;
	case SL_TRAINER_REFUSED:
		sl_write_bytes(&w, m->text, strnlen(m->text, sizeof m->text - 1));
		break;
	case SL_TRAINER_TASK:
		put_task(&w, m);
		sl_write_u32(&w, m->peer);
		sl_write_u32(&w, m->steps);
		sl_write_u64(&w, m->batch);
		sl_write_u64(&w, m->seed);
		put_double(&w, m->eta);
		break;
	case SL_TRAINER_RESULT:
		put_task(&w, m);
		put_double(&w, m->loss);
		put_double(&w, m->accuracy);
		sl_write_u64(&w, m->samples);
		sl_write_u32(&w, m->metrics);
		put_metrics(&w, m);
		break;
	case SL_TRAINER_CHECKPOINT:
		sl_write_u64(&w, m->round);
		break;
	case SL_TRAINER_SAVED:
		sl_write_u64(&w, m->round);
		sl_write_bytes(&w, m->digest, sizeof m->digest);
		break;
	default: /* READY, STOP: nothing more */
		break;
	}
	return sl_writer_length(&w);
}

/* ---- reading ---- */

static const char *get_task(struct sl_reader *r, struct sl_trainer_message *m)
{
	m->epoch = sl_read_u64(r);
	m->round = sl_read_u64(r);
	m->attempt = sl_read_u32(r);
	uint32_t task = sl_read_u32(r);
	m->task = (enum sl_guest_kind)task;
	return task >= SL_GUEST_STEPS && task < SL_GUEST_KINDS ? NULL : "no such kind of task";
}

/* Names go to tables and terminals. */
static bool good_name(const uint8_t *name)
{
	size_t length = strnlen((const char *)name, SL_METRIC_NAME);
	if (length == 0 || length == SL_METRIC_NAME)
		return false;
	for (size_t i = 0; i < length; i++)
		if (name[i] <= ' ' || name[i] >= 127)
			return false;
	return true;
}

static const char *get_metrics(struct sl_reader *r, struct sl_trainer_message *m)
{
	m->metrics = sl_read_u32(r);
	if (m->metrics > SL_METRICS_MAX) {
		m->metrics = 0;
		return "over 32 metrics";
	}
	for (unsigned i = 0; i < m->metrics; i++) {
		const uint8_t *name = sl_read_bytes(r, SL_METRIC_NAME);
		if (!name || !good_name(name))
			return "the name of a metric is empty, longer than 39 bytes, or not printable ASCII without blanks";
		memcpy(m->metric[i].name, name, SL_METRIC_NAME);
		m->metric[i].value = get_double(r);
	}
	return NULL;
}

static void get_accepted(struct sl_reader *r, struct sl_trainer_message *m)
{
	m->peer = sl_read_u32(r);
	m->peers = sl_read_u32(r);
	m->run = sl_read_u64(r);
	m->length = sl_read_u64(r);
	m->dimension = sl_read_u64(r);
	m->parameters = sl_read_u64(r);
	m->answer = sl_read_u64(r);
}

static const char *get_result(struct sl_reader *r, struct sl_trainer_message *m)
{
	const char *wrong = get_task(r, m);
	m->loss = get_double(r);
	m->accuracy = get_double(r);
	m->samples = sl_read_u64(r);
	return wrong ? wrong : get_metrics(r, m);
}

static const char *get_asked(struct sl_reader *r, struct sl_trainer_message *m)
{
	const char *wrong = get_task(r, m);
	m->peer = sl_read_u32(r);
	m->steps = sl_read_u32(r);
	m->batch = sl_read_u64(r);
	m->seed = sl_read_u64(r);
	m->eta = get_double(r);
	return wrong;
}

static void get_text(struct sl_reader *r, struct sl_trainer_message *m)
{
	size_t length = (size_t)(r->end - r->at);
	length = length < sizeof m->text ? length : sizeof m->text - 1;
	const uint8_t *text = sl_read_bytes(r, length);
	if (text)
		memcpy(m->text, text, length);
}

const char *sl_trainer_decode(struct sl_trainer_message *out, const uint8_t *bytes, size_t length)
{
	struct sl_reader r = sl_reader(bytes, length);
	const char *wrong = NULL;
	memset(out, 0, sizeof *out);
	uint32_t kind = sl_read_u32(&r);
	if (r.failed || kind < SL_TRAINER_HELLO || kind >= SL_TRAINER_KINDS || length > SL_TRAINER_BYTES)
		return "no such kind of message";
	out->kind = (enum sl_trainer_kind)kind;
	switch (out->kind) {
	case SL_TRAINER_HELLO:
		out->protocol = sl_read_u32(&r);
		out->can = sl_read_u32(&r);
		break;
	case SL_TRAINER_ACCEPTED:
		get_accepted(&r, out);
		break;
	case SL_TRAINER_REFUSED:
		get_text(&r, out);
		break;
	case SL_TRAINER_TASK:
		wrong = get_asked(&r, out);
		break;
	case SL_TRAINER_RESULT:
		wrong = get_result(&r, out);
		break;
	case SL_TRAINER_CHECKPOINT:
		out->round = sl_read_u64(&r);
		break;
	case SL_TRAINER_SAVED:
		out->round = sl_read_u64(&r);
		const uint8_t *digest = sl_read_bytes(&r, sizeof out->digest);
		if (digest)
			memcpy(out->digest, digest, sizeof out->digest);
		break;
	default:
		break;
	}
	if (wrong)
		return wrong;
	return sl_reader_done(&r) ? NULL : "too short or too long for its kind";
}
