#include "tests/support/compress.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void layout_fill(struct sl_layout *layout, uint32_t dimension, uint32_t columns)
{
	memset(layout, 0, sizeof *layout);
	uint32_t rows = dimension / (columns + 1); /* a bias a row, and what is left over */
	layout->dimension = dimension;
	if (rows > 0)
		layout->own[layout->tensors++] =
		    (struct sl_tensor){ .name = "weights", .offset = 0, .rows = rows, .columns = columns };
	uint32_t offset = rows * columns;
	layout->own[layout->tensors++] = (struct sl_tensor){
		.name = "bias", .offset = offset, .rows = dimension - offset, .columns = 1, .bias = true
	};
}

static float one_value(unsigned kind, struct sl_random *g, uint32_t i, uint32_t dimension)
{
	float normal = (float)sl_random_normal(g), unit = sl_random_unit(g);
	switch (kind) {
	case 0: /* zeros, of both signs */
		return unit < 0.5F ? 0.0F : -0.0F;
	case 1: /* one spike */
		return i == dimension / 3 ? -3.5F : 0;
	case 2: /* ties */
		return unit < 0.3F ? 0 : unit < 0.7F ? 1.25F : -1.25F;
	case 3: /* denormals */
		return normal * 1e-40F;
	case 4: /* huge, FLT_MAX included */
		return i == 0 ? FLT_MAX : normal * 1e37F;
	case 5: /* wide range */
		return normal * powf(10, 30 * unit - 15);
	case 6: /* sparse */
		return unit < 0.05F ? normal : 0;
	default:
		return normal;
	}
}

struct sample sample_make(unsigned kind, uint64_t seed)
{
	static const char *const names[SAMPLE_KINDS] = { "zeros",         "one spike", "ties",
		                                         "denormals",     "huge",      "wide",
		                                         "sparse",        "d = 1",     "prime d, 1009",
		                                         "normal, d = 64" };
	static const uint32_t dimensions[SAMPLE_KINDS] = { 37, 101, 64, 33, 50, 77, 400, 1, 1009, 64 };
	struct sample s = { .kind = names[kind] };
	uint32_t d = dimensions[kind];
	layout_fill(&s.layout, d, 7);
	s.v = malloc(d * sizeof *s.v);
	s.copy = malloc(d * sizeof *s.copy);
	struct sl_random g = sl_random_stream(seed, 0, "sample", kind);
	for (uint32_t i = 0; i < d; i++) {
		s.v[i] = one_value(kind, &g, i, d);
		s.copy[i] = sl_random_unit(&g) < 0.2F ? 0 : (float)sl_random_normal(&g);
	}
	return s;
}

void sample_free(struct sample *s)
{
	free(s->v);
	free(s->copy);
}

static struct sl_workspace *make_workspace(const struct sl_pipeline *p, uint8_t **block)
{
	struct sl_arena arena = { 0 };
	sl_workspace_make(p, &arena);
	size_t size = (arena.used + 127) & ~(size_t)63;
	*block = aligned_alloc(64, size);
	memset(*block, 0, size);
	arena = (struct sl_arena){ .base = *block, .capacity = size };
	return sl_workspace_make(p, &arena);
}

bool rig_make(struct rig *r, const char *text, const struct sl_layout *layout, struct sl_error *error)
{
	memset(r, 0, sizeof *r);
	if (sl_pipeline_parse(&r->pipeline, text, layout, error) != SL_OK)
		return false;
	r->send = make_workspace(&r->pipeline, &r->block[0]);
	r->receive = make_workspace(&r->pipeline, &r->block[1]);
	r->bound = sl_pipeline_bound(&r->pipeline);
	r->body = malloc(r->bound + 1);
	r->remembered = sl_pipeline_memory(&r->pipeline);
	for (int end = 0; end < 2; end++)
		r->memory[end] = r->remembered ? calloc(1, r->remembered) : NULL;
	r->index = malloc(layout->dimension * sizeof *r->index);
	r->value = malloc(layout->dimension * sizeof *r->value);
	return true;
}

void rig_free(struct rig *r)
{
	for (int end = 0; end < 2; end++) {
		free(r->block[end]);
		free(r->memory[end]);
	}
	free(r->body);
	free(r->index);
	free(r->value);
	memset(r, 0, sizeof *r);
}

static struct sl_message_context message_of(const struct sample *s, uint32_t number, void *memory)
{
	return (struct sl_message_context){ .seed = 7,
		                            .peer = 3,
		                            .version = number,
		                            .layout = &s->layout,
		                            .copy = s->copy,
		                            .memory = memory };
}

size_t rig_encode(struct rig *r, const struct sample *s, uint32_t number)
{
	struct sl_message_context m = message_of(s, number, r->memory[0]);
	struct sl_writer w = sl_writer(r->body, r->bound);
	struct sl_update u;
	sl_pipeline_encode(&r->pipeline, &m, s->v, &w, &u, r->send);
	r->count = u.count;
	memcpy(r->index, u.index, u.count * sizeof *u.index);
	memcpy(r->value, u.value, u.count * sizeof *u.value);
	return sl_writer_length(&w);
}

bool rig_decode(struct rig *r, const struct sample *s, uint32_t number, const uint8_t *body, size_t length,
                struct sl_update *update)
{
	struct sl_message_context m = message_of(s, number, r->memory[1]);
	return sl_pipeline_decode(&r->pipeline, &m, sl_reader(body, length), update, r->receive);
}

bool stages_fit(const char *text, const struct sl_layout *layout)
{
	char raw[3 * 64 + 8];
	struct sl_pipeline p;
	struct sl_error error = { 0 };
	const char *code = strrchr(text, '|') + 2;
	snprintf(raw, sizeof raw, "%.*sraw", (int)(code - text), text);
	if (sl_pipeline_parse(&p, raw, layout, &error) != SL_OK)
		sl_panic(__FILE__, __LINE__, error.text);
	uint32_t gives = p.quantise->symbol_max ? p.quantise->symbol_max(p.quantise_options) : 0;
	for (size_t c = 0; sl_codes[c]; c++)
		if (strncmp(sl_codes[c]->name, code, strcspn(code, ":")) == 0 &&
		    sl_codes[c]->name[strcspn(code, ":")] == '\0')
			return sl_codes[c]->symbol_max == 0 || (gives && gives <= sl_codes[c]->symbol_max);
	return false;
}

/* The next word of a list separated by blanks; false at its end. */
static bool next_word(const char **list, char word[static 64])
{
	*list += strspn(*list, " ");
	size_t n = strcspn(*list, " ");
	snprintf(word, 64, "%.*s", (int)n, *list);
	*list += n;
	return n > 0;
}

static bool starts(const char *list, const char *word)
{
	size_t n = strlen(word);
	return strncmp(list, word, n) == 0 && (list[n] == ' ' || list[n] == '\0');
}

/* Every select with every quantiser is a matter of raw. The other codes see each kind of both once, and all
 * arguments of the quantisers behind `all`: their own arguments and what they do are for their own tests. */
static bool worth_it(const char *select, bool first_select, bool first_quantise, const char *code)
{
	return strcmp(code, "raw") == 0 || strcmp(select, "all") == 0 || (first_select && first_quantise);
}

void for_each_pipeline(void (*test)(const char *text, void *context), void *context)
{
	char select[64], quantise[64], code[64], text[3 * 64 + 8];
	for (size_t s = 0; sl_selects[s]; s++)
		for (const char *a = sl_selects[s]->examples; next_word(&a, select);)
			for (size_t q = 0; sl_quantisers[q]; q++)
				for (const char *b = sl_quantisers[q]->examples; next_word(&b, quantise);)
					for (size_t c = 0; sl_codes[c]; c++)
						for (const char *e = sl_codes[c]->examples;
						     next_word(&e, code);) {
							if (!worth_it(
							        select,
							        starts(sl_selects[s]->examples, select),
							        starts(sl_quantisers[q]->examples, quantise),
							        code))
								continue;
							snprintf(text, sizeof text, "%s | %s | %s", select,
							         quantise, code);
							test(text, context);
						}
}
