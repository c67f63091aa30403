#!/bin/sh
# File descriptors: too few are told before anything begins, enough are enough, and when they run out all the same the
# links that are there go on.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
test_up() { [ "$(status_of "$1" "$2" edges_up)" = "$3" ]; }
limited() { # LIMIT COMMAND...
	limit=$1
	shift
	sh -c 'ulimit -n "$1" && shift && exec "$@"' sh "$limit" "$@"
}
daemon() { echo "$build/starlingd -r $1/run.conf -p $2"; }

make_run run complete:16 --set run.rounds=10 --set history.evaluate=0
make_run small ring:3 --set run.rounds=10
# shellcheck disable=SC2046 # words
for limit in 72 112; do
	expect 2 limited $limit $(daemon run 0) -n
	one_line err
	says err "800 file descriptors are needed for 64 neighbours (it has 15, and [run] max_degree = 64)" \
		"but the hard limit is $limit: raise it (LimitNOFILE= of the unit, ulimit -Hn)"
	expect 2 limited $limit $(daemon run 0)
	one_line err
done
# shellcheck disable=SC2046 # words
for limit in 28 32 200; do
	expect 2 limited $limit $(daemon small 0)
	says err "800 file descriptors are needed for 64 neighbours"
done
says err ", or lower max_degree"
[ ! -e run/history.db ] && [ ! -e small/history.db ] || fail "something was made"
expect 2 limited 200 "$starling" up small --plain
says err "800 file descriptors are needed"
ok "too few: one line, exit code 2, also from -n and up"

# As many as it asks for, and a crowd at the door.
for k in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
	limited 261 "$build/starlingd" -r run/run.conf -p $k --set run.max_degree=15 > run/$k.out 2>&1 &
	pids="$pids $!"
	echo $! > run/$k.pid
	[ $k -ne 7 ] || background sh -c "while :; do '$build/tests/e2e/hostile' loris run 3 300; done"
done
peers_end 0 60 run 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
expect 0 "$starling" sim run
same_models run/history.db 16
ok "as many as it says are enough, also with a crowd at the door"

# Fewer than it has, later: the door is shut for a while, links go on.
command -v prlimit > /dev/null || { echo "skipped: no prlimit" && exit 0; }
make_run late ring:4 --set run.rounds=1000000 --set run.round_timeout=0.5s --set run.link_timeout=1s
for k in 0 1 2; do start_peer late $k; done
within 30 round_over late 1 20
zero=$(cat late/0.pid)
open=$(find "/proc/$zero/fd" -type l | wc -l)
prlimit --pid "$zero" --nofile=$((open + 8)):20000 2> /dev/null || prlimit --pid "$zero" --nofile=$((open + 8)) || fail "no limit set"
within 10 grep -q 'no-descriptors: almost out of file descriptors' late/0.out
start_peer late 3
now=$(status_of late 0 round)
within 30 round_over late 0 $((now + 10))
within 30 test_up late 3 1 # by peer 2; peer 0 does not let it in
prlimit --pid "$zero" --nofile=1000
within 60 test_up late 3 2
[ "$(grep -c 'no-descriptors' late/0.out)" -eq 1 ] || fail "told more than once: $(cat late/0.out)"
ok "out of descriptors: told once, links go on, and the door is open again when there are some"
