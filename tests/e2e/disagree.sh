#!/bin/sh
# A neighbour that was started with another lambda is refused with one clear line at either end; the others wait for the
# right one, or go on without it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
why="has another configuration: algorithm.lambda differs; it is refused until they match"
said() { gives run/history.db 1 "SELECT count(*) FROM event WHERE peer = $1 AND kind = 'frame-refused' AND level = 'warning'
	AND detail = 'peer $2 $why'"; }

make_run run ring:5 --set run.rounds=50 --set run.link_timeout=2s
start_peer run 3 --set algorithm.lambda=0.5
for k in 0 1 2 4; do start_peer run $k; done
for k in 2 4; do
	within 20 said $k 3
	within 20 said 3 $k
	[ "$(grep -c "peer 3" run/$k.out)" -eq 1 ] || fail "not one line: $(cat run/$k.out)"
	grep -qF "frame-refused: peer 3 $why" run/$k.out || fail "not a clear line: $(cat run/$k.out)"
done
query run/history.db "2|4" "SELECT min(peer), max(peer) FROM event WHERE level IN ('error', 'warning') AND peer <> 3
	AND detail NOT LIKE 'a connection ended %'"
ok "two peers with different lambda refuse each other with one line and an event row"

wrong=$(sql run/history.db "SELECT run_id FROM peer WHERE peer = 3")
kill -TERM "$(cat run/3.pid)"
peers_end 0 10 run 3
start_peer run 3
peers_end 0 60 run 0 1 2 3 4
expect 0 "$starling" sim run
sql run/history.db "DELETE FROM run WHERE run_id = '$wrong'"
same_models run/history.db 5
same_rows run/history.db 250
ok "with the right one in its place the run ends as if nothing had been"

make_run late ring:5 --set run.rounds=50 --set run.link_timeout=1s
start_peer late 3 --set algorithm.lambda=0.5 --set run.round_timeout=1s
for k in 0 1 2 4; do start_peer late $k --set run.round_timeout=1s; done
peers_end 0 60 late 0 1 2 4
within 30 gives late/history.db 1 "SELECT count(*) FROM event WHERE peer = 3 AND kind = 'alone'"
[ "$(round_of late 3)" -lt 40 ] || fail "a peer that nobody talks to runs through its rounds alone"
kill "$(cat late/3.pid)"
peers_end 0 30 late 3
query late/history.db "4|50" "SELECT count(DISTINCT peer), min(rounds) FROM (SELECT peer, count(*) AS rounds FROM round
	WHERE peer <> 3 GROUP BY peer)"
query late/history.db 0 "SELECT sum(payload_rx) FROM link WHERE neighbour = 3 OR peer = 3"
query late/history.db 2 "SELECT count(*) FROM event WHERE kind = 'edge-late' AND peer IN (2, 4) AND detail LIKE 'peer 3 did not answer%'"
ok "with a round_timeout the others go on without it, and it waits, alone"
