#!/bin/sh
# kill -9 at every call that changes a file: the run ends with the models and the rows of one that was never disturbed.
# EVERY=1 takes all points; by default a few, spread over the run.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

daemon=$build/starlingd
crash=$build/tests/crash.so
[ -e "$crash" ] || { echo "skipped: $crash is not built"; exit 0; }
ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0:detect_leaks=0
export ASAN_OPTIONS

expect 0 "$starling" init new --topology path:2 --data synthetic:200,50 --set run.rounds=12 --set checkpoint.every=3 \
	--set run.round_timeout=never --set model.name=softmax --set history.evaluate=4
columns="peer, round, train_loss, test_loss, test_accuracy, nonzero, disagreement, payload_tx, payload_rx"

history() { # what must be the same, whatever happened
	sqlite3 run/history.db "SELECT $columns FROM round ORDER BY peer, round; SELECT peer, model_digest FROM peer ORDER BY peer;
		SELECT 'twice', peer, round FROM round GROUP BY peer, round HAVING count(*) > 1; PRAGMA integrity_check;"
}

start() { # peer, and what stands before the command; code.PEER appears when it has ended
	peer=$1
	shift
	rm -f "code.$peer" "pid.$peer"
	(
		env "$@" sh -c 'echo $$ > "$0"; exec "$@"' "pid.$peer" "$daemon" -r run/run.conf -p "$peer" > "log.$peer" 2>&1
		echo $? > "code.$peer"
	) 2> /dev/null &
	within 5 test -s "pid.$peer"
	pids="$pids $(cat "pid.$peer")"
}

# Until both have ended well. One that has ended already may be needed once more, as by `up --resume`.
both_end() {
	turns=0
	until [ -s code.0 ] && [ -s code.1 ]; do
		turns=$((turns + 1))
		if [ $((turns % 25)) -eq 0 ]; then
			[ ! -s code.0 ] || start 0
			[ ! -s code.1 ] || start 1
		fi
		[ "$turns" -lt 1500 ] || fail "point $at: no end: $(cat log.0 log.1)"
		sleep 0.02
	done
	[ "$(cat code.0)$(cat code.1)" = 00 ] || fail "point $at: ended badly: $(cat log.0 log.1)"
}

# Undisturbed, counting.
at=0
cp -r new run
start 0 LD_PRELOAD="$crash" CRASH_COUNT="$work/count"
start 1
both_end
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
	start 0 LD_PRELOAD="$crash" CRASH_AT="$at"
	within 20 test -s code.0
	if [ $((tried % 3)) -eq 2 ] && [ ! -s code.1 ]; then # all of them
		kill -KILL "$(cat pid.1)" 2> /dev/null
		within 5 test -s code.1
	fi
	start 0
	both_end
	pids=
	history > found
	cmp -s calm found || fail "point $at: not the history of the undisturbed run: $(diff calm found | head -n 6)"
	tried=$((tried + 1))
	at=$((at + every))
done
ok "kill -9 at $tried of $points points changes neither models nor rows"
