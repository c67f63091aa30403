#!/bin/sh
# Daemons that share a device of a given rate, in every pace, with frames of some 5 kB: prints a row per run, and fails if
# something was sent again, a link went down, the device was idle, more crossed it than frames with their headers, or the
# bits depend on the rate. Beside each run the time that the simulator predicts for it.
#   RATES="10mbit 1mbit" SHAPES=ring:4 PACES=lockstep TIME=10 sh tests/e2e/long/thinlinks.sh
if [ -z "${APART:-}" ]; then
	unshare -n true 2> /dev/null || { echo "skipped: no namespaces here"; exit 0; }
	APART=1 exec unshare -n sh "$0"
fi
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
PATH=$PATH:/usr/sbin:/sbin
# Packets of Ethernet, each with its own headers, and a queue of two seconds, as behind a slow modem.
ip link set lo mtu 1500 gso_max_segs 1 up
tc qdisc add dev lo root tbf rate 1mbit burst 16kb latency 2000ms 2> /dev/null || {
	echo "skipped: no device of a given rate here (tc, sch_tbf)"
	exit 0
}
crossed() { tc -s qdisc show dev lo | sed -n 's/^ Sent \([0-9]*\) bytes.*/\1/p'; }
bits_of() { echo "$1" | sed 's/mbit/000000/; s/kbit/000/'; }
of_run() { sql "$db" "SELECT $1 FROM $2 WHERE run_id = $(newest "${3:-daemon}")${4:+ AND $4}"; }
# Microseconds per round, without the first two, which hold the start of the run; mean over the peers.
round_us() {
	of_run "CAST(avg(t) / ($rounds - 3) AS INTEGER)" "(SELECT run_id, max(at_us) FILTER (WHERE round = $rounds - 1)
		- max(at_us) FILTER (WHERE round = 2) AS t FROM round WHERE run_id = $(newest "$1") GROUP BY peer)" "$1"
}
ratio() { awk "BEGIN { printf \"%.$3f\", $1 / $2 }"; }
holds() { awk "BEGIN { exit !($1) }" || fail "$shape $pace at $rate: $2"; }

row() { # ROUNDS ROUNDS/S USED WIRE DEVICE RESENT DOWNS SIMULATED RATIO
	printf '%-8s %-7s %-11s %6s %9s %6s %6s %8s %7s %6s %9s %6s\n' "$rate" "$shape" "$pace" "$@"
}
# Frames that crossed the device twice, and whole copies, which free peers once sent for frames. Those that a peer dropped itself,
# because its queue for the neighbour was full, never left. Whoever has finished may leave before the others have heard: what they
# say of its link then does not count.
undisturbed() {
	resent=$(of_run "sum(resent - again_drop + repeated + refused + snapshots)" "(SELECT max(round), * FROM link WHERE run_id = $(newest daemon)
		GROUP BY peer, neighbour)")
	downs=$(of_run "count(*)" event daemon "round < $last AND kind IN ('link-down', 'halted', 'edge-late', 'copy-diverged')")
}
# fits: what may be under way at once, a frame per link and direction, and two more with staleness:2, fits the device's queue
# of two seconds. Where it does not, the device drops packets, TCP waits for seconds before it sends them again, and a
# neighbour may be silent for longer than link_timeout.
fits() { [ $((frames * peers * 2 * 5500 * 4)) -le "$bits" ]; }
judge() {
	[ "$resent" -eq 0 ] || of_run "peer, neighbour, round, frames_tx, resent, repeated, refused, snapshots, again_connection, again_drop,
		again_refusal, again_digest" link daemon "resent - again_drop + repeated + refused + snapshots > 0"
	[ "$resent" -eq 0 ] || fail "$shape $pace at $rate: $resent frames came or left twice"
	[ "$downs" -eq 0 ] || of_run "peer, round, kind, detail" event daemon "level <> 'info'"
	[ "$downs" -eq 0 ] || fail "$shape $pace at $rate: $downs links went down"
}

# measure: one run of $shape at $rate and $pace, and its simulation.
measure() {
	rounds=$((${TIME:-10} * bits / (peers * 2 * 5150 * 8)))
	least=8
	[ "$pace" = lockstep ] || least=40 # the last rows come before what is on its way then
	[ "$rounds" -ge "$least" ] || rounds=$least
	[ "$rounds" -le 800 ] || rounds=800
	last=$rounds
	before=$(crossed)
	expect 0 "$starling" up "$shape" --plain --history "$db" --set run.pace="$pace" --set run.rounds="$rounds"
	device=$(($(crossed) - before))
	payload=$(of_run "sum(payload_tx)" round daemon "round = $rounds - 1")
	wire=$(of_run "sum(wire_tx)" round daemon "round = $rounds - 1")
	undisturbed
	took=$(round_us daemon)
	used=$(ratio "$payload * 8e6 / $rounds / $took" "$bits" 2)
	case $rate in *mbit) simulated=${rate%mbit}Mbit ;; *) simulated=$rate ;; esac
	expect 0 "$starling" sim "$shape" --history "$db" --set run.pace="$pace" --set run.rounds="$rounds" \
		--rate "$simulated" --bottleneck --check none --latency 50us --compute "${COMPUTE:-1ms}"
	predicted=$(round_us sim)
	row "$rounds" "$(ratio 1e6 "$took" 2)" "$used" "$(ratio "$wire" "$payload" 3)" "$(ratio "$device" "$payload" 3)" \
		"$resent" "$downs" "$(ratio 1e6 "$predicted" 2)" "$(ratio "$predicted" "$took" 2)"
	judge
	fits || return 0
	[ "$bits" -le 4000000 ] || return 0 # the gradients may be what takes the time
	# Heads and acknowledgements of segments; and per link 25 kB at the beginning: handshakes, greetings, and what TCP sends
	# twice before it knows how long the queue takes.
	holds "$device < 1.15 * $payload + 25000 * $peers" "$device bytes crossed the device for $payload"
	holds "$used > 0.8" "$used of the rate was used"
	[ "$pace" = lockstep ] || return 0 # others have less on the way at their end
	holds "$predicted > 0.9 * $took && $predicted < 1.1 * $took" "the simulator predicts $predicted us, it took $took"
}

# measure_free: a span of a run in which nobody waits. Rounds are as fast as gradients then, and most have no frame: what counts
# is the device's use, and by what.
now_us() { date +%s%6N; }
passed() { [ $(($(now_us) - $1)) -ge $((${TIME:-10} * 1000000)) ]; }
payload_at() {
	of_run "sum(t)" "(SELECT run_id, max($2) AS t FROM round WHERE run_id = $(newest daemon) AND at_us <= $1 GROUP BY peer)"
}
measure_free() {
	background "$starling" up "$shape" --plain --history "$db" --set run.pace="$pace" --set run.rounds=1000000 \
		--set history.every=10
	up=$pid last=1000000
	within 60 gives "$db" "$peers" "SELECT count(DISTINCT peer) FROM round WHERE round >= 100"
	device=$(crossed) began=$(now_us)
	within $((4 * ${TIME:-10})) passed "$began"
	device=$(($(crossed) - device)) ended=$(now_us)
	kill -INT "$up"
	ends 0 120 "$up"
	payload=$(($(payload_at "$ended" payload_tx) - $(payload_at "$began" payload_tx)))
	wire=$(($(payload_at "$ended" wire_tx) - $(payload_at "$began" wire_tx)))
	rounds=$((($(payload_at "$ended" round) - $(payload_at "$began" round)) / peers))
	undisturbed
	row "$rounds" "$(ratio "1e6 * $rounds" "($ended - $began)" 2)" "$(ratio "$device * 8e6 / ($ended - $began)" "$bits" 2)" \
		"$(ratio "$wire" "$payload" 3)" "$(ratio "$device" "$payload" 3)" "$resent" "$downs" - -
	judge
	[ "$bits" -le 4000000 ] || return 0 # the gradients may be what takes the time
	holds "$device * 8e6 / ($ended - $began) > 0.9 * $bits" "the device was idle"
	holds "$wire < 1.1 * $payload" "$wire bytes were sent for $payload"
}

# same_course DB: the rounds that two runs have in common, as text.
same_course() {
	sql "$1" "SELECT peer, round, train_loss, disagreement, nonzero, payload_tx FROM round WHERE run_id = $(newest daemon)
		AND round < 8 ORDER BY peer, round"
}

rate=rate shape=graph pace=pace
row rounds rounds/s 'of it' 'wire/' 'device/' resent downs simulated ratio
for shape in ${SHAPES:-ring:4 ring:8}; do
	peers=${shape#*:}
	expect 0 "$starling" init "$shape" --topology "$shape" --data synthetic:640,100,784,10 --set model.name=mlp:128 \
		--set algorithm.local_steps=1 --set run.round_timeout=never --set algorithm.eta_schedule=constant
	for pace in ${PACES:-lockstep staleness:2 free}; do
		case $pace in staleness:*) frames=$((1 + ${pace#*:})) ;; *) frames=1 ;; esac
		course=
		for rate in ${RATES:-100mbit 10mbit 4mbit 1mbit 256kbit}; do
			bits=$(bits_of "$rate")
			db=$work/history-$shape-$pace-$rate.db
			tc qdisc replace dev lo root tbf rate "$rate" burst 16kb latency 2000ms
			if [ "$pace" = free ]; then measure_free; else measure; fi
			[ "$pace" = lockstep ] || continue
			same_models "$db" "$peers"
			found=$(same_course "$db" | cksum)
			[ "${course:-$found}" = "$found" ] || fail "$shape at $rate: other bits than at the rates before"
			course=$found
		done
		ok "$shape $pace: nothing is sent again at any rate"
	done
done
