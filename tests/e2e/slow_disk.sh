#!/bin/sh
# Exact lockstep on a slow disk: rounds are over long before a checkpoint is written, and a kill -9 still costs nothing.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
rounds=700
slow() { start_slow=$1; shift; LD_PRELOAD="$build/tests/slow.so" SLOW_FSYNC_US=25000 start_peer "$start_slow" "$@"; }
ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0
export ASAN_OPTIONS

make_run run ring:3 --set run.rounds=$rounds --set checkpoint.every=7 --set model.name=softmax --set history.evaluate=250 \
	--set history.every=100
start_peer run 0
slow run 1
start_peer run 2
within 30 test -e run/checkpoint/1.0
kill -KILL "$(cat run/1.pid)"
wait "$(cat run/1.pid)"
[ $? -eq 137 ] || fail "peer 1 was not killed"
slow run 1
peers_end 0 60 run 0 1 2
expect 0 "$starling" sim run
query run/history.db 0 "SELECT count(*) FROM event WHERE kind IN ('mean-shift', 'backlog-dropped')"
query run/history.db 1 "SELECT count(*) FROM event WHERE peer = 1 AND kind = 'resumed-from-checkpoint'"
same_models run/history.db 3
ok "fsync slowed by 25 ms at one of three peers, and a kill -9: the models of an undisturbed run"
