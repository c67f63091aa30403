#!/bin/sh
# A rolling upgrade to another wire version, made for this test: four peers are restarted one by one with a binary that speaks it.
# Upgraded and other peers refuse each other by name, rounds wait, and when all are upgraded the run ends with the same bits.
# NEXT as in lib.sh.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
next_wire starlingd

make_run run ring:4 --set run.rounds=3000 --set checkpoint.every=20 --set run.period=5ms
for k in 0 1 2 3; do start_peer run $k; done
for k in 0 1 2 3; do within 30 round_over run $k 60; done
upgrade() { # K
	kill "$(cat run/"$1".pid)"
	peers_end 0 30 run "$1"
	"$newer/starlingd" -r run/run.conf -p "$1" >> "run/$1.out" 2>&1 &
	pid=$!
	pids="$pids $pid"
	echo $pid > "run/$1.pid"
	within 30 answers run "$1"
}
upgrade 0
refused() { # K NEIGHBOUR ITS OWN
	gives run/history.db 1 "SELECT count(*) > 0 FROM event WHERE peer = $1 AND kind = 'frame-refused' AND detail =
		'peer $2 sends version $3 of the wire format, and this peer version $4: they need the same version of starling'"
}
within 30 refused 1 0 "$new" "$old"
within 30 refused 0 1 "$old" "$new"
for k in 1 2 3; do ! gone "$(cat run/$k.pid)" || fail "peer $k has ended"; done
ok "the first peer with another wire version: both ends say which versions meet, and nobody ends"

upgrade 1
upgrade 2
query run/history.db 0 "SELECT count(*) FROM event WHERE kind IN ('checkpoint-refused', 'recovered', 'skipped', 'new-epoch')"
upgrade 3
peers_end 0 120 run 0 1 2 3
query run/history.db 4 "SELECT count(*) FROM event WHERE kind = 'resumed-from-checkpoint'"
expect 0 "$starling" sim run
same_models run/history.db 4
query run/history.db "3000|12000" "SELECT max(round) + 1, count(*) FROM round WHERE run_id = $(newest daemon)"
ok "when the last one is upgraded the run goes on, and ends with the models of a simulation: nothing is lost"
