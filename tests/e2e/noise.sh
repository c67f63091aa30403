#!/bin/sh
# Local differential privacy with real daemons: the same bits as the simulator, also when killed; epsilon in the history,
# in status and within the budget; noise of the peer's own key; a replay; refusals.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

digest_of() { sql "$1" "SELECT model_digest FROM peer WHERE peer = 2 AND run_id = $(newest "$2")"; }
exact="--set run.round_timeout=never --set run.rounds=120 --set history.evaluate=30 --set checkpoint.every=5"
private="--set privacy.noise=0.8 --set privacy.delta=1e-4"

# shellcheck disable=SC2086 # options
make_run run ring:3 $exact $private --set run.record=fed
for k in 0 1 2; do start_peer run $k; done
within 30 round_over run 1 12
kill -KILL "$(cat run/1.pid)"
wait "$(cat run/1.pid)" 2> /dev/null
start_peer run 1
peers_end 0 60 run 0 1 2
expect 0 "$starling" sim run --history run/history.db
same_models run/history.db 3
ok "an exact run with noise, one peer of it killed, ends like its simulation"

daemon="run_id = $(newest daemon)"
sim="run_id = $(newest sim)"
query run/history.db "3|4" "SELECT count(DISTINCT peer), count(DISTINCT round) FROM metric WHERE name = 'epsilon' AND $daemon"
query run/history.db 0 "SELECT count(*) FROM metric AS a WHERE name = 'epsilon' AND $daemon AND NOT EXISTS (SELECT 1 FROM metric AS b WHERE $sim AND b.peer = a.peer AND b.round = a.round AND b.name = a.name AND b.value = a.value)"
query run/history.db 0 "SELECT count(*) FROM metric AS a, metric AS b WHERE a.run_id = b.run_id AND a.peer = b.peer AND a.name = 'epsilon' AND b.name = 'epsilon' AND a.round < b.round AND a.value >= b.value"
query run/history.db "0.0001" "SELECT DISTINCT value FROM metric WHERE name = 'delta'"
ok "epsilon and delta of each peer are in the history, and grow by the same rounds"

for file in run/fed-2-*; do expect 0 "$starling" sim run --replay "$file"; done
mv run/keys/2.key away
expect 1 "$starling" sim run --replay run/fed-2-0
says err "needs the peer's key"
expect 0 "$starling" sim run --history other.db
says err "noise of 1 peers is drawn from the seed"
[ "$(digest_of other.db sim)" != "$(digest_of run/history.db sim)" ] || fail "the noise does not depend on the key"
mv away run/keys/2.key
ok "a replay draws the noise from the peer's key, and nobody can without it"

# shellcheck disable=SC2086
make_run spent ring:3 $private --set privacy.epsilon=3 --set run.rounds=100000000 --set algorithm.eta_schedule=constant
for k in 0 1 2; do start_peer spent $k --set metrics.textfile="$work/%d.prom"; done
for k in 0 1 2; do within 60 gives spent/history.db 1 "SELECT count(*) FROM event WHERE kind = 'privacy-budget-spent' AND peer = $k"; done
past=$(sqlite3 spent/history.db "SELECT max(round) FROM event WHERE kind = 'privacy-budget-spent'")
for k in 0 1 2; do within 30 round_over spent $k $((past + 20)); done
expect 0 "$starling" status spent
says out "of 3 spent: no longer learning"
expect 0 "$starling" status spent --json
says out '"epsilon_budget":3,"epsilon_spent":true'
query spent/history.db 0 "SELECT count(*) FROM metric WHERE name = 'epsilon' AND value > 3"
within 60 grep -q '^starling_privacy_spent{.*} 1$' 1.prom
for line in 'epsilon_budget{.*} 3$' 'epsilon{.*} 2\.[0-9]*$' 'delta{.*} 0.0001$'; do
	grep -q "^starling_privacy_$line" 1.prom || fail "metrics lack $line: $(grep privacy 1.prom)"
done
for k in 0 1 2; do kill -TERM "$(cat spent/$k.pid)"; done
peers_end 0 30 spent 0 1 2
ok "peers whose budget is spent no longer learn, say so, and go on with the others"
if command -v gnuplot > out && [ -x /usr/bin/python3 ]; then
	# shellcheck disable=SC2086
	expect 0 "$starling" sim --topology ring:3 --history spent.db --set data.format=synthetic:640,160 --set model.name=mlp:16 \
		$private --set privacy.epsilon=8 --set run.rounds=60 --set history.evaluate=20 --set algorithm.eta_schedule=constant
	expect 0 "$starling" report spent.db -o spent.html
	expect 0 /usr/bin/python3 "$root/tests/e2e/report.py" spent.html spent.db
	grep -q 'at a delta of <data class="delta" value="0.0001">0.0001</data>. <data class="spent" value="3">3 peers</data> spent the budget' spent.html ||
		fail "the report says nothing of the budget: $(grep -i private spent.html)"
	grep -q '<th>epsilon</th>' spent.html || fail "no epsilon per peer"
	ok "epsilon, delta and the budget are in the report, as SQL has them"
else
	echo "skipped: gnuplot or Python is not here (gnuplot-nox)"
fi

# Rounds between the last checkpoint and a crash may be computed again from another state: their gradients count twice.
ended() { sed -n 's/.* ended in round \([0-9]*\): .*/\1/p' "crash/$1.out" | tail -n 1; }
counted() { sed -n 's/^starling-privacy 1 [0-9a-f]* \([0-9]*\)$/\1/p' "crash/peer-$1.privacy"; }
# shellcheck disable=SC2086
make_run crash ring:3 $private --set run.round_timeout=30s --set run.rounds=100000000 --set checkpoint.every=50
for k in 0 1 2; do start_peer crash $k; done
within 60 round_over crash 0 70
kill -KILL "$(cat crash/0.pid)"
wait "$(cat crash/0.pid)" 2> /dev/null
start_peer crash 0
within 20 grep -q resumed-from-checkpoint crash/0.out
within 60 round_over crash 0 120
for k in 0 1 2; do kill -TERM "$(cat crash/$k.pid)"; done
peers_end 0 30 crash 0 1 2
[ "$(counted 0)" -gt $((4 * $(ended 0) + 16)) ] || fail "a crash was forgotten: $(counted 0) gradients in $(ended 0) rounds"
[ "$(counted 1)" -le $((4 * $(ended 1) + 4)) ] || fail "what was reserved was not given back: $(counted 1) in $(ended 1) rounds"
[ ! -e run/peer-1.privacy ] || fail "an exact run writes a ledger"
echo "starling-privacy 1 nonsense" > crash/peer-0.privacy
expect 2 "$build/starlingd" -r crash/run.conf -p 0
says err "how much of the privacy budget is spent is unknown"
ok "where rounds may be computed in another way, what a crash has spent is counted"

expect 2 "$starling" init bad --topology ring:3 --set privacy.epsilon=8
says err "read with noise only: set noise"
expect 2 "$starling" init bad --topology ring:3 --set privacy.noise=1 --set algorithm.name=docom
says err "docom takes gradients of whole shards"
ok "what cannot be private is refused with the reason"
