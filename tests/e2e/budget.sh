#!/bin/sh
# Daemons with a byte budget: what crosses the device in ten seconds stays within it, rounds go on in lockstep, and no timer
# takes the waiting for a dead neighbour. tests/e2e/long/budget.sh measures longer, and in all paces.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
apart -n
PATH=$PATH:/usr/sbin:/sbin
# Segments of a real device: on loopback's own a frame would be one packet.
ip link set lo mtu 1500 gso_max_segs 1 up

expect 2 "$starling" sim --topology ring:4 --set limits.rate=64kbts
says err "limits.rate" "rate = 64kbts: not a rate" "such as 64kbit or 8kB"
expect 2 "$starling" sim --topology ring:4 --set limits.volume=200MB
says err "volume = 200MB: not a volume" "such as 200MB/month"
expect 2 "$starling" sim --topology ring:4 --set compress.budget=10B
says err "budget = 10B: must be between 64B and"
expect 2 "$starling" sim --topology ring:4 --set compress.budget=auto --set "compress.pipeline=randk:0.1 | float32 | raw"
says err "[compress] budget: randk does not choose coordinates by size"
ok "what is wrong in a budget is said"

device() { sed -n 's/^ *lo: *\([0-9]*\).*/\1/p' /proc/self/net/dev; }
now_ms() { date +%s%3N; }
# Bytes per peer that crossed the device in about ten seconds, as per cent of 64 kbit/s.
measure() { # PEERS
	bytes=$(device) ms=$(now_ms)
	within 30 passed "$ms"
	bytes=$(($(device) - bytes)) ms=$(($(now_ms) - ms))
	echo $((100 * bytes / $1 / (8 * ms)))
}
passed() { [ $(($(now_ms) - $1)) -ge 10000 ]; }

expect 0 "$starling" init run --topology ring:3 --data synthetic:300,60,784,10 --set model.name=mlp:128 \
	--set algorithm.local_steps=1 --set run.rounds=100000 --set history.evaluate=2 \
	--set limits.rate=64kbit --set limits.volume=10GB/day
background "$starling" up run --plain
up=$pid
within 30 round_over run 0 2
percent=$(measure 3)
[ "$percent" -le 105 ] || fail "$percent % of the budget in ten seconds"
[ "$percent" -ge 50 ] || fail "only $percent % of the budget was used"
expect 0 "$starling" status run
says out "of 64kbit/s used" "rounds a day"
kill -INT "$up"
ends 0 60 "$up"
query run/history.db "" "SELECT kind, detail FROM event WHERE kind IN ('edge-late', 'link-down', 'halted')"
query run/history.db 0 "SELECT sum(resent) + sum(repeated) + sum(refused) FROM link"
query run/history.db 1 "SELECT count(*) > 6 AND min(tx) > 0 AND max(waited_us) > 0 FROM budget WHERE rate = 64000"
grep -q '^starling-budget 1 end ' "$(find run -name peer-0.budget)" || fail "the volume's level was not kept"
query run/history.db 3 "SELECT count(*) FROM event WHERE kind = 'budget-unknown'"
ok "64 kbit/s in lockstep: $percent % of it in ten seconds, and nobody is taken for dead"

# After an orderly end a start knows what is left of the volume; after kill -9 what it had saved up counts as used.
file=$(find run -name peer-0.budget)
start_peer run 0
within 30 grep -q '^starling-budget 1 run ' "$file"
kill -KILL "$pid"
wait "$pid"
query run/history.db 3 "SELECT count(*) FROM event WHERE kind = 'budget-unknown'"
start_peer run 0
within 30 gives run/history.db 4 "SELECT count(*) FROM event WHERE kind = 'budget-unknown'"
kill -TERM "$pid"
ends 0 30 "$pid"
grep -q '^starling-budget 1 end ' "$file" || fail "the volume's level was not kept"
ok "a volume's level is kept over an orderly end, and counts as used after any other"
