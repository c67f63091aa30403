#!/bin/sh
# A neighbour claims to hold every peer's copy of the last round, and sends one of its own making. A peer at its first
# start believes nobody, and one that comes back without a checkpoint believes five against one. A round takes 20 ms, so that
# the others are not at the end when it has asked them (2 s).
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
hostile=$build/tests/e2e/hostile
make_run run complete:6 --set algorithm.robust=trim:1 --set run.rounds=500 --set run.period=20ms --set run.link_timeout=2s \
	--set run.round_timeout=1s --set algorithm.local_steps=20 --set history.evaluate=100
"$hostile" peer run 0 steal > run/0.out 2>&1 &
pids="$pids $!"
for k in 1 2 3 4 5; do start_peer run $k; done
reached() { [ "$(sqlite_value "$1" "$2")" -ge "$3" ]; }
sqlite_value() { sql run/history.db "SELECT coalesce(max(round), 0) FROM round WHERE peer = $2"; }
within 30 reached run 1 50
query run/history.db 0 "SELECT count(*) FROM event WHERE kind = 'recovered-from-neighbours'"
query run/history.db 5 "SELECT count(*) FROM event WHERE kind = 'fresh-start' AND peer > 0"
ok "at a first start nobody is believed"
kill -9 "$(cat run/1.pid)"
within 30 reached run 2 100
start_peer run 1
peers_end 0 90 run 1 2 3 4 5
query run/history.db 1 "SELECT count(*) FROM event WHERE kind = 'recovered-from-neighbours' AND peer = 1"
query run/history.db 1 "SELECT min(round) < 499 FROM round WHERE peer = 1 AND run_id = (SELECT max(run_id) FROM round WHERE peer = 1)"
query run/history.db 5 "SELECT count(DISTINCT peer) FROM round WHERE round = 499 AND peer > 0"
query run/history.db 1 "SELECT min(test_accuracy) > 0.5 FROM round WHERE round = 499 AND peer > 0"
ok "a peer that lost its state goes on from what most neighbours hold of it"
