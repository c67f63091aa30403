#!/bin/sh
# kill -9 at every call that changes a file: the run ends with the models and the rows of one that was never disturbed.
# EVERY=1 takes all points; by default a few, spread over the run.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

daemon=$build/starlingd
crash=$build/tests/crash.so
[ -e "$crash" ] || { echo "crash points: skipped, $crash is not built"; exit 0; }
ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0:detect_leaks=0
export ASAN_OPTIONS

expect 0 "$starling" init new --topology path:2 --data synthetic:200,50 --set run.rounds=12 --set checkpoint.every=3 \
	--set run.round_timeout=never --set model.name=softmax --set history.evaluate=4
columns="peer, round, train_loss, test_loss, test_accuracy, nonzero, disagreement, payload_tx, payload_rx"

history() { # what must be the same, whatever happened
	sqlite3 run/history.db "SELECT $columns FROM round ORDER BY peer, round; SELECT peer, model_digest FROM peer ORDER BY peer;
		SELECT 'twice', peer, round FROM round GROUP BY peer, round HAVING count(*) > 1; PRAGMA integrity_check;"
}

start() { # peer, and what stands before the command
	peer=$1
	shift
	env "$@" "$daemon" -r run/run.conf -p "$peer" > "$work/log.$peer" 2>&1 &
	pids="$pids $!"
}

# Undisturbed, counting.
cp -r new run
start 0 LD_PRELOAD="$crash" CRASH_COUNT="$work/count"
first=$!
start 1
wait "$first" && wait $! || fail "the undisturbed run: $(cat "$work/log.0" "$work/log.1")"
pids=
history > calm
[ "$(grep -c '^[01]|' calm)" -eq 26 ] || fail "the undisturbed run left no history: $(cat calm)"
points=$(cat count)
every=${EVERY:-$((points / 8 + 1))}
ok "an undisturbed run changes files $points times"

at=1
tried=0
while [ "$at" -le "$points" ]; do
	rm -rf run
	cp -r new run
	start 1
	other=$!
	start 0 LD_PRELOAD="$crash" CRASH_AT="$at"
	victim=$!
	wait "$victim" 2> /dev/null && killed=0 || killed=1
	if [ $((tried % 3)) -eq 2 ]; then # all of them
		kill -KILL "$other" 2> /dev/null
		wait "$other" 2> /dev/null
	fi
	[ "$killed" -eq 0 ] && [ $((tried % 3)) -ne 2 ] || start 0
	victim=$!
	turns=0
	while kill -0 "$victim" 2> /dev/null; do # whoever has ended already may be needed once more, as by `up --resume`
		kill -0 "$other" 2> /dev/null || { start 1; other=$!; }
		turns=$((turns + 1))
		[ "$turns" -lt 3000 ] || fail "point $at: peer 0 does not end: $(cat "$work/log.0")"
		sleep 0.02
	done
	wait "$victim" || fail "point $at: peer 0 did not end well: $(cat "$work/log.0")"
	wait "$other" || fail "point $at: peer 1 did not end well: $(cat "$work/log.1")"
	pids=
	history > found
	cmp -s calm found || fail "point $at: not the history of the undisturbed run: $(diff calm found | head -n 6)"
	tried=$((tried + 1))
	at=$((at + every))
done
ok "kill -9 at $tried of $points points changes neither models nor rows"
