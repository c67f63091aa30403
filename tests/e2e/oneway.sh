#!/bin/sh
# A port that is blocked on the way in: either end says which direction is missing, and neither calls the link up.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
apart -n
ip link set lo up
ip route add 192.0.2.0/24 dev lo # where packets vanish without a word
event() { # PEER KIND TEXT: the peer's history says so
	[ "$(sqlite3 -readonly run/history.db "SELECT count(*) > 0 FROM event WHERE peer = $1 AND kind = '$2' AND detail LIKE '$3'" 2> /dev/null)" = 1 ]
}
up() { [ "$(status_of run "$1" edges_up)" = "$2" ]; }
line_of() { "$starling" status run | grep "^ *$1 "; }

make_run run path:2 --set run.rounds=100000 --set algorithm.local_steps=20
expect 0 "$starling" roster run --endpoint 0=tcp://192.0.2.7:7000
start_peer run 0
start_peer run 1
within 30 event 1 cannot-connect 'peer 0 connects to us, but we cannot connect to it: cannot connect to tcp://192.0.2.7:7000: timed out, since %Z'
within 30 event 0 never-heard 'peer 1 has never connected to us, though we have been connected to it since %Z: does tcp://192.0.2.7:7000 lead here, and is that port open to it?'
up 0 0 || fail "peer 0 calls the link up: $("$starling" status run --json)"
up 1 0 || fail "peer 1 calls the link up: $("$starling" status run --json)"
line_of 0 | grep -q 'link to 1: it has never connected to us, since 20' || fail "peer 0 says: $(line_of 0)"
line_of 1 | grep -q 'link to 0: cannot connect to tcp://192.0.2.7:7000: timed out, since 20' || fail "peer 1 says: $(line_of 1)"
[ "$(status_of run 1 heard)$(status_of run 1 reached)$(status_of run 0 heard)$(status_of run 0 reached)" = truefalsefalsetrue ] ||
	fail "directions: $("$starling" status run --json)"
query run/history.db "1|1" "SELECT sum(kind = 'cannot-connect'), sum(kind = 'never-heard') FROM event"
event 0 listens-everywhere '192.0.2.7 is not an address of this host: listening on port 7000 of all addresses' || fail "where peer 0 listens"
ok "each end names the direction that is missing, once"

ip addr add 192.0.2.7/32 dev lo
within 20 up 0 1
within 20 up 1 1
within 20 round_over run 0 3
within 20 event 1 connected 'peer 0: reached at tcp://192.0.2.7:7000; it was not since %Z' || fail "peer 1 does not say that it is mended"
line_of 0 | grep 'link to' && fail "still something is wrong"
kill -TERM "$(cat run/0.pid)" "$(cat run/1.pid)"
peers_end 0 20 run 0 1
ok "and is up when the way is open"
