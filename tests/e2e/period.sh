#!/bin/sh
# [run] period and [limits] cpu: rounds begin no sooner, neighbours wait for them, and not a bit changes.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# The neighbours' own timeouts are shorter than the period of peer 1, which only it has.
make_run slow ring:3 --set run.rounds=5 --set run.round_timeout=300ms --set run.link_timeout=200ms
start_peer slow 1 --set run.period=1200ms
start_peer slow 0
start_peer slow 2
within 20 phase_is slow 1 pausing
peers_end 0 60 slow 0 1 2
expect 0 "$starling" sim slow
same_models slow/history.db 3
query slow/history.db 0 "SELECT count(*) FROM event WHERE kind IN ('link-down', 'round-timeout', 'late', 'quarantine')"
# Four rounds begin after the first; the first row is of its end.
query slow/history.db 1 "SELECT max(at_us) - min(at_us) >= 3 * 1200000 FROM round WHERE peer = 1 AND run_id = $(newest daemon)"
ok "a round per period: neighbours with shorter timeouts wait, and the models are those of a simulation"

make_run busy ring:3 --set run.rounds=100000
for k in 0 1 2; do start_peer busy $k --set limits.cpu=1 --set limits.nice=7; done
within 20 phase_is busy 2 pausing
own=$(nice)
[ "$own" -gt 7 ] || own=7 # a peer that was started with less priority keeps that
for t in /proc/"$pid"/task/*; do
	[ "$(cut -d ' ' -f 19 "$t/stat")" -eq "$own" ] || fail "a thread has the priority $(cut -d ' ' -f 19 "$t/stat")"
done
kill "$(cat busy/0.pid)" "$(cat busy/1.pid)" "$(cat busy/2.pid)"
peers_end 0 20 busy 0 1 2
ok "with little processor time it pauses; all its threads are nice"

expect 2 "$build/starlingd" -n -r busy -p 0 --set run.period=never
says err "period = never: must be between"
expect 2 "$build/starlingd" -n -r busy -p 0 --set limits.nice=20
ok "what cannot be is refused"
