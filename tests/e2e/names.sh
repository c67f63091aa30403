#!/bin/sh
# Host names in endpoints, with a name server that never answers: what a name leads to is found out beside the links, and
# when it leads elsewhere.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
apart -mn
ip link set lo up
ip addr add 10.9.9.9/32 dev lo
ip route add 192.0.2.0/24 dev lo # where packets vanish without a word
hosts() { for line; do echo "$line"; done > hosts; }
hosts '127.0.0.1 localhost' '::1 six.example' '10.9.9.9 own.example' '192.0.2.9 moved.example' '192.0.2.9 twice.example' \
	'127.0.0.1 twice.example'
patience() { printf 'nameserver 192.0.2.1\noptions timeout:%s attempts:1\n' "$1" > resolv.conf; }
patience 30
echo 'hosts: files dns' > nsswitch.conf
echo 'multi on' > host.conf
for f in hosts resolv.conf nsswitch.conf host.conf; do
	touch "/etc/$f" 2> /dev/null
	mount --bind "$f" "/etc/$f" || fail "cannot put $f in its place"
done
event() { # RUN PEER KIND TEXT: the peer's history says so
	[ "$(sqlite3 -readonly $1/history.db "SELECT count(*) > 0 FROM event WHERE peer = $2 AND kind = '$3' AND detail LIKE '$4'" 2> /dev/null)" = 1 ]
}
# link RUN K FIELD: of peer 0's link to K
link() { "$starling" status "$1" --json | sed -n "s/.*\"peer\":0,.*{\"neighbour\":$2,\([^}]*\)}.*/\1/p" | sed -n "s/.*\"$3\":\"\{0,1\}\([^,\"]*\).*/\1/p"; }
link_is() { [ "$(link "$1" "$2" up)" = "$3" ]; }

link_over() { [ "$(link "$1" "$2" "$3")" -gt "$4" ]; }

# Peer 2 is not waited for: it was never heard.
make_run dark star:3 --set run.rounds=1000000 --set run.round_timeout=0.2s --set run.link_timeout=1s
expect 0 "$starling" roster dark --endpoint 0=tcp://own.example:7000 --endpoint 2=tcp://dark.example:7002
for k in 0 1; do
	expect 0 "$build/starlingd" -n -r dark/run.conf -p $k
	start_peer dark $k
done
within 20 link_over dark 1 step 100
[ "$(link dark 2 trouble)" = "dark.example is being looked up" ] || fail "no look-up under way: $("$starling" status dark --json)"
ok "a name server that does not answer keeps no other link from its work"

"$starling" status dark > out
grep -q '^ *0 .*link to 2: dark.example is being looked up, since 20' out || fail "status does not say it: $(cat out)"
link_is dark 2 false || fail "up without an address"
ss -ltn | grep -q '10\.9\.9\.9:7000 ' || fail "peer 0 does not listen where its name leads: $(ss -ltn)"
within 10 event dark 0 name-unresolved 'peer 2 at tcp://dark.example:7002: the name dark.example does not resolve (no answer yet), since %'
kill -TERM "$(cat dark/0.pid)" "$(cat dark/1.pid)"
peers_end 0 20 dark 0 1
ok "status and an event say so; and the peer listens where its own name leads"

patience 1
make_run run star:5 --set run.rounds=1000000 --set run.period=5ms
expect 0 "$starling" roster run --endpoint 0=tcp://own.example:7100 --endpoint 1=tcp://six.example:7101 \
	--endpoint 2=tcp://moved.example:7102 --endpoint 3=tcp://twice.example:7103 --endpoint 4=tcp://dark.example:7104
for k in 0 1 2 3 4; do start_peer run $k; done
within 20 link_is run 1 true
event run 1 listens-everywhere 'six.example is ::1, not an address of this host that others can reach: listening on port 7101 of all addresses' ||
	fail "peer 1 does not say where it listens"
event run 2 listens-everywhere 'moved.example is 192.0.2.9, not an address of this host that others can reach%' || fail "peer 2 does not say where it listens"
within 20 link_is run 3 true
within 20 event run 0 name-unresolved 'peer 4 at tcp://dark.example:7104: the name dark.example does not resolve (Temporary failure in name resolution), since %'
within 10 event run 4 listens-everywhere 'dark.example, this peer_s own name, does not resolve (%): listening on port 7104 of all addresses'
ok "a name that has an IPv6 address only; one whose other address leads nowhere"

within 20 event run 0 cannot-connect 'peer 2 connects to us, but we cannot connect to it: cannot connect to tcp://192.0.2.9:7102: timed out%'
hosts '127.0.0.1 localhost' '::1 six.example' '10.9.9.9 own.example' '127.0.0.1 moved.example dark.example twice.example'
within 40 link_is run 2 true
within 40 link_is run 4 true
within 10 event run 0 connected 'peer 2: reached at tcp://127.0.0.1:7102%'
within 10 event run 0 connected 'peer 4: reached at tcp://127.0.0.1:7104%'
query run/history.db 1 "SELECT count(*) FROM event WHERE peer = 0 AND kind = 'name-unresolved' AND detail LIKE 'peer 4 at %'"
within 20 round_over run 0 3
ok "an address that has changed, a name that is known at last: found without a restart, told of once"
