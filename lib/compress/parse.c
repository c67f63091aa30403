#include "compress/stage.h"

#include <stdio.h>
#include <string.h>

enum { STAGES = 3, NAMES_MAX = 64 };

/* The fields of a stage that all three registries share. */
struct entry {
	const char *name;
	const struct sl_option *options;
	enum sl_status (*prepare)(void *options, const struct sl_layout *, struct sl_error *error);
};

static struct entry entry_at(unsigned stage, unsigned at)
{
	switch (stage) {
	case 0: {
		const struct sl_select *s = sl_selects[at];
		return s ? (struct entry){ s->name, s->options, s->prepare } : (struct entry){ 0 };
	}
	case 1: {
		const struct sl_quantise *s = sl_quantisers[at];
		return s ? (struct entry){ s->name, s->options, s->prepare } : (struct entry){ 0 };
	}
	default: {
		const struct sl_code *s = sl_codes[at];
		return s ? (struct entry){ s->name, s->options, s->prepare } : (struct entry){ 0 };
	}
	}
}

static const char *const stage_name[STAGES] = { "select", "quantise", "code" };

static enum sl_status unknown_stage(unsigned stage, const char *name, struct sl_error *error)
{
	const char *names[NAMES_MAX];
	char list[256];
	size_t count = 0, used = 0;
	for (struct entry e; count < NAMES_MAX && (e = entry_at(stage, (unsigned)count)).name; count++) {
		names[count] = e.name;
		if (used < sizeof list)
			used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", count ? ", " : "",
			                         e.name);
	}
	for (unsigned other = 0; other < STAGES; other++)
		for (unsigned at = 0; other != stage && entry_at(other, at).name; at++)
			if (strcmp(entry_at(other, at).name, name) == 0)
				return sl_fail(error, SL_NOT_FOUND, "%s is a %s stage, expected a %s stage",
				               name, stage_name[other], stage_name[stage]);
	const char *nearest = sl_nearest(name, names, count);
	if (nearest)
		return sl_fail(error, SL_NOT_FOUND, "unknown %s stage '%s'; did you mean %s?",
		               stage_name[stage], name, nearest);
	return sl_fail(error, SL_NOT_FOUND, "unknown %s stage '%s' (there are %s)", stage_name[stage], name,
	               list);
}

/* Copies the text of the next stage without surrounding blanks; false if it is too long. */
static bool cut_stage(const char **text, char stage[static SL_TEXT_MAX])
{
	const char *from = *text, *end = from + strcspn(from, "|");
	*text = *end ? end + 1 : end;
	while (from < end && (*from == ' ' || *from == '\t'))
		from++;
	while (end > from && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (end - from >= SL_TEXT_MAX)
		return false;
	memcpy(stage, from, (size_t)(end - from));
	stage[end - from] = '\0';
	return true;
}

static enum sl_status parse_stage(unsigned stage, const char *text, void *options, unsigned *found,
                                  const struct sl_layout *layout, struct sl_error *error)
{
	char name[SL_TEXT_MAX];
	const char *arguments = sl_spec_name(text, name, sizeof name);
	struct entry e;
	unsigned at = 0;
	while ((e = entry_at(stage, at)).name && strcmp(e.name, name) != 0)
		at++;
	if (!e.name)
		return unknown_stage(stage, name, error);
	*found = at;
	enum sl_status status = sl_spec_arguments(e.options, options, e.name, arguments, error);
	if (status == SL_OK && e.prepare)
		status = e.prepare(options, layout, error);
	return status;
}

static uint32_t quantise_largest(const struct sl_pipeline *p)
{
	return p->quantise->symbol_max ? p->quantise->symbol_max(p->quantise_options) : 0;
}

static enum sl_status stages_fit(const struct sl_pipeline *p, struct sl_error *error)
{
	uint32_t gives = quantise_largest(p), takes = p->code->symbol_max;
	if (takes && !gives)
		return sl_fail(
		    error, SL_UNSUPPORTED,
		    "%s cannot code %s: its values are bit patterns, not small integers; use raw, or quantise with dither or qsgd",
		    p->code->name, p->quantise->name);
	if (takes && gives > takes)
		return sl_fail(error, SL_UNSUPPORTED,
		               "%s cannot code %s: levels go up to %u, and it takes at most %u",
		               p->code->name, p->quantise->name, gives, takes);
	return SL_OK;
}

enum sl_status sl_pipeline_parse(struct sl_pipeline *out, const char *text, const struct sl_layout *layout,
                                 struct sl_error *error)
{
	struct sl_pipeline p;
	memset(&p, 0, sizeof p);
	p.dimension = layout->dimension;
	unsigned char *const options[STAGES] = { p.select_options, p.quantise_options, p.code_options };
	unsigned found[STAGES] = { 0 }, bars = 0;
	for (const char *c = text; *c; c++)
		bars += *c == '|';
	if (bars != STAGES - 1)
		return sl_fail(
		    error, SL_MALFORMED,
		    "'%.100s': %u stage%s, expected three: select | quantise | code, as in topk:0.05 | dither:16 | golomb",
		    text, bars + 1, bars ? "s" : "");
	for (unsigned s = 0; s < STAGES; s++) {
		char stage[SL_TEXT_MAX];
		if (!cut_stage(&text, stage))
			return sl_fail(error, SL_TOO_BIG, "the %s stage is over %d bytes", stage_name[s],
			               SL_TEXT_MAX - 1);
		enum sl_status status = parse_stage(s, stage, options[s], &found[s], layout, error);
		if (status != SL_OK)
			return status;
	}
	p.select = sl_selects[found[0]];
	p.quantise = sl_quantisers[found[1]];
	p.code = sl_codes[found[2]];
	enum sl_status status = stages_fit(&p, error);
	if (status == SL_OK)
		*out = p;
	return status;
}

void sl_pipeline_print(const struct sl_pipeline *p, char *text, size_t size)
{
	char select[SL_TEXT_MAX], quantise[SL_TEXT_MAX], code[SL_TEXT_MAX];
	sl_spec_print(p->select->name, p->select->options, p->select_options, select, sizeof select);
	sl_spec_print(p->quantise->name, p->quantise->options, p->quantise_options, quantise,
	              sizeof quantise);
	sl_spec_print(p->code->name, p->code->options, p->code_options, code, sizeof code);
	snprintf(text, size, "%s | %s | %s", select, quantise, code);
}
