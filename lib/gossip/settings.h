/* settings.h — all settings of run.conf, of the method and of the host, and one option table per section.
 * Opens no files: the programs read lines and pass (section, key, value). */
#ifndef SL_GOSSIP_SETTINGS_H
#define SL_GOSSIP_SETTINGS_H

#include "base/option.h"

enum sl_pace { SL_PACE_LOCKSTEP, SL_PACE_STALENESS, SL_PACE_FREE };
enum sl_estimator { SL_ESTIMATOR_BATCH, SL_ESTIMATOR_LSVRG, SL_ESTIMATOR_SAGA, SL_ESTIMATOR_STORM };
enum sl_on_divergence { SL_DIVERGENCE_REPORT, SL_DIVERGENCE_HALVE, SL_DIVERGENCE_STOP };
enum sl_weigh { SL_WEIGH_PEERS, SL_WEIGH_SAMPLES };
enum sl_absent { SL_ABSENT_WAIT, SL_ABSENT_RELAY };
enum sl_eta_rule { SL_ETA_GIVEN, SL_ETA_THEORY };
enum sl_eta_schedule { SL_ETA_CONSTANT, SL_ETA_FALLING, SL_ETA_STEPS, SL_ETA_SQRT };

/* The method's settings: the computation at both ends of an edge, and the peer's limits. Part of every
 * plan. */
struct sl_settings {
	/* [run] */
	uint64_t seed;
	uint32_t rounds;
	char pace_text[SL_TEXT_MAX]; /* lockstep, staleness:S, free */
	enum sl_pace pace;           /* from pace_text, by sl_settings_check */
	uint32_t staleness;
	int64_t round_timeout_us; /* INT64_MAX: never */
	int64_t link_timeout_us;  /* a neighbour silent for this long counts as down */
	int64_t period_us;        /* least time from the start of a round to that of the next; 0: none */
	uint32_t catch_up;
	uint32_t on_divergence; /* enum sl_on_divergence */
	uint32_t max_degree;

	/* [algorithm] */
	char algorithm[SL_TEXT_MAX]; /* name or name:arguments */
	double eta, eta_end, lambda, momentum;
	double gamma; /* 0: auto */
	uint32_t eta_schedule, local_steps, batch;
	char robust[SL_TEXT_MAX];
	uint32_t eta_rule, estimator; /* enum sl_eta_rule, enum sl_estimator */
	double smoothness, convexity, refresh, renewal;
	uint32_t weigh;      /* enum sl_weigh */
	double mean_samples; /* of a peer; 0: unknown */
	uint64_t given;      /* method keys that were set (reads.h) */

	/* [compress] */
	char pipeline[SL_TEXT_MAX];
	uint64_t compress_budget; /* bytes per encoded vector; 0: none, UINT64_MAX: auto */

	/* [model] */
	char model[SL_TEXT_MAX];

	/* [limits] */
	uint64_t limit_rate; /* bits per second that this peer may send; 0: no limit */
	struct sl_volume limit_volume;
	uint32_t limit_cpu; /* percent of one core; 0: no limit */
	uint32_t limit_nice;
	double limit_value;
	uint32_t limit_refusals, limit_frames, detect_every;
	double anomaly;
	int64_t quarantine_us, quarantine_most_us;

	/* [history] */
	uint32_t history_every, evaluate, sketch;
	uint32_t evaluate_samples; /* 0: all */

	/* [checkpoint] */
	uint32_t checkpoint_every; /* 0: none */

	/* [privacy] */
	double noise, clip; /* noise 0: gradients as they are */
	double epsilon;     /* 0: no budget */
	double delta;
};

/* The programs' settings: names, paths, keys and the data. The method never reads them; greetings carry a
 * digest of those that all peers share (operator_key, classes, name). */
struct sl_host_settings {
	/* [run] */
	char name[SL_TEXT_MAX];
	char roster[SL_TEXT_MAX];       /* path of the signed roster */
	char id[SL_TEXT_MAX];           /* names the run in its roster: 32 hex digits; empty: none */
	char operator_key[SL_TEXT_MAX]; /* hex Ed25519 public key that signs it */
	char keys[SL_TEXT_MAX];         /* folder of identity keys */
	char record[SL_TEXT_MAX];       /* prefix of input recordings; empty: none */

	/* [data] */
	char train[SL_TEXT_MAX], test[SL_TEXT_MAX]; /* paths, or a pattern with %d for a peer's own file */
	char format[SL_TEXT_MAX];
	char partition[SL_TEXT_MAX];
	char classes[SL_TEXT_MAX]; /* a list (class_list.h), canonical by sl_run_settings_check; auto, none,
	                              file:PATH, list:N:DIGEST */
	char columns[SL_TEXT_MAX]; /* none, file:PATH, list:N:DIGEST */
	char shards[SL_TEXT_MAX];  /* folder of the prepared data */

	char model_start[SL_TEXT_MAX]; /* [model] start: a safetensors file; empty: none */

	/* [trainer] */
	char trainer[SL_TEXT_MAX];        /* command; empty: none is started */
	char trainer_folder[SL_TEXT_MAX]; /* where it runs */
	char start[SL_TEXT_MAX];          /* path of the tensors and their start */
	uint32_t absent;                  /* enum sl_absent */

	uint32_t limit_threads; /* [limits] threads; 0: one per processor, up to 4 */

	char history[SL_TEXT_MAX];    /* [history] path */
	int64_t history_keep_us;      /* INT64_MAX: all rows stay */
	uint32_t history_thin;        /* of older rounds, one in this many is kept; 0: none */
	char checkpoint[SL_TEXT_MAX]; /* [checkpoint] path */

	/* [metrics] */
	char metrics_listen[SL_TEXT_MAX], metrics_textfile[SL_TEXT_MAX]; /* empty: none */
	bool metrics_remote;
};

/* All of run.conf. Offsets in the option tables are into this. */
struct sl_run_settings {
	struct sl_settings method;
	struct sl_host_settings host;
};

struct sl_settings_section {
	const char *name, *doc;
	const struct sl_option *options;
	bool
	    host; /* all keys are the host's: printed with SL_SCOPES_ALL only, so that no fingerprint knows of it */
};
extern const struct sl_settings_section sl_settings_sections[]; /* ends with a NULL name */

void sl_run_settings_standard(struct sl_run_settings *);

/* The method's settings at their defaults; and given method settings with the host's defaults, for a run
 * without run.conf. */
void sl_settings_standard(struct sl_settings *);
struct sl_run_settings sl_run_settings_of(const struct sl_settings *method);

/* Sets one key ("eta = theory" sets eta_rule), and records that it was set. For an unknown section or key the
 * error names the nearest known one. */
enum sl_status sl_run_settings_set(struct sl_run_settings *, const char *section, const char *key,
                                   const char *value, struct sl_error *error);

/* Checks across keys: pace, names of plug-ins and their arguments, combinations. Method keys that were not
 * set get the method's own defaults, and set keys that it does not read are errors (reads.h). Checks text
 * only: sl_plan_make checks γ·β_W and that model and data match. */
enum sl_status sl_run_settings_check(struct sl_run_settings *, struct sl_error *error);
enum sl_status sl_settings_check(struct sl_settings *, struct sl_error *error);

/* Prints the effective configuration as an INI file that parses back to itself; only keys that are read and
 * whose scope is in the set. The fingerprint is taken of the SL_SCOPES_RUN text. Returns the length needed,
 * like snprintf. */
enum {
	SL_SCOPES_RUN = 1 << SL_SCOPE_RUN,
	SL_SCOPES_SHARED = SL_SCOPES_RUN | 1 << SL_SCOPE_LATER,
	SL_SCOPES_ALL = SL_SCOPES_SHARED | 1 << SL_SCOPE_HOST
};
size_t sl_run_settings_print(const struct sl_run_settings *, unsigned scopes, char *text, size_t size);

/* The parameters of the step size; fields that the schedule does not use are zero, so that equal structs give
 * equal step sizes. */
struct sl_rates {
	double eta, eta_end;
	uint32_t schedule, rounds;
};
struct sl_rates sl_settings_rates(const struct sl_settings *);
bool sl_rates_equal(const struct sl_rates *, const struct sl_rates *);

/* Step size η_k of round k, a function of these and k alone. falling: from eta to eta_end geometrically over
 * the rounds; sqrt: η/√(k+1); steps: eta, divided by 5 after 70 % of the rounds. A run resumed with other
 * settings continues with the values that they give for its round, as if they had always applied. */
double sl_rates_eta(const struct sl_rates *, uint32_t round);
double sl_settings_eta(const struct sl_settings *, uint32_t round);

#endif
