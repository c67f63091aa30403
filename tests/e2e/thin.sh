#!/bin/sh
# All links of a run share a device that carries 1 Mbit/s, and has a queue of two seconds, as behind a slow modem. What is
# slow is not sent again, no link goes down, and little more crosses the device than frames. A device that is down for a
# while delays the run, and changes nothing.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
apart -n
PATH=$PATH:/usr/sbin:/sbin
# Loopback's own packets of 64 kB would not fit the queue.
if ! { ip link set lo mtu 1500 up && tc qdisc add dev lo root tbf rate 1mbit burst 64kb latency 2000ms; } 2> /dev/null; then
	echo "skipped: no device of a given rate here (tc, sch_tbf)"
	exit 0
fi
rounds=8
wide_run() { # NAME ARGUMENT...: frames of some 5 kB
	name=$1
	shift
	expect 0 "$starling" init "$name" --topology ring:4 --data synthetic:640,100,784,10 --set model.name=mlp:128 \
		--set algorithm.local_steps=1 --set run.rounds=$rounds --set run.round_timeout=never "$@"
}
crossed() { tc -s qdisc show dev lo | sed -n 's/^ Sent \([0-9]*\) bytes.*/\1/p'; }
last="WHERE run_id = $(newest daemon) AND round = $rounds - 1"

# undisturbed NAME: by its own numbers, and the kernel's. Beside a frame go 49 bytes of ZeroMQ and CURVE, the headers of its
# packets (4 of 1,500 bytes) and acknowledgements; beside the run handshakes and greetings: 1.28 to 1.32 times the payload in 8 rounds.
undisturbed() {
	db=$1/history.db
	query "$db" "" "SELECT peer, kind, detail FROM event WHERE kind IN ('link-down', 'halted', 'copy-diverged')"
	query "$db" 0 "SELECT sum(resent) + sum(repeated) + sum(refused) FROM link $last"
	query "$db" 0 "SELECT count(*) FROM link $last AND (wire_tx > 0 AND wire_resent >= 0 AND throughput > 0
		AND srtt_us > 0 AND queue_us >= 0 AND again_connection + again_drop + again_refusal + again_digest = 0) IS NOT TRUE"
	query "$db" 1 "SELECT max(sum(payload_tx), sum(wire_tx)) <= $device FROM round $last"
	[ "$pace" = lockstep ] || return 0 # frames of the last steps follow the last row
	query "$db" 1 "SELECT sum(wire_tx) < 1.1 * sum(payload_tx) FROM round $last"
	query "$db" 1 "SELECT $device < 1.4 * sum(payload_tx) FROM round $last"
}

for pace in lockstep staleness:2 free; do
	wide_run "$pace" --set run.pace=$pace
	before=$(crossed)
	expect 0 "$starling" up "$pace" --plain
	device=$(($(crossed) - before))
	undisturbed "$pace"
	if [ $pace = lockstep ]; then
		expect 0 "$starling" sim "$pace"
		same_models "$pace/history.db" 4
		same_rows "$pace/history.db" $((4 * rounds))
	fi
	ok "$pace at 1 Mbit/s: nothing is sent again"
done

wide_run cut --set run.link_timeout=1s
background "$starling" up cut --plain
up=$pid
within 30 round_over cut 0 1
ip link set lo down
within 30 gives cut/history.db 1 "SELECT count(*) > 0 FROM event WHERE kind = 'link-down'"
ip link set lo up
expect 0 "$starling" status cut --links
says out "frames again"
ends 0 60 $up
query cut/history.db 1 "SELECT sum(resent) = sum(again_connection) AND sum(again_drop + again_refusal) = 0 FROM link $last"
expect 0 "$starling" sim cut
same_models cut/history.db 4
same_rows cut/history.db $((4 * rounds))
ok "a device that is down for a while: the run goes on, with the same bits"
