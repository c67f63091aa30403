#!/bin/sh
# Real cuts: peers in network namespaces of their own, joined by a bridge; a partition for many rounds, a link that is dead one
# way, packets that are lost, a neighbour that stands still. The run is completed, and memory stays what it was.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
space=sl$$
if ! ip netns add "$space-0" 2> /dev/null; then
	echo "skipped: no network namespace can be made here"
	exit 0
fi
tear_down() {
	for k in 0 1 2 3; do ip netns del "$space-$k" 2> /dev/null; done
	ip link del "$space" 2> /dev/null
}
code=0
trap 'code=$?; tear_down; (exit "$code"); cleanup' EXIT # cleanup ends with the code that it finds
inside() { k=$1; shift; ip netns exec "$space-$k" "$@"; }
if ! ip link add "$space" type bridge 2> /dev/null || ! ip link set "$space" up; then
	echo "skipped: no bridge can be made here"
	exit 0
fi
for k in 0 1 2 3; do
	[ "$k" = 0 ] || ip netns add "$space-$k"
	ip link add "${space}v$k" type veth peer name eth0 netns "$space-$k" || fail "no veth"
	ip link set "${space}v$k" master "$space" up
	inside $k ip addr add "10.91.0.1$k/24" dev eth0
	inside $k ip link set eth0 up
	inside $k ip link set lo up
done
start_inside() { # RUN K
	ip netns exec "$space-$2" "$build/starlingd" -r "$1/run.conf" -p "$2" >> "$1/$2.out" 2>&1 &
	pid=$!
	pids="$pids $pid"
	echo $pid > "$1/$2.pid"
}
# What A sends to B goes to a card that nobody has: it vanishes without a word to anybody.
cut_from() { inside "$1" ip neigh replace "10.91.0.1$2" lladdr 02:00:00:00:00:99 nud permanent dev eth0 || fail "no cut"; }
heal() {
	for k in 0 1 2 3; do
		for to in 0 1 2 3; do inside $k ip neigh del "10.91.0.1$to" dev eth0 2> /dev/null; done
	done
}
all_in_step() { ! "$starling" status run --json | grep -q '"late":true'; }
event_of() { [ "$(sqlite3 -readonly run/history.db "SELECT count(*) > 0 FROM event WHERE peer = $1 AND kind = '$2'" 2> /dev/null)" = 1 ]; }
memory_of() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(cat run/$1.pid)/status"; }

make_run run ring:4 --set run.rounds=1000000 --set run.round_timeout=1s --set run.link_timeout=1s --set algorithm.local_steps=50 \
	--set history.evaluate=100000
expect 0 "$starling" roster run --endpoint 0=tcp://10.91.0.10:7000 --endpoint 1=tcp://10.91.0.11:7000 \
	--endpoint 2=tcp://10.91.0.12:7000 --endpoint 3=tcp://10.91.0.13:7000
for k in 0 1 2 3; do start_inside run $k; done
for k in 0 1 2 3; do within 20 round_over run $k 50; done
before=$(memory_of 0)

# {0, 1} | {2, 3}
for pair in "0 3" "3 0" "1 2" "2 1"; do
	# shellcheck disable=SC2086 # two numbers
	cut_from $pair
done
for k in 0 1 2 3; do within 20 event_of $k edge-late; done
for k in 0 2; do
	now=$(status_of run $k round)
	within 20 round_over run $k $((now + 100))
done
heal
for k in 0 1 2 3; do within 20 event_of $k edge-back; done
within 20 all_in_step
ok "a partition for a hundred rounds, healed"

cut_from 0 1
now=$(status_of run 1 round)
within 20 round_over run 1 $((now + 50))
heal
within 20 all_in_step
ok "a link that is dead one way"

if inside 0 tc qdisc add dev eth0 root netem loss 5% 2> /dev/null; then
	for k in 1 2 3; do inside $k tc qdisc add dev eth0 root netem loss 5%; done
	for k in 0 3; do
		now=$(status_of run $k round)
		within 30 round_over run $k $((now + 100))
	done
	for k in 0 1 2 3; do inside $k tc qdisc del dev eth0 root; done
	ok "one packet in twenty is lost"
else
	echo "skipped: packet loss: no netem here"
fi

query run/history.db 1 "SELECT count(*) > 0 FROM event WHERE kind = 'edge-late'"
stopped=$(cat run/2.pid)
count_of() { sqlite3 -readonly run/history.db "SELECT count(*) FROM event WHERE kind = '$1' AND peer = 1 AND detail LIKE 'peer 2 %'"; }
more_than() { [ "$(count_of "$1")" -gt "$2" ]; }
late=$(count_of edge-late)
back=$(count_of edge-back)
kill -STOP "$stopped"
within 20 more_than edge-late "$late"
now=$(status_of run 0 round)
within 20 round_over run 0 $((now + 100))
kill -CONT "$stopped"
within 20 more_than edge-back "$back"
ok "a neighbour that stood still is late, and back"

after=$(memory_of 0)
[ "$after" -lt $((before + before / 4 + 2000)) ] || fail "memory grew from $before to $after kB"
for k in 0 1 2 3; do kill -TERM "$(cat run/$k.pid)"; done
peers_end 0 20 run 0 1 2 3
ok "memory stays flat ($before, then $after kB); all end well"
