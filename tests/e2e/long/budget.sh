#!/bin/sh
# Daemons with a byte budget, in each pace: every ten seconds of a minute are within 5 % of it, and no timer takes the waiting
# for a dead neighbour. Then a budget that a pipeline fits itself to, and one of a volume, across restarts.
if [ -z "${APART:-}" ]; then
	unshare -n true 2> /dev/null || { echo "skipped: no namespaces here"; exit 0; }
	APART=1 exec unshare -n sh "$0"
fi
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
PATH=$PATH:/usr/sbin:/sbin
ip link set lo mtu 1500 gso_max_segs 1 up
rate=${RATE:-64}

device() { sed -n 's/^ *lo: *\([0-9]*\).*/\1/p' /proc/self/net/dev; }
now_ms() { date +%s%3N; }
passed() { [ $(($(now_ms) - $1)) -ge 10000 ]; }
# Bytes per peer that crossed the device in about ten seconds, in per mille of the budget.
measure() {
	bytes=$(device) ms=$(now_ms)
	within 30 passed "$ms"
	bytes=$(($(device) - bytes)) ms=$(($(now_ms) - ms))
	echo $((1000 * 8 * bytes / 4 / (rate * ms)))
}

for pace in ${PACES:-lockstep staleness:2 free}; do
	for budget in ${BUDGETS:-none auto}; do
		name=$pace-$budget
		expect 0 "$starling" init "$name" --topology ring:4 --data synthetic:640,100,784,10 --set model.name=mlp:128 \
			--set algorithm.local_steps=1 --set run.rounds=1000000 --set run.pace=$pace --set history.evaluate=5 \
			--set limits.rate="${rate}kbit" --set compress.budget=$budget
		background "$starling" up "$name" --plain
		up=$pid
		within 60 round_over "$name" 0 3
		windows=
		for _ in 1 2 3 4 5 6; do
			found=$(measure)
			[ "$found" -le 1050 ] || fail "$name: $found per mille of the budget in ten seconds"
			windows="$windows $found"
		done
		kill -INT "$up"
		ends 0 60 "$up"
		query "$name/history.db" "" "SELECT kind, detail FROM event WHERE kind IN ('link-down', 'halted', 'edge-late')"
		ok "$name: per mille of ${rate} kbit/s in each ten seconds:$windows; $(sql "$name/history.db" "SELECT max(round) FROM round") rounds"
	done
done
