#!/bin/sh
# Four daemons share a device of 1 Mbit/s, and something happens to it or to one of them: a peer is killed and started again,
# the cable is pulled for a minute, the rate drops to a tenth for half a minute, one packet in fifty is lost. Every run ends by
# itself, with the bits of the simulator; printed is what it cost in bytes beside an undisturbed run.
#   ONLY=cable sh tests/e2e/long/thinfaults.sh
if [ -z "${APART:-}" ]; then
	unshare -n true 2> /dev/null || { echo "skipped: no namespaces here"; exit 0; }
	APART=1 exec unshare -n sh "$0"
fi
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
PATH=$PATH:/usr/sbin:/sbin
ip link set lo mtu 1500 gso_max_segs 1 up
rate_is() { tc qdisc replace dev lo root tbf rate "$1" burst 16kb latency 2000ms 2> /dev/null; }
rate_is 1mbit || { echo "skipped: no device of a given rate here (tc, sch_tbf)"; exit 0; }
crossed() { tc -s qdisc show dev lo | sed -n 's/^ Sent \([0-9]*\) bytes.*/\1/p'; }
of_run() { sql "$db" "SELECT $1 FROM $2 WHERE run_id = $(newest daemon)${3:+ AND $3}"; }
rounds=100
expect 0 "$starling" init run --topology ring:4 --data synthetic:640,100,784,10 --set model.name=mlp:128 \
	--set algorithm.local_steps=1 --set run.rounds=$rounds --set checkpoint.every=10 --set run.round_timeout=never
expect 0 "$starling" sim run --history sim.db

# Waits S seconds: what happens lasts that long.
now() { date +%s; }
passed() { [ "$(now)" -ge "$1" ]; }
lasts() { within "$1" passed $(($(now) + $1)); }

nothing() { :; }
killed() { kill -KILL "$(of_run pid peer "peer = 2")"; }
cable() {
	ip link set lo down
	lasts 60
	ip link set lo up
}
slow() {
	rate_is 100kbit
	lasts 30
	rate_is 1mbit
}
loss() {
	nft add table inet t && nft add chain inet t i '{ type filter hook input priority 0; }' &&
		nft add rule inet t i numgen random mod 100 '<' 2 drop
}

for what in ${ONLY:-nothing killed cable slow loss}; do
	[ "$what" != loss ] || command -v nft > "$work/nft" || {
		echo "loss: left out: no nft here"
		continue
	}
	db=$work/$what.db
	cp sim.db "$db"
	before=$(crossed) began=$(now)
	background "$starling" up run --plain --restart --history "$db"
	up=$pid
	within 60 gives "$db" 1 "SELECT count(*) > 0 FROM round WHERE run_id = $(newest daemon) AND round = 20"
	$what
	ends 0 400 "$up"
	[ "$what" != loss ] || nft delete table inet t
	device=$(($(crossed) - before)) took=$(($(now) - began))
	[ "$what" != nothing ] || quiet=$device
	payload=$(of_run "sum(payload_tx)" round "round = $rounds - 1")
	same_models "$db" 4
	last="(SELECT max(round), * FROM link WHERE run_id = $(newest daemon) GROUP BY peer, neighbour)"
	ok "$what: $took s, $device bytes for $payload, $((device - ${quiet:-$device})) more than undisturbed;" \
		"TCP sent $(of_run "sum(wire_resent)" "$last") again, starling $(of_run "sum(resent)" "$last") frames;" \
		"$(of_run "count(*)" event "kind = 'link-down'") link-down"
done
