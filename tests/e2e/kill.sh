#!/bin/sh
# kill -9 of a peer, and a new start: the run completes. From a checkpoint it ends with the very rows and models of a run
# without a kill; without one, the neighbours' copy of the dead peer is what it goes on from.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
rounds=200
reach() { within 60 round_over "$1" "$2" "$3"; }
pid_of() {
	target=$(status_of "$1" "$2" pid)
	[ "${target:-0}" -gt 1 ]
}
signal() { # NAME RUN K
	within 60 pid_of "$2" "$3" # it may be too busy to answer at once
	kill "-$1" "$target" || fail "peer $3 of $2 does not run"
}
back() { [ "$(status_of "$1" "$2" pid)" -ne "$target" ] && phase_is "$1" "$2" waiting; }
# all_rounds RUN PEERS VICTIM: all rounds are there, but for those of the victim's last quarter of a second: they were in
# memory only, and had been done before it came back.
all_rounds() {
	query "$1/history.db" "$2" "SELECT count(*) FROM round WHERE run_id = $(newest daemon) AND round = $rounds - 1"
	query "$1/history.db" "" "SELECT peer, count(*) FROM round WHERE run_id = $(newest daemon) AND peer <> $3
		GROUP BY peer HAVING count(*) <> $rounds"
	back=$(sql "$1/history.db" "SELECT round FROM event WHERE run_id = $(newest daemon) AND peer = $3
		AND kind = 'recovered-from-neighbours'")
	query "$1/history.db" 1 "SELECT count(*) = 0 OR (max(k) - min(k) + 1 = count(*) AND max(k) < $back)
		FROM (SELECT value AS k FROM generate_series(0, $rounds - 1)) WHERE k NOT IN
		(SELECT round FROM round WHERE run_id = $(newest daemon) AND peer = $3)"
}
event_of() { query "$1/history.db" "$3" "SELECT count(*) > 0 FROM event WHERE run_id = $(newest daemon) AND peer = $2 AND kind = '$4'"; }
# Rounds of 30 ms: the run must not be over before it was disturbed.
long="--set run.rounds=$rounds --set history.evaluate=50 --set run.period=30ms"

# shellcheck disable=SC2086 # words
make_run kept ring:6 $long --set checkpoint.every=5
background "$starling" up kept --plain --restart
up=$pid
reach kept 5 20
signal KILL kept 5
within 60 round_over kept 5 40
signal STOP kept 0 # the others soon wait for it, however fast they are
stopped=$target
for k in 2 3 2; do
	signal KILL kept $k
	within 60 back kept $k
done
kill -CONT "$stopped"
ends 0 120 $up
event_of kept 2 1 resumed-from-checkpoint
event_of kept 5 1 resumed-from-checkpoint
event_of kept 2 0 recovered-from-neighbours
expect 0 "$starling" sim kept
same_models kept/history.db 6
same_rows kept/history.db $((6 * rounds))
ok "up --restart, with checkpoints: not a row differs from an undisturbed run"

# shellcheck disable=SC2086
make_run lost ring:6 $long
background "$starling" up lost --plain --restart
up=$pid
reach lost 3 20
signal KILL lost 3
ends 0 120 $up
event_of lost 3 1 recovered-from-neighbours
event_of lost 3 0 resumed-from-checkpoint
all_rounds lost 6 3
# Its new state counts payload from zero; in the rows the bytes of both starts are added up.
query lost/history.db 0 "SELECT count(*) FROM (SELECT *, lag(payload_tx, 1, 0) OVER past AS tx, lag(payload_rx, 1, 0) OVER past
	AS rx, lag(wire_tx, 1, 0) OVER past AS sent, lag(wire_rx, 1, 0) OVER past AS received FROM round
	WHERE run_id = $(newest daemon) AND peer = 3 WINDOW past AS (ORDER BY round))
	WHERE (payload_tx >= tx AND payload_rx >= rx AND wire_tx >= sent AND wire_rx >= received) IS NOT TRUE"
query lost/history.db 1 "SELECT count(test_accuracy) = count(*) AND min(test_accuracy) > 0.4 FROM round
	WHERE run_id = $(newest daemon) AND round = $rounds - 1"
ok "up --restart, without: it goes on from its neighbours' copy of it, and no round is missing"

# shellcheck disable=SC2086
make_run bare torus:2x3 $long --set checkpoint.every=5
for k in 0 1 2 3 4 5; do start_peer bare $k; done
reach bare 4 10
within 20 test -e bare/checkpoint/4.0
kill -KILL "$(cat bare/4.pid)"
wait "$(cat bare/4.pid)"
[ $? -eq 137 ] || fail "peer 4 was not killed"
start_peer bare 4
reach bare 0 30
for k in 0 1; do within 20 test -e bare/checkpoint/$k.0; done
kill -KILL "$(cat bare/0.pid)" "$(cat bare/1.pid)"
wait "$(cat bare/0.pid)" "$(cat bare/1.pid)"
start_peer bare 0
start_peer bare 1
peers_end 0 120 bare 0 1 2 3 4 5
for k in 0 1 4; do event_of bare $k 1 resumed-from-checkpoint; done
expect 0 "$starling" sim bare
same_models bare/history.db 6
same_rows bare/history.db $((6 * rounds))
ok "bare daemons, two neighbours at once: not a row differs from an undisturbed run"

# shellcheck disable=SC2086
make_run soon ring:4 $long
for k in 0 1 2 3; do start_peer soon $k; done
reach soon 1 10
kill -KILL "$(cat soon/1.pid)"
wait "$(cat soon/1.pid)"
start_peer soon 1
peers_end 0 120 soon 0 1 2 3
event_of soon 1 1 recovered-from-neighbours
all_rounds soon 4 1
ok "a bare daemon without a checkpoint"
