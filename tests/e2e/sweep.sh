#!/bin/sh
# starling sweep: all combinations of a plan into one database, also after kill -9; points that fail; a target; tuning; runs of
# daemons; and what is wrong in a plan.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

plan() { # NAME LINE...
	name=$1
	shift
	printf '%s\n' "$@" "[set]" "data.format = synthetic:600,150,12" "data.train = synthetic" "model = softmax" "rounds = 40" \
		"history.evaluate = 10" > "$name.ini"
}
wrong() { # TEXT LINE...
	text=$1
	shift
	printf '%s\n' "$@" > wrong.ini
	expect 2 "$starling" sweep wrong.ini
	one_line err
	says err "starling sweep: wrong.ini:$text"
	[ ! -e wrong.db ] || fail "a database in spite of a wrong plan"
}
wrong "2: unknown axis 'pipelines': it is section.key of starling.conf(5), or one of algorithm, pipeline" "[axes]" "pipelines = a"
wrong "3: eta = 2000: must be between" "[axes]" "topology = ring:4" "algorithm.eta = 0.1, 2000"
wrong "2: unknown select stage 'topkk'; did you mean topk?" "[axes]" "pipeline = all | float32 | raw, topkk:0.2 | dither:16 | golomb"
wrong "2: pipeline = topk:0.2 | golomb: must be select | quantise | code" "[axes]" "pipeline = topk:0.2 | golomb"
wrong "2: unknown model 'mpl'" "[set]" "model = mpl:3"
wrong " no topology: add one" "[axes]" "seed = 1..3"
wrong "1: unknown section 'axis'" "[axis]"
wrong "2: topology: 'ring:4' stands here twice" "[axes]" "topology = ring:4, ring:4"
wrong "2: seed = 3..1: a range has" "[axes]" "seed = 3..1"
wrong "2: runner = simulator: must be sim or daemons" "[sweep]" "runner = simulator"
wrong "2: unknown option of starling sim 'latencies'" "[sim]" "latencies = 1ms"
wrong "2: run.name is set by the sweep itself" "[set]" "run.name = x"
wrong " run.seed is an axis, and in [set]" "[axes]" "topology = ring:4" "seed = 1, 2" "[set]" "seed = 3"
expect 2 "$starling" sweep nothing.ini
says err "nothing.ini"
ok "what is wrong in a plan is said, with its line"

plan main "[axes]" "pipeline = topk:0.2 | dither:16 | golomb, randk:0.2,one | sign | raw" "topology = ring:4, complete:4" "seed = 1..3"
expect 0 "$starling" sweep main.ini --list
[ "$(sort -u out | wc -l)" -eq 12 ] || fail "not 12 points"
says out "randk:0.2,one | sign | raw, complete:4, seed 3"
# Killed with all that it started, after each two or three runs.
for _ in 1 2 3; do
	before=$(sqlite3 main.db "SELECT count(*) FROM sweep_point WHERE state = 'done'" 2> /dev/null || echo 0)
	background "$starling" sweep main.ini
	more() { [ "$(sqlite3 main.db "SELECT count(*) FROM sweep_point WHERE state = 'done'" 2> /dev/null || echo 0)" -ge $((before + 2)) ]; }
	within 60 more
	kill -KILL "$pid"
	within 30 gone "$pid"
	idle() { ! runs "starling sim .*--history main.db.work"; }
	within 30 idle
done
expect 0 "$starling" sweep main.ini
says err "runs are there from before" "[12/12] "
says out "topk:0.2 | dither:16 | golomb  ring:4" "12 of 12 done, 0 failed"
[ ! -e main.db.work ] || fail "files are left: $(ls main.db.work)"
query main.db "12|12|12|12" "SELECT (SELECT count(*) FROM sweep_point WHERE state = 'done'), (SELECT count(DISTINCT run_id) FROM sweep_point),
	(SELECT count(*) FROM run), (SELECT count(*) FROM summary WHERE rounds = 40 AND present = peers)"
query main.db 12 "SELECT count(*) FROM sweep_point JOIN run USING (run_id) WHERE json_extract(axes, '\$.seed') = seed
	AND json_extract(axes, '\$.topology') = topology AND json_extract(axes, '\$.pipeline') = compress"
ok "killed three times with kill -9, a sweep ends with each point once"

cp out before
expect 0 "$starling" sweep main.ini
grep -v '^this time' before > wanted
cmp -s out wanted || fail "another table without a run: $(diff out wanted)"
expect 0 "$starling" sweep main.ini --json
sqlite3 :memory: "SELECT json_valid(readfile('out')) AND json_array_length(readfile('out'), '\$.points') = 12" | grep -qx 1 || fail "no JSON"
mean=$(sql main.db "SELECT printf('%.4f', avg(test_accuracy)) FROM sweep_point JOIN summary USING (run_id)
	WHERE json_extract(axes, '\$.topology') = 'ring:4' AND json_extract(axes, '\$.pipeline') LIKE 'topk%'")
grep -q "^topk:0.2 | dither:16 | golomb  ring:4  *3  *$mean " wanted || fail "the table's mean is not $mean"
ok "a sweep that is done runs nothing again; the table is what SQL says"

plan more "[sweep]" "name = odd \"\\ name" "jobs = 1" "target = 0.5" "[axes]" "algorithm = malcom, prox-lead" "seed = 1, 2" "[set]" "topology = ring:3" \
	"pipeline = topk:0.2 | dither:16 | golomb" "algorithm.lambda = 0.00001" "algorithm.robust = clip:1"
expect 1 "$starling" sweep more.ini
says err "prox-lead, seed 1: failed: exit code 2: starling sim: " "2 runs failed; their logs are in more.db.work" "malcom, seed 2: accuracy "
query more.db "failed|2|1" "SELECT state, count(*), min(detail LIKE 'exit code 2: starling sim: %') FROM sweep_point WHERE state <> 'done'"
query more.db "1" "SELECT min(rounds) < 40 FROM summary"
says out "2/2" "0/2"
expect 1 "$starling" sweep more.ini
grep -q "failed: exit" err && fail "a point that failed is run again"
expect 1 "$starling" sweep more.ini --retry
says err "failed: exit code 2"
expect 1 "$starling" sweep more.ini --json
sqlite3 :memory: "SELECT json_extract(readfile('out'), '\$.name') = 'odd \"\\ name' AND json_array_length(readfile('out'), '\$.points') = 4" | grep -qx 1 ||
	fail "no JSON with an odd name"
ok "a point that fails is recorded, the others go on; a target ends a run early"

plan tune "[sweep]" "[axes]" "pipeline = topk:0.2 | dither:16 | golomb, all | float32 | raw" "seed = 1, 2" "[tune]" "eta = 0.02, 0.3" "gamma = auto, 0.9" \
	"[set]" "topology = complete:4"
expect 0 "$starling" sweep tune.ini --tune
says out "tuning     4 runs per method, 8 in all" "not part of the figures above"
query tune.db "8|3|4" "SELECT (SELECT count(*) FROM sweep_point WHERE stage = 'tune'), (SELECT min(seed) FROM sweep_point JOIN run USING (run_id)
	WHERE stage = 'tune'), (SELECT count(*) FROM sweep_point WHERE stage = 'run' AND state = 'done')"
# For each method, the runs have the values that were best.
query tune.db 4 "WITH t AS (SELECT json_extract(axes, '\$.pipeline') AS pipeline, json_extract(axes, '\$.eta') AS eta,
	json_extract(axes, '\$.gamma') AS gamma, stage, test_accuracy FROM sweep_point JOIN summary USING (run_id))
	SELECT count(*) FROM t AS r JOIN t AS c USING (pipeline, eta, gamma) WHERE r.stage = 'run' AND c.stage = 'tune'
	AND c.test_accuracy = (SELECT max(test_accuracy) FROM t WHERE stage = 'tune' AND pipeline = r.pipeline)"
ok "--tune: the same candidates for each method, the best are used, and what they took is said"

plan daemons "[sweep]" "runner = daemons" "target = 0.3" "[axes]" "seed = 1, 2" "[set]" "topology = ring:3" "run.round_timeout = never"
expect 0 "$starling" sweep daemons.ini
query daemons.db "daemon|2|6" "SELECT min(driver), count(*), (SELECT count(*) FROM peer WHERE exit = 0) FROM run"
[ ! -e daemons.db.work ] || fail "files are left"
ok "runner = daemons"

plan slow "[axes]" "topology = ring:64" "seed = 1..8" "[set]" "algorithm.local_steps = 200"
background "$starling" sweep slow.ini
within 30 sh -c 'ls slow.db.work/*.db'
expect 2 "$starling" sweep slow.ini
says err "another starling sweep works on this database"
kill -INT "$pid"
ends 1 30 "$pid"
grep -q "interrupted; .* the same command goes on" background || fail "not told how to go on"
runs "starling sim .*slow.db.work" && fail "children outlive their parent"
ok "^C ends the children; one sweep per database"
