#!/bin/sh
# Seconds until eight daemons that share a device of a given rate reach 80 and 84 % on Fashion-MNIST, by the defaults and by the
# setting that sends the fewest bytes; beside them the seconds of the same run without a limit, and what its bytes take at the
# rate. Nothing is asserted: the ratio is for an idle machine.
#   RATES="10mbit 1mbit" SETTINGS="default fewest" sh tests/e2e/long/thintarget.sh
if [ -z "${APART:-}" ]; then
	unshare -n true 2> /dev/null || { echo "skipped: no namespaces here"; exit 0; }
	APART=1 exec unshare -n sh "$0"
fi
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
PATH=$PATH:/usr/sbin:/sbin
ip link set lo mtu 1500 gso_max_segs 1 up
tc qdisc replace dev lo root tbf rate 1mbit burst 16kb latency 2000ms 2> /dev/null || {
	echo "skipped: no device of a given rate here (tc, sch_tbf)"
	exit 0
}
make_target() { # NAME ROUNDS EVALUATE ARGUMENT...
	name=$1 rounds=$2 each=$3
	shift 3
	expect 0 "$starling" init "$name" --topology ring:8 --set data.partition=iid --set run.rounds="$rounds" \
		--set history.evaluate="$each" "$@"
	grep -q Fashion "$work/out" || { echo "skipped: no Fashion-MNIST here"; exit 0; }
}
make_target default 800 20
make_target fewest 100 4 --set 'compress.pipeline=topk:0.005 | rounding:2 | context' --set algorithm.local_steps=32

# reached NAME TARGET: seconds since the first peer was there, and bytes of payload, when the peers' mean accuracy reached it.
reached() {
	sql "$work/$1.db" "SELECT coalesce((max(at_us) - (SELECT min(started_at) FROM peer)) / 1e6, 0), coalesce(sum(payload_tx), 0)
		FROM round WHERE round = (SELECT min(round) FROM (SELECT round, avg(test_accuracy) AS a FROM round
		WHERE test_accuracy IS NOT NULL GROUP BY round HAVING count(*) = 8) WHERE a >= $2)"
}
crossed() { tc -s qdisc show dev lo | sed -n 's/^ Sent \([0-9]*\) bytes.*/\1/p'; }
# until_reached NAME SETTING: runs until 84 %, or 300 s have passed. $share: bytes on the device for each byte of payload.
until_reached() {
	before=$(crossed)
	background "$starling" up "$2" --plain --history "$work/$1.db"
	up=$pid
	stops=$(($(date +%s) + 300)) # deadline is that of within
	within 60 gives "$work/$1.db" 1 "SELECT count(*) > 0 FROM round"
	while [ "$(date +%s)" -lt "$stops" ] && ! gone "$up"; do
		case $(reached "$1" 0.84) in '0|0' | 0.0*) sleep 1 ;; *) break ;; esac
	done
	kill -INT "$up" 2> "$work/none"
	ends 0 120 "$up"
	share=$(sql "$work/$1.db" "SELECT 1.0 * ($(($(crossed) - ${before:-0}))) / sum(t) FROM (SELECT max(payload_tx) AS t FROM round GROUP BY peer)")
}

for setting in ${SETTINGS:-default fewest}; do
	tc qdisc del dev lo root
	until_reached "$setting-free" "$setting"
	for rate in ${RATES:-10mbit 1mbit}; do
		tc qdisc replace dev lo root tbf rate "$rate" burst 16kb latency 2000ms
		until_reached "$setting-$rate" "$setting"
		for target in 0.80 0.84; do
			printf '%s %s %s %s|%s|%s\n' "$setting" "$rate" "$target" "$(reached "$setting-$rate" $target)" \
				"$(reached "$setting-free" $target)" "$share" | awk '{
				n = split($4, v, "|"); bits = $2 + 0
				link = v[2] * 8 / (bits * 1e6); floor = link > v[3] ? link : v[3]
				device = link * v[n]; if (device < v[3]) device = v[3]
				printf "%-8s %-7s to %s: %6.1f s, %.2f MB; without a limit %.1f s; payload / rate %.1f s; ratio %.2f, with bytes on the device %.2f\n",
					$1, $2, $3, v[1], v[2] / 1e6, v[3], link, (floor > 0 ? v[1] / floor : 0), (device > 0 ? v[1] / device : 0) }'
		done
	done
done
ok "every setting ran at every rate"
