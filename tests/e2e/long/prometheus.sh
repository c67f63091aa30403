#!/bin/sh
# Debian's Prometheus scrapes real daemons for a minute; every query of the dashboard returns data; every alert fires when
# its cause is made, and resolves when it is gone. The rules are the installed ones, with seconds for minutes.
if [ -z "${APART:-}" ]; then
	unshare -n true 2> /dev/null || { echo "skipped: no namespaces here"; exit 0; }
	APART=1 exec unshare -n sh "$0"
fi
ip link set lo up
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
if ! command -v prometheus > /dev/null || ! command -v promtool > /dev/null; then
	echo "skipped: no prometheus (apt-get install prometheus)"
	exit 0
fi
python=/usr/bin/python3
hostile=$build/tests/e2e/hostile
monitoring=$root/scripts/monitoring
prom() { $python "$root/tests/monitoring/prom.py" http://127.0.0.1:9090 "$@"; }
mkdir disk
if ! mount -t tmpfs -o size=16m,mode=755 none disk 2> /dev/null; then
	echo "skipped: no tmpfs can be mounted here"
	exit 0
fi
code=0
trap 'code=$?; umount -l "$work/disk"; (exit "$code"); cleanup' EXIT # cleanup ends with the code that it finds

sed -E 's/\b([0-9]+)m\b/\1s/g; s/\b1h\b/60s/' "$monitoring/starling.rules.yml" > rules.yml
cat > prometheus.yml << 'end'
global: { scrape_interval: 1s, evaluation_interval: 500ms }
rule_files: [ rules.yml ]
scrape_configs:
  - job_name: starling
    static_configs:
      - targets: [ '127.0.0.1:9400', '127.0.0.1:9401', '127.0.0.1:9402', '127.0.0.1:9403' ]
  - job_name: trained
    static_configs:
      - targets: [ '127.0.0.1:9500', '127.0.0.1:9501' ]
end
expect 0 promtool check config prometheus.yml

make_run run ring:4 --set run.rounds=100000000 --set run.round_timeout=2s --set run.link_timeout=1s --set limits.quarantine=4s \
	--set checkpoint.every=50 --set algorithm.local_steps=60 --set algorithm.eta_schedule=constant --set algorithm.eta=0.01 \
	--set limits.rate=1Gbit --set metrics.listen=127.0.0.1:9400+%d --set data.partition=shards:2
peer() { # K [ARGUMENT...]
	k=$1
	shift
	if [ "$k" -eq 1 ]; then
		STATE_DIRECTORY=$work/disk start_peer run 1 --set run.roster="$work/run/roster" --set history.path="$work/disk/history.db" "$@"
	else
		start_peer run "$k" "$@"
	fi
}
stop_peers() {
	for k; do kill -TERM "$(cat run/$k.pid)"; done
	for k; do within 30 gone "$(cat run/$k.pid)"; wait "$(cat run/$k.pid)"; done
}
PYTHONPATH=$root/lib/trainer/python PYTHONDONTWRITEBYTECODE=1 DATA=$work/data
export PYTHONPATH PYTHONDONTWRITEBYTECODE DATA
mkdir data
expect 0 $python "$root/tests/trainer/data.py" data 2
expect 0 "$starling" init trained --topology path:2 --trainer "$python $root/tests/trainer/softmax.py gradient,evaluate" \
	--set run.rounds=1000000000 --set metrics.listen=127.0.0.1:9500+%d --set run.round_timeout=never --set history.evaluate=20
trainer() {
	STARLING_TRAINER=$work/trained/trainer/$1 $python "$root/tests/trainer/softmax.py" gradient,evaluate > "trainer$1.out" 2>&1 &
	echo $! > "trainer$1.pid"
	pids="$pids $!"
}
for k in 0 1; do start_peer trained $k; trainer $k; done
for k in 0 1 2 3; do peer $k; done
background prometheus --config.file=prometheus.yml --storage.tsdb.path=tsdb --web.listen-address=127.0.0.1:9090
within 30 sh -c "$python '$root/tests/monitoring/prom.py' http://127.0.0.1:9090 value up | grep -q '^6 '"

# holds EXPR: it gives one series, of value 1. fires / quiet NAME [LABELS]
holds() { [ "$(prom value "$1")" = "1 1" ]; }
fires() { prom firing | grep -q "^$1 .*$2"; }
quiet() { ! prom firing | grep -q "^$1 .*$2"; }
silent() { [ -z "$(prom firing)" ]; }
within 120 holds 'min(count_over_time(up[1m])) >= bool 58 and min(avg_over_time(up[55s])) > 0.9'
within 60 silent
expect 0 prom dashboard "$monitoring/starling-dashboard.json"
says out " queries"
ok "six peers scraped for a minute, no alert; every query of the dashboard has data: $(tail -n 1 out)"

kill -KILL "$(cat run/3.pid)"
within 30 fires StarlingPeerDown instance=127.0.0.1:9403
within 30 fires StarlingLinkDown "neighbour=3 peer=0"
within 30 fires StarlingEdgeLate "neighbour=3 peer=0"
ok "a killed peer: StarlingPeerDown, StarlingLinkDown, StarlingEdgeLate"
"$hostile" flood run 3 0 garbage 200 > out 2>&1
within 30 fires StarlingQuarantine "neighbour=3 peer=0"
ok "garbage under its key: StarlingQuarantine"
within 30 gives run/history.db 1 "SELECT count(*) > 0 FROM event WHERE peer = 0 AND kind = 'quarantine-over'"
peer 3
within 60 silent
ok "all four resolve when it is back"

dd if=/dev/zero of=disk/filler bs=4096 2> /dev/null
within 60 fires StarlingDiskFailing peer=1
within 120 fires StarlingRowsDropped peer=1
ok "a full disk: StarlingDiskFailing, StarlingRowsDropped"
rm disk/filler
within 60 silent
ok "both resolve when there is room"

kill -KILL "$(cat trainer0.pid)"
within 30 fires StarlingTrainerGone peer=0
within 60 fires StarlingStalled peer=1
trainer 0
within 60 silent
ok "a killed trainer: StarlingTrainerGone, and StarlingStalled for the other peer; both resolve with another trainer"

within 60 holds 'count(avg by (job, run) (avg_over_time(starling_disagreement{job="starling"}[5s] offset 31s))) == bool 1'
stop_peers 0 1 2 3
for k in 0 1 2 3; do peer $k --set algorithm.eta=0.2; done
within 60 fires StarlingConsensusErrorRising job=starling
ok "a step size of 20 times as much: StarlingConsensusErrorRising"
stop_peers 0 1 2 3
for k in 0 1 2 3; do peer $k --set algorithm.eta=0.01; done
within 120 silent
ok "it resolves"

stop_peers 0 1 2 3
for k in 0 1 2 3; do peer $k --set algorithm.eta=30; done
within 60 fires StarlingDiverging job=starling
for k in 0 1 2 3; do kill -KILL "$(cat run/$k.pid)"; done
for k in 0 1 2 3; do within 30 gone "$(cat run/$k.pid)"; peer $k --set algorithm.eta=0.01; done
within 120 silent
ok "a step size that is too large: StarlingDiverging; it resolves from the last good checkpoint"
