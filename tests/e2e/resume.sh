#!/bin/sh
# A run that is resumed with a key of its configuration changed: refused, with the key and both values, or honoured,
# with an event row. Every key of starling.conf(5) must be in this table; `make resume-table` prints what came of it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Key and another value. A key that the run's algorithm cannot take otherwise stands with the run that can.
cat > others << 'end'
run.name=another
run.seed=2
run.rounds=60
run.pace=free
run.round_timeout=5s
run.link_timeout=3s
run.period=10ms
run.catch_up=7
run.on_divergence=stop
run.max_degree=32
run.roster=roster-2
run.id=00000000000000000000000000000001
run.operator_key=0000000000000000000000000000000000000000000000000000000000000001
run.keys=keys-2
run.record=recording
algorithm.name=choco
algorithm.eta=0.05
algorithm.eta_end=0.001
algorithm.eta_rule=theory
algorithm.smoothness=20
algorithm.convexity=0.5
algorithm.eta_schedule=constant
algorithm.lambda=0.5
algorithm.gamma=0.125
algorithm.robust=clip-at:3
algorithm.momentum=0.5
algorithm.local_steps=2
algorithm.batch=8
algorithm.estimator=lsvrg
algorithm.refresh=0.5
algorithm.renewal=0.5
algorithm.weigh=samples
algorithm.mean_samples=100
compress.pipeline=topk:0.1 | dither:16 | golomb
compress.budget=4kB
model.name=mlp:8
model.start=elsewhere
trainer.command=true
trainer.folder=elsewhere
trainer.start=elsewhere
trainer.absent=relay
data.train=elsewhere
data.test=elsewhere
data.format=synthetic:640,160
data.partition=iid
data.classes=9,8,7,6,5,4,3,2,1,0
data.columns=list:3:00112233445566778899aabbccddeeff
data.shards=data-2
limits.value=1000
limits.rate=1Mbit
limits.volume=1GB/day
limits.cpu=50
limits.nice=5
limits.threads=2
limits.refusals=32
limits.frames=100
limits.quarantine=1s
limits.detect=5
limits.anomaly=20
limits.quarantine_most=10min
history.path=other.db
history.every=2
history.keep=30d
history.thin=50
history.evaluate=7
history.evaluate_samples=9
history.sketch=32
checkpoint.every=2
checkpoint.path=elsewhere
metrics.listen=unix:elsewhere
metrics.remote=yes
metrics.textfile=elsewhere.prom
privacy.noise=1
privacy.clip=0.5
privacy.epsilon=8
privacy.delta=1e-06
end

# What the table of options says of each key.
"$starling" list settings --json | sed -n 's/.*"section": "\([a-z]*\)", "shared": [a-z]*, "resume": "\([a-z ]*\)", "option": {"name": "\([a-z_]*\)".*/\1.\3 \2/p' > keys
[ -s keys ] || fail "starling list settings --json does not say what happens to a key"
grep -qvE ' (fixed|may change|per host)$' keys && fail "a key that nobody has classified: $(grep -vE ' (fixed|may change|per host)$' keys)"
sed 's/ .*//' keys | sort > classified
sed 's/=.*//' others | sort > tried
cmp -s classified tried || fail "keys without another value here, or the other way round: $(diff classified tried)"
ok "every key is classified, and tried"

# begin RUN [ARGUMENT...]: a run that was stopped behind some checkpoints.
begin() {
	name=$1
	shift
	make_run "$name" ring:3 --set run.rounds=1000000 --set checkpoint.every=5 --set history.every=100 --set history.evaluate=0 "$@"
	background "$starling" up "$name" --plain --set run.rounds=40
	wait "$pid" || fail "the run $name failed"
	cp -a "$name/roster" "$name/roster-2"
	cp -a "$name/keys" "$name/keys-2"
	cp -a "$name/data" "$name/data-2"
	cp -a "$name" "$name-begun"
}
sum() { cat "$1"/checkpoint/[012].[01] | cksum; }
row() { printf '    %-26s %-11s %s\n' "$1" "$2" "$3"; }

# try RUN KEY VALUE CLASS: peer 0 of the run is started again with that value.
try() {
	rm -rf "$1" && cp -a "$1-begun" "$1"
	before=$(sum "$1")
	db=$1/history.db
	set_rounds=run.rounds=40
	[ "$2" != history.path ] || db=$1/other.db
	"$build/starlingd" -n -r "$1/run.conf" -p 0 --set $set_rounds --set "$2=$3" > out 2> err
	code=$?
	case $4:$2 in
	fixed:run.operator_key) # whoever signs with another key signs another roster
		[ $code -eq 2 ] || fail "$2: exit code $code"
		says err roster signature
		row "$2" "$4" "refused: $(sed 's/^[^:]*: //' err)"
		;;
	fixed:algorithm.weigh) # needs another key, which cannot change either
		[ $code -eq 2 ] || fail "$2: exit code $code"
		says err "weigh = samples: needs mean_samples"
		row "$2" "$4" "refused: $(sed 's/^[^[]*\[/[/; s/,.*//' err)"
		;;
	*:run.id) # the roster is that of another run
		[ $code -eq 2 ] || fail "$2: exit code $code"
		says err "roster: is the roster of run " "but [run] id = $3"
		row "$2" "$4" "refused: $(sed 's/^[^:]*: //' err)"
		;;
	*:model.start) # there is no such file
		[ $code -eq 2 ] || fail "$2: exit code $code"
		says err "[model] start" "$3"
		row "$2" "$4" "refused: $(sed 's/^[^[]*\[/[/' err)"
		;;
	fixed:data.classes) # the prepared data say what they were cut for
		[ $code -eq 2 ] || fail "$2: exit code $code"
		says err "--set data.classes: [data] classes = $3: " "was prepared with the classes"
		row "$2" "$4" "refused: $(sed 's/^[^[]*\[/[/' err)"
		;;
	fixed:* | *:checkpoint.path)
		[ $code -eq 2 ] || fail "$2: exit code $code"
		says err "--set $2: " "${2#*.} = $3: "
		[ "$2" = checkpoint.path ] || says err "was started with $(sed -n "/^\[${2%.*}\]/,/^\[/s/^${2#*.} = //p" printed)"
		expect 2 "$build/starlingd" -r "$1/run.conf" -p 0 --set $set_rounds --set "$2=$3"
		expect 2 "$starling" up "$1" --resume --plain --set $set_rounds --set "$2=$3"
		row "$2" "$4" "refused: $(sed 's/^[^[]*\[/[/; s/, and .*//' out err | head -n 1)"
		;;
	*)
		[ $code -eq 0 ] || fail "$2: exit code $code"
		rm -f "$1/0.out"
		start_peer "$1" 0 --set $set_rounds --set "$2=$3"
		within 20 grep -q "resumed-from-checkpoint" "$1/0.out"
		# Its first row says what changed, if anything that the others can tell.
		wanted=$(case $4 in may*) echo 1 ;; *) echo 0 ;; esac)
		within 20 gives "$db" 1 "SELECT count(*) > 0 FROM event WHERE peer = 0 AND kind = 'resumed-from-checkpoint'"
		within 20 gives "$db" "$wanted" "SELECT count(*) FROM event WHERE peer = 0 AND kind = 'setting-changed' AND detail LIKE '$2 = $3 from round %, instead of %'"
		kill -KILL "$pid"
		wait "$pid" 2> /dev/null
		change=$(sed -n 's/.*setting-changed: //p' "$1/0.out" | tail -n 1)
		case $2 in data.shards) ;; data.*) change="read by starling init alone" ;; esac
		row "$2" "$4" "honoured${change:+: $change}"
		return
		;;
	esac
	[ "$(sum "$1")" = "$before" ] || fail "$2: a checkpoint was touched"
}

begin run
begin theory --set algorithm.name=prox-lead --set algorithm.gamma=0.25 --set algorithm.smoothness=10
begin lsvrg --set algorithm.estimator=lsvrg
begin storm --set algorithm.estimator=storm
begin weighed --set algorithm.weigh=samples
begin noisy --set privacy.noise=0.5
while read -r line; do
	key=${line%%=*}
	class=$(sed -n "s/^$key //p" keys)
	name=run
	case $key in
	algorithm.eta_rule | algorithm.smoothness) name=theory ;;
	algorithm.refresh) name=lsvrg ;;
	algorithm.renewal) name=storm ;;
	algorithm.mean_samples) name=weighed ;;
	privacy.clip | privacy.epsilon | privacy.delta) name=noisy ;;
	esac
	"$build/starlingd" -n -r $name-begun/run.conf -p 0 --set run.rounds=40 > printed
	try $name "$key" "${line#*=}" "$class"
done < others
ok "a run resumed with each key changed: refused by name, or honoured"

rm -rf run && cp -a run-begun run
reached=$("$build/starlingd" -n -r run/run.conf -p 0 --set run.rounds=1 2>&1 | sed -n 's/.* has done \([0-9]*\) already.*/\1/p')
[ "$reached" -ge 5 ] || fail "rounds below those done are not refused"
expect 2 "$starling" up run --resume --plain --set run.rounds=4
says err "[run] rounds = 4: this run was started with 40 and has done" "or more"
expect 2 "$starling" up run --resume --plain --set run.rounds=40 --set algorithm.lambda=0.5
says err "--set algorithm.lambda: [algorithm] lambda = 0.5: this run was started with 1e-05, and a different value is a different run"
ok "fewer rounds than are done, another identity: refused before anybody is started"

make_run longer ring:3 --set algorithm.eta_schedule=constant --set run.rounds=60 --set checkpoint.every=5
expect 0 "$starling" up longer --plain --set run.rounds=40
expect 0 "$starling" up longer --plain --resume --set run.rounds=60
says err "starling up: run.rounds = 60 from now on; previously 40"
query longer/history.db "1|60" "SELECT count(DISTINCT run_id), count(DISTINCT round) FROM round"
query longer/history.db 3 "SELECT count(*) FROM event WHERE kind = 'setting-changed' AND detail LIKE 'run.rounds = 60 from round % on, instead of 40'"
expect 0 "$starling" sim longer --history longer/history.db
same_models longer/history.db 3
ok "a finished run goes on for more rounds, as if it had had them from the start"

session=$(head -n 1 longer/session)
rm longer/session
expect 0 "$starling" up longer --plain --resume --set run.rounds=70
says err "the file session is missing; using $session from the checkpoints"
[ "$(head -n 1 longer/session)" = "$session" ] || fail "another session was written"
query longer/history.db "1|70" "SELECT count(DISTINCT run_id), count(DISTINCT round) FROM round WHERE run_id = $(newest daemon)"
rm longer/session
expect 0 "$build/starlingd" -n -r longer/run.conf -p 2 --set run.rounds=70
[ ! -e longer/session ] || fail "-n wrote a file"
echo "$session" > longer/session
expect 0 "$starling" up longer --plain --resume --set run.rounds=75 --set checkpoint.every=0
query longer/history.db 75 "SELECT count(DISTINCT round) FROM round WHERE run_id = $(newest daemon)"
ok "a lost session is the checkpoints'; with checkpoint.every = 0 they are read all the same"

old=$(sum longer)
for i in 1 2 3 4; do
	expect 0 "$starling" up longer --plain --set run.rounds=10
	says err "new session; the old checkpoints of 3 peers are kept as checkpoint/*.old-1.*"
	[ $i -ne 1 ] || [ "$(cat longer/checkpoint/[012].old-1.[01] | cksum)" = "$old" ] || fail "what is kept is not what was there"
done
[ "$(find longer/checkpoint -name '*.old-*.0' | wc -l)" -eq 9 ] || fail "not three generations of each: $(ls longer/checkpoint)"
rm longer/session longer/checkpoint/[012].[01]
expect 2 "$starling" up longer --plain --resume
says err "there is neither a file session nor a checkpoint"
ok "a new session keeps the old checkpoints aside, three at most"

rm -rf run && cp -a run-begun run
echo 00000000000000aa > run/session
for k in 0 1 2; do start_peer run $k --set run.rounds=10; done
peers_end 0 30 run 0 1 2
grep -q "checkpoint-set-aside: it is of session $(head -n 1 run-begun/session), at round" run/0.out || fail "not said: $(cat run/0.out)"
cmp -s run/checkpoint/0.old-1.0 run-begun/checkpoint/0.0 || fail "the old checkpoint is not kept"
query run/history.db "2|0" "SELECT count(*), min(round) FROM round WHERE peer = 0 AND run_id = $(newest daemon) AND round < 10"
ok "a daemon with another session sets its old checkpoint aside"

make_run unlike ring:3 --set run.rounds=40
start_peer unlike 1 --set run.rounds=20 --set algorithm.eta=0.05
for k in 0 2; do start_peer unlike $k; done
peers_end 0 60 unlike 0 1 2
query unlike/history.db "40|20|40" "SELECT group_concat(n, '|') FROM (SELECT count(*) AS n FROM round GROUP BY peer ORDER BY peer)"
for k in 0 2; do
	query unlike/history.db 1 "SELECT count(*) FROM event WHERE peer = $k AND kind = 'settings-differ'
		AND detail LIKE 'peer 1 has another run.rounds, algorithm.eta; the edge ends after 20 rounds, since it has 20 and this peer 40'"
done
query unlike/history.db 0 "SELECT count(*) FROM event WHERE kind IN ('frame-refused', 'mean-shift', 'edge-late')"
ok "peers with different numbers of rounds: an edge ends with the lower"
