/* text.h — writes metrics as text: Prometheus 0.0.4, or OpenMetrics 1.0.0, which differ in how a counter's family
 * is called and in the last line. */
#ifndef SL_DAEMON_PEER_METRICS_TEXT_H
#define SL_DAEMON_PEER_METRICS_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum sl_metric_type { SL_METRIC_GAUGE, SL_METRIC_COUNTER, SL_METRIC_INFO };

struct sl_metrics_text {
	FILE *out;
	bool openmetrics;
	char common[512]; /* labels that all samples have: `run="ring",peer="3"` */
	const char *name, *doc;
	enum sl_metric_type type;
	bool begun; /* the family's head is written */
};

void sl_metrics_begin(struct sl_metrics_text *, FILE *out, bool openmetrics, const char *run, uint32_t peer);
/* A family; texts are borrowed until the next one. `name` as its samples have it: a counter's ends in "_total", an
 * information's in "_info". */
void sl_metrics_family(struct sl_metrics_text *, const char *name, enum sl_metric_type, const char *doc);
/* A sample with further labels: names and values, up to NULL; labels may be NULL. A value that is not a number
 * stands for "not known": it has no sample. */
void sl_metrics_sample(struct sl_metrics_text *, const char *const *labels, double value);
/* Both of a family with one sample. */
void sl_metrics_one(struct sl_metrics_text *, const char *name, enum sl_metric_type, const char *doc,
                    double value);
void sl_metrics_end(struct sl_metrics_text *);

/* The value of a label, escaped, without quotes; bytes that are no UTF-8 become U+FFFD. Cut where it does not
 * fit. */
void sl_metrics_label(const char *value, char *out, size_t size);

#endif
