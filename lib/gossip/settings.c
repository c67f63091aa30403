#include "gossip/settings.h"

#include "learn/portable.h"

#include <math.h>
#include <string.h>

#define AT(field)      offsetof(struct sl_run_settings, method.field)
#define HOST_AT(field) offsetof(struct sl_run_settings, host.field)

/* The scope of a key (base/option.h). RUN: both ends of an edge must agree on it, or their copies or their
 * methods differ; also every key that affects the result of a round recomputed from a checkpoint.
 * LATER: may change between rounds. HOST: local to a host, invisible to neighbours. */
#define RUN   SL_SCOPE_RUN
#define LATER SL_SCOPE_LATER
#define HOST  SL_SCOPE_HOST

static const struct sl_option run_options[] = {
	{ "name", "name of the run and first part of its run_id in the history", SL_OPTION_TEXT,
	  HOST_AT(name), 0, 0, "starling", NULL, RUN },
	{ "seed",
	  "seed of everything random: batches, dithering, partitions, initial model, simulated faults",
	  SL_OPTION_U64, AT(seed), 0, 9007199254740992.0, "1", NULL, RUN },
	{ "rounds", "number of rounds; a peer that has completed them is finished", SL_OPTION_U32, AT(rounds),
	  1, 4e9, "2000", NULL, LATER },
	{ "pace",
	  "lockstep: wait for every neighbour in every round; staleness:S: wait only for exchanges that are more than S rounds old; free: never wait",
	  SL_OPTION_TEXT, AT(pace_text), 0, 0, "lockstep", NULL, LATER },
	{ "round_timeout",
	  "time that a round waits at the most for a neighbour before it continues without it; less for one of which nothing moves, and up to 16 times as long while no neighbour at all is heard (never: exact runs)",
	  SL_OPTION_DURATION, AT(round_timeout_us), 0.01, 86400, "30s", NULL, LATER },
	{ "link_timeout", "longest silence after which a neighbour counts as down", SL_OPTION_DURATION,
	  AT(link_timeout_us), 0.1, 86400, "5s", NULL, HOST },
	{ "period",
	  "least time from the start of a round to that of the next, at this peer (0s: none); neighbours that wait for it allow for it",
	  SL_OPTION_DURATION, AT(period_us), 0, 900, "0s", NULL, HOST },
	{ "catch_up",
	  "a peer that returns more than this many rounds behind its neighbours skips to their round",
	  SL_OPTION_U32, AT(catch_up), 1, 4e9, "100", NULL, LATER },
	{ "on_divergence",
	  "what a peer does that finds the run diverging: report: an event row, and no checkpoint while it lasts; halve-gamma: the same, and half its gamma (with robust mixing only); stop: ends with an error",
	  SL_OPTION_CHOICE, AT(on_divergence), 0, 0, "report", "report|halve-gamma|stop", LATER },
	{ "max_degree", "largest number of neighbours a peer accepts", SL_OPTION_U32, AT(max_degree), 1,
	  SL_DEGREE_MAX, "64", NULL, HOST },
	{ "roster", "path of the signed roster", SL_OPTION_TEXT, HOST_AT(roster), 0, 0, "roster", NULL, HOST,
	  SL_COMPLETE_FILE },
	{ "id",
	  "id of the run, which its roster names: 32 hex digits (empty: rosters of version 1, which name none)",
	  SL_OPTION_TEXT, HOST_AT(id), 0, 0, "", NULL, HOST },
	{ "operator_key", "public key (Ed25519, 64 hex digits) of the operator who signs the roster",
	  SL_OPTION_TEXT, HOST_AT(operator_key), 0, 0, "", NULL, RUN },
	{ "keys", "folder of the identity keys; K.key is the key of peer K", SL_OPTION_TEXT, HOST_AT(keys), 0,
	  0, "keys", NULL, HOST, SL_COMPLETE_FOLDER },
	{ "record",
	  "prefix of input recordings, one per start: RECORD-PEER-N, for `starling sim RUN --replay` (empty: none)",
	  SL_OPTION_TEXT, HOST_AT(record), 0, 0, "", NULL, HOST },
	{ NULL }
};

static const struct sl_option algorithm_options[] = {
	{ "name", "learning algorithm (see `starling list algorithms`)", SL_OPTION_TEXT, AT(algorithm), 0, 0,
	  "malcom", NULL, RUN, SL_COMPLETE_ALGORITHM },
	{ "eta", "initial step size of the local steps", SL_OPTION_REAL, AT(eta), 1e-9, 1e3, "0.15", NULL,
	  LATER },
	{ "eta_end", "step size in the last round, for eta_schedule = falling", SL_OPTION_REAL, AT(eta_end),
	  1e-12, 1e3, "0.002", NULL, LATER },
	{ "eta_rule",
	  "given: use the value of eta; theory: compute eta by the algorithm's rule from smoothness, convexity, compressor and number of peers (short form: eta = theory)",
	  SL_OPTION_CHOICE, AT(eta_rule), 0, 0, "given", "given|theory", LATER },
	{ "smoothness", "largest curvature L of any peer's loss, for eta_rule = theory (0: unknown)",
	  SL_OPTION_REAL, AT(smoothness), 0, 1e12, "0", NULL, LATER },
	{ "convexity", "smallest curvature of the mean loss, for eta_rule = theory (0: not strongly convex)",
	  SL_OPTION_REAL, AT(convexity), 0, 1e12, "0", NULL, LATER },
	{ "eta_schedule",
	  "constant; falling: geometrically from eta to eta_end; steps: divided by 5 after 70 % of the rounds; sqrt: eta/sqrt(k+1)",
	  SL_OPTION_CHOICE, AT(eta_schedule), 0, 0, "falling", "constant|falling|steps|sqrt", LATER },
	{ "lambda",
	  "weight of the l1 penalty on the model (0: none; where it is not set, methods for smooth losses take 0)",
	  SL_OPTION_REAL, AT(lambda), 0, 1e6, "1e-05", NULL, RUN },
	{ "gamma",
	  "consensus step size, in (0, 1]; auto: one that is stable for this compressor, graph and algorithm, which follows the graph when the roster changes",
	  SL_OPTION_REAL, AT(gamma), 0, 1, "auto", NULL, RUN, .zero = "auto" },
	{ "robust",
	  "Byzantine-robust mixing, which does not keep the exact mean: none; clip:B or trim:B, which tolerate B Byzantine neighbours per peer; clip-at:T, which limits the pull of each neighbour to distance T",
	  SL_OPTION_TEXT, AT(robust), 0, 0, "none", NULL, RUN },
	{ "momentum", "heavy-ball momentum of the local steps (0: none)", SL_OPTION_REAL, AT(momentum), 0,
	  0.9999, "0", NULL, RUN },
	{ "local_steps", "local gradient steps per round", SL_OPTION_U32, AT(local_steps), 1, 1e6, "4", NULL,
	  RUN },
	{ "batch", "samples per mini-batch (a value above the shard's size takes the whole shard)",
	  SL_OPTION_U32, AT(batch), 1, 1e6, "32", NULL, RUN },
	{ "estimator",
	  "gradient estimator of the local steps: batch: the mini-batch gradient; lsvrg and saga: variance reduction by stored gradients of the whole shard, with noise that vanishes at convergence (saga stores one gradient per sample); storm: the previous estimate, corrected by the change of the mini-batch gradient since",
	  SL_OPTION_CHOICE, AT(estimator), 0, 0, "batch", "batch|lsvrg|saga|storm", RUN },
	{ "refresh", "probability that lsvrg renews its reference point in a local step (0: batch/samples)",
	  SL_OPTION_REAL, AT(refresh), 0, 1, "0", NULL, RUN },
	{ "renewal", "weight of the mini-batch gradient in a storm estimate (1: same as batch)",
	  SL_OPTION_REAL, AT(renewal), 1e-6, 1, "0.1", NULL, RUN },
	{ "weigh",
	  "the loss that the run minimises: peers: the mean of the peers' losses; samples: the mean over all samples, by gradients in proportion to a peer's number of samples",
	  SL_OPTION_CHOICE, AT(weigh), 0, 0, "peers", "peers|samples", RUN },
	{ "mean_samples",
	  "with weigh = samples: training samples of all peers, divided by their number (0: init writes what it finds)",
	  SL_OPTION_REAL, AT(mean_samples), 0, 4e9, "0", NULL, RUN },
	{ NULL }
};

static const struct sl_option compress_options[] = {
	{ "pipeline", "select | quantise | code (see `starling list compressors`)", SL_OPTION_TEXT,
	  AT(pipeline), 0, 0, "topk:0.05 | dither:16 | golomb", NULL, RUN, SL_COMPLETE_PIPELINE },
	{ "budget",
	  "bytes of an encoded vector: of the coordinates that the pipeline selects, only as many of the largest are sent as fit. auto: what takes half a second of limits.rate on each link, at least 1 kB (none: all are sent)",
	  SL_OPTION_SIZE, AT(compress_budget), 64, 1e9, "none", NULL, RUN },
	{ NULL }
};

static const struct sl_option model_options[] = {
	{ "name", "model (see `starling list models`)", SL_OPTION_TEXT, AT(model), 0, 0, "mlp:128", NULL, RUN,
	  SL_COMPLETE_MODEL },
	{ "start",
	  "safetensors file that holds the model's tensors at the start, such as starling export writes; what it holds is part of the run's identity (empty: drawn from the seed)",
	  SL_OPTION_TEXT, HOST_AT(model_start), 0, 0, "", NULL, HOST, SL_COMPLETE_FILE },
	{ NULL }
};

static const struct sl_option trainer_options[] = {
	{ "command",
	  "what starling up starts beside each peer, by sh -c (empty: trainers are attached by hand)",
	  SL_OPTION_TEXT, HOST_AT(trainer), 0, 0, "", NULL, HOST },
	{ "folder", "where the command runs (empty: the folder in which starling up runs)", SL_OPTION_TEXT,
	  HOST_AT(trainer_folder), 0, 0, "", NULL, HOST, SL_COMPLETE_FOLDER },
	{ "start", "path of the model's tensors and their start, as init got them from the trainer",
	  SL_OPTION_TEXT, HOST_AT(start), 0, 0, "start", NULL, HOST, SL_COMPLETE_FILE },
	{ "absent",
	  "what a peer does without a trainer: wait: until one attaches; relay: rounds without local steps, so that its neighbours stay connected (such a run is not exact)",
	  SL_OPTION_CHOICE, HOST_AT(absent), 0, 0, "wait", "wait|relay", HOST },
	{ NULL }
};

static const struct sl_option data_options[] = {
	{ "train",
	  "training data: auto (Fashion-MNIST if its package is installed, else synthetic), a path, images,labels for idx, or a pattern with %d for one file per peer",
	  SL_OPTION_TEXT, HOST_AT(train), 0, 0, "auto", NULL, HOST },
	{ "test", "test data, in the same form as train (empty: none)", SL_OPTION_TEXT, HOST_AT(test), 0, 0,
	  "auto", NULL, HOST },
	{ "format", "format of train and test, with its arguments (see `starling list datasets`)",
	  SL_OPTION_TEXT, HOST_AT(format), 0, 0, "idx", NULL, HOST, SL_COMPLETE_FORMAT },
	{ "partition", "how samples are divided among the peers: iid, shards:K, dirichlet:A, own",
	  SL_OPTION_TEXT, HOST_AT(partition), 0, 0, "dirichlet:0.5", NULL, HOST, SL_COMPLETE_PARTITION },
	{ "classes",
	  "class names in the order of their numbers, such as -1,1 or 0..9 (a model with two signs takes the second of two as +1); none: real targets; auto: the labels found in the files; file:PATH: one name per line, for init; list:N:DIGEST: N names that are too long for this line and are stored in the prepared data",
	  SL_OPTION_TEXT, HOST_AT(classes), 0, 0, "auto", NULL, RUN },
	{ "columns",
	  "names of the features, and how their numbers are scaled: none; file:PATH: for init, one column per line; list:N:DIGEST: what the file columns beside the prepared data holds",
	  SL_OPTION_TEXT, HOST_AT(columns), 0, 0, "none", NULL, RUN },
	{ "shards", "folder of the prepared data", SL_OPTION_TEXT, HOST_AT(shards), 0, 0, "data", NULL, HOST,
	  SL_COMPLETE_FOLDER },
	{ NULL }
};

static const struct sl_option limit_options[] = {
	{ "rate",
	  "bits per second that this peer may send, with all headers: 64kbit, 8kB, 1Mbit (none: no limit). Rounds wait for it",
	  SL_OPTION_RATE, AT(limit_rate), 0, 0, "none", NULL, HOST },
	{ "volume",
	  "bytes that this peer may send per hour, day or month of 30 days, with all headers, spread evenly: 200MB/month (none: no limit). At most 1/20 of it is saved up for a burst",
	  SL_OPTION_VOLUME, AT(limit_volume), 0, 0, "none", NULL, HOST },
	{ "cpu",
	  "processor time that this peer may take, in percent of one core, on average over each round: the next one begins later (0: no limit)",
	  SL_OPTION_U32, AT(limit_cpu), 0, 100000, "0", NULL, HOST },
	{ "nice",
	  "lowers the priority of this peer, as nice(1) does; starlingd@.service does not permit that: set Nice= there",
	  SL_OPTION_U32, AT(limit_nice), 0, 19, "0", NULL, HOST },
	{ "threads",
	  "threads that share passes over a model of a million parameters and more, the peer's own one included; results do not depend on their number (0: one per processor, up to 4)",
	  SL_OPTION_U32, HOST_AT(limit_threads), 0, 256, "0", NULL, HOST },
	{ "value", "largest magnitude of a coordinate of a model, at its owner and in every copy of it",
	  SL_OPTION_REAL, AT(limit_value), 1e-3, 1e30, "1e+09", NULL, RUN },
	{ "refusals",
	  "malformed frames per minute that a neighbour may send; more lead to quarantine (0: no limit)",
	  SL_OPTION_U32, AT(limit_refusals), 0, 1e6, "64", NULL, HOST },
	{ "frames",
	  "unsolicited frames per second that a neighbour may send (burst: a few thousand); more lead to quarantine (0: no limit)",
	  SL_OPTION_U32, AT(limit_frames), 0, 1e6, "200", NULL, HOST },
	{ "quarantine",
	  "length of a neighbour's first quarantine, during which nothing is sent to it or accepted from it; each one that follows soon is twice as long",
	  SL_OPTION_DURATION, AT(quarantine_us), 0.01, 86400, "10s", NULL, HOST },
	{ "detect", "run the anomaly detector on every Nth frame of a neighbour (0: never)", SL_OPTION_U32,
	  AT(detect_every), 0, 1e6, "0", NULL, HOST },
	{ "anomaly", "detector score, in mean deviations, above which an event anomaly is written",
	  SL_OPTION_REAL, AT(anomaly), 1, 1e9, "10", NULL, HOST },
	{ "quarantine_most", "upper limit of the length of a quarantine", SL_OPTION_DURATION,
	  AT(quarantine_most_us), 0.01, 864000, "1h", NULL, HOST },
	{ NULL }
};

static const struct sl_option history_options[] = {
	{ "path", "database of the run's history", SL_OPTION_TEXT, HOST_AT(history), 0, 0, "history.db", NULL,
	  HOST, SL_COMPLETE_FILE },
	{ "keep",
	  "how long all rows of this peer stay, such as 30d; older ones are thinned out while it runs, so that the database does not grow for ever (never: all stay)",
	  SL_OPTION_DURATION, HOST_AT(history_keep_us), 1, 1e9, "never", NULL, HOST },
	{ "thin",
	  "of rows older than keep, one per N rounds stays, with the times of all (0: none); use a multiple of every and evaluate",
	  SL_OPTION_U32, HOST_AT(history_thin), 0, 1e6, "100", NULL, HOST },
	{ "every", "write a row every N rounds and after the last", SL_OPTION_U32, AT(history_every), 1, 1e9,
	  "1", NULL, HOST },
	{ "evaluate",
	  "compute test loss, accuracy and sketch every N rounds and after the last (0: only after the last)",
	  SL_OPTION_U32, AT(evaluate), 0, 1e9, "50", NULL, LATER },
	{ "sketch",
	  "buckets of the model's count sketch, from which the consensus error is estimated (0: no sketch)",
	  SL_OPTION_U32, AT(sketch), 0, SL_SKETCH_MAX, "64", NULL, LATER },
	{ "evaluate_samples",
	  "compute test loss and accuracy on N samples of the test set, drawn from the seed, the same at all peers and in every round (0: on the whole test set)",
	  SL_OPTION_U32, AT(evaluate_samples), 0, 4e9, "0", NULL, LATER },
	{ NULL }
};

static const struct sl_option checkpoint_options[] = {
	{ "every", "write a checkpoint every N rounds (0: never)", SL_OPTION_U32, AT(checkpoint_every), 0,
	  1e9, "0", NULL, LATER },
	{ "path", "folder of the checkpoints", SL_OPTION_TEXT, HOST_AT(checkpoint), 0, 0, "checkpoint", NULL,
	  HOST, SL_COMPLETE_FOLDER },
	{ NULL }
};

static const struct sl_option metrics_options[] = {
	{ "listen",
	  "address at which starlingd answers GET /metrics in the text formats of OpenMetrics and Prometheus: unix:PATH, 127.0.0.1:PORT or [::1]:PORT. %d stands for the peer's number, and PORT may be PORT+%d (empty: none)",
	  SL_OPTION_TEXT, HOST_AT(metrics_listen), 0, 0, "", NULL, HOST },
	{ "remote",
	  "whether listen may be an address that other hosts reach. Whoever reaches it may read the metrics: there is no password and no encryption",
	  SL_OPTION_SWITCH, HOST_AT(metrics_remote), 0, 0, "no", NULL, HOST },
	{ "textfile",
	  "file for the textfile collector of Prometheus's node_exporter, replaced every 15 seconds, removed at the end, readable by everyone; its name ends in .prom, and %d stands for the peer's number (empty: none)",
	  SL_OPTION_TEXT, HOST_AT(metrics_textfile), 0, 0, "", NULL, HOST, SL_COMPLETE_FILE },
	{ NULL }
};

static const struct sl_option privacy_options[] = {
	{ "noise",
	  "local differential privacy: standard deviation of the noise added to the sum of a batch's gradients, in units of clip; each sample is then in a batch by chance (0: no privacy)",
	  SL_OPTION_REAL, AT(noise), 0, 1000, "0", NULL, RUN },
	{ "clip", "with noise: norm to which the gradient of each sample is scaled down where it is longer",
	  SL_OPTION_REAL, AT(clip), 1e-9, 1e9, "1", NULL, RUN },
	{ "epsilon",
	  "with noise: budget of a peer in one session; before its epsilon would exceed this, it stops learning and only mixes (none: no limit)",
	  SL_OPTION_REAL, AT(epsilon), 0, 1e6, "none", NULL, RUN, .zero = "none" },
	{ "delta", "with noise: the delta for which epsilon holds; well below 1/samples of a peer",
	  SL_OPTION_REAL, AT(delta), 1e-15, 0.1, "1e-05", NULL, RUN },
	{ NULL }
};

const struct sl_settings_section sl_settings_sections[] = {
	{ "run", "The run as a whole: rounds, pace, timeouts, roster and keys", run_options },
	{ "algorithm", "Local learning and mixing with neighbours", algorithm_options },
	{ "compress", "Compression of the exchanged differences", compress_options },
	{ "model", "The model to learn", model_options },
	{ "data",
	  "Training and test data. `starling init` reads these keys; peers read the prepared shards, whose classes must match classes below",
	  data_options },
	{ "trainer", "With [model] name = trainer: the process that computes beside each peer",
	  trainer_options },
	{ "limits", "Limits on what this peer sends, and on misbehaving neighbours that hold a valid key",
	  limit_options },
	{ "history", "The history of the run", history_options },
	{ "checkpoint", "Checkpoints, from which a restarted peer resumes", checkpoint_options },
	{ "metrics", "Numbers for monitoring, in the formats of Prometheus", metrics_options, .host = true },
	{ "privacy", "Local differential privacy of each peer's samples, for models that are built in",
	  privacy_options },
	{ NULL }
};

void sl_run_settings_standard(struct sl_run_settings *settings)
{
	memset(settings, 0, sizeof *settings);
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++)
		sl_options_standard(s->options, settings);
}

void sl_settings_standard(struct sl_settings *settings)
{
	struct sl_run_settings all;
	sl_run_settings_standard(&all);
	*settings = all.method;
}

struct sl_run_settings sl_run_settings_of(const struct sl_settings *method)
{
	struct sl_run_settings all;
	sl_run_settings_standard(&all);
	all.method = *method;
	return all;
}

struct sl_rates sl_settings_rates(const struct sl_settings *s)
{
	bool falling = s->eta_schedule == SL_ETA_FALLING;
	bool counts = falling || s->eta_schedule == SL_ETA_STEPS;
	return (struct sl_rates){ s->eta, falling ? s->eta_end : 0, s->eta_schedule, counts ? s->rounds : 0 };
}

bool sl_rates_equal(const struct sl_rates *a, const struct sl_rates *b)
{
	return a->eta == b->eta && a->eta_end == b->eta_end && a->schedule == b->schedule &&
	       a->rounds == b->rounds;
}

double sl_rates_eta(const struct sl_rates *r, uint32_t round)
{
	switch ((enum sl_eta_schedule)r->schedule) {
	case SL_ETA_FALLING:
		if (r->rounds < 2)
			return r->eta;
		return r->eta * sl_portable_exp((double)round / (double)(r->rounds - 1) *
		                                sl_portable_log(r->eta_end / r->eta));
	case SL_ETA_STEPS:
		return (double)round < 0.7 * (double)r->rounds ? r->eta : r->eta / 5;
	case SL_ETA_SQRT:
		return r->eta / sqrt((double)round + 1);
	case SL_ETA_CONSTANT:
		break;
	}
	return r->eta;
}

double sl_settings_eta(const struct sl_settings *s, uint32_t round)
{
	struct sl_rates rates = sl_settings_rates(s);
	return sl_rates_eta(&rates, round);
}
