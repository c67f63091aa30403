#include "daemon/peer/metrics/text.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void sl_metrics_label(const char *value, char *out, size_t size)
{
	size_t used = 0;
	for (const char *p = value; *p;) {
		char piece[8];
		size_t n = sl_utf8_length(p);
		if (n == 0)
			snprintf(piece, sizeof piece, "\xef\xbf\xbd");
		else if (*p == '"' || *p == '\\')
			snprintf(piece, sizeof piece, "\\%c", *p);
		else if (*p == '\n')
			snprintf(piece, sizeof piece, "\\n");
		else
			snprintf(piece, sizeof piece, "%.*s", (int)n, p);
		if (used + strlen(piece) >= size)
			break;
		memcpy(out + used, piece, strlen(piece));
		used += strlen(piece);
		p += n ? n : 1;
	}
	out[used] = '\0';
}

void sl_metrics_begin(struct sl_metrics_text *t, FILE *out, bool openmetrics, const char *run, uint32_t peer)
{
	char label[448];
	sl_metrics_label(run, label, sizeof label);
	*t = (struct sl_metrics_text){ .out = out, .openmetrics = openmetrics };
	snprintf(t->common, sizeof t->common, "run=\"%s\",peer=\"%" PRIu32 "\"", label, peer);
}

void sl_metrics_family(struct sl_metrics_text *t, const char *name, enum sl_metric_type type, const char *doc)
{
	t->name = name;
	t->doc = doc;
	t->type = type;
	t->begun = false;
}

/* OpenMetrics calls the family "x" whose samples are "x_total" or "x_info". */
static void head(struct sl_metrics_text *t)
{
	size_t length = strlen(t->name);
	const char *type = t->type == SL_METRIC_COUNTER ? "counter" : "gauge";
	if (t->openmetrics && t->type == SL_METRIC_INFO)
		type = "info";
	if (t->openmetrics && t->type != SL_METRIC_GAUGE)
		length = (size_t)(strrchr(t->name, '_') - t->name);
	fprintf(t->out, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)length, t->name, t->doc, (int)length,
	        t->name, type);
	t->begun = true;
}

/* The fewest digits that read back as the same value. */
static void put_number(FILE *out, double value)
{
	char text[40];
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (strtod(text, NULL) == value) /* not for infinities, which were left out */
			break;
	}
	fprintf(out, " %s\n", text);
}

void sl_metrics_sample(struct sl_metrics_text *t, const char *const *labels, double value)
{
	if (!isfinite(value))
		return;
	if (!t->begun)
		head(t);
	fprintf(t->out, "%s{%s", t->name, t->common);
	for (; labels && labels[0]; labels += 2) {
		char label[512];
		sl_metrics_label(labels[1], label, sizeof label);
		fprintf(t->out, ",%s=\"%s\"", labels[0], label);
	}
	putc('}', t->out);
	put_number(t->out, value);
}

void sl_metrics_one(struct sl_metrics_text *t, const char *name, enum sl_metric_type type, const char *doc,
                    double value)
{
	sl_metrics_family(t, name, type, doc);
	sl_metrics_sample(t, NULL, value);
}

void sl_metrics_end(struct sl_metrics_text *t)
{
	if (t->openmetrics)
		fputs("# EOF\n", t->out);
}
