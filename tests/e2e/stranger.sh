#!/bin/sh
# Whoever has no neighbour's key gets no further than the door: one line, an event row, and a run that does not notice.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
hostile=$build/tests/e2e/hostile
make_run run ring:4 --set run.rounds=60 --set run.link_timeout=2s
for k in 0 1 2; do start_peer run $k; done
within 20 phase_is run 1 waiting # for peer 2, which waits for peer 3, which is not there

expect 0 "$hostile" stranger run 1
within 10 gives run/history.db 1 "SELECT count(*) FROM event WHERE peer = 1 AND kind = 'stranger' AND level = 'warning'"
query run/history.db 1 "SELECT detail LIKE 'refused a connection from 127.0.0.1%: its key ________________… is not a neighbour''s' FROM event
	WHERE peer = 1 AND kind = 'stranger'"
for _ in 1 2 3 4 5 6 7 8; do expect 0 "$hostile" stranger run 1; done
[ "$(grep -c 'stranger: ' run/1.out)" -eq 1 ] || fail "not one line a burst: $(cat run/1.out)"
ok "a fresh key is refused with one line and an event row"

expect 0 "$hostile" stranger run 0
within 10 grep -q 'stranger: ' run/0.out
[ "$("$hostile" flood run 1 3 garbage 1 > err 2>&1 || echo refused)" = refused ] || fail "somebody answers for peer 3"
"$hostile" flood run 3 1 garbage 5 > out 2> err && fail "peer 3, no neighbour of peer 1, is let in"
says err "is not accepted"
ok "a peer of the run that is no neighbour is a stranger too"

expect 0 "$hostile" plain run 2
within 10 grep -q 'stranger: ' run/2.out
expect 0 "$hostile" raw run 2
[ "$(grep -c 'stranger: ' run/2.out)" -eq 1 ] || fail "not one line a burst: $(cat run/2.out)"
ok "without CURVE, or without ZeroMQ, nobody gets in"

start_peer run 3
background sh -c "while :; do '$hostile' stranger run 0; '$hostile' raw run 3; done"
peers_end 0 60 run 0 1 2 3
expect 0 "$starling" sim run
same_models run/history.db 4
same_rows run/history.db 240
query run/history.db 0 "SELECT sum(refused) FROM link"
ok "the run is what it would have been without them"
