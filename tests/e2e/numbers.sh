#!/bin/sh
# What the history says is true: payload against the frames themselves, savings, the consensus error from the sketches
# against the exact one, bytes on the wire against the kernel's own counters.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
header=1
rounds=60

# Uncompressed, every frame is a header, a float a parameter, and what the pipeline's body begins with.
make_run dense ring:4 --set run.rounds=$rounds --set algorithm.name=dpsgd --set 'compress.pipeline=all | float32 | raw'
expect 0 "$starling" up dense --plain
db=dense/history.db
dim=$(sql $db "SELECT dim FROM run")
frame=$(sql $db "SELECT payload_tx / 2 FROM round WHERE peer = 0 AND round = 0")
extra=$((frame - header - 4 * dim))
if [ $extra -lt 0 ] || [ $extra -gt 23 ]; then fail "a frame of $frame bytes for $dim floats"; fi
query $db $((4 * rounds)) "SELECT count(*) FROM round WHERE payload_tx = 2 * $frame * (round + 1) AND payload_rx = payload_tx"
query $db "4|$((rounds * 8 * frame))" "SELECT peers, payload_bytes FROM traffic ORDER BY round DESC LIMIT 1"
query $db 1 "SELECT abs(saved - (1 - $frame / (4.0 * $dim))) < 1e-9 FROM summary"
query $db $rounds "SELECT count(*) FROM traffic WHERE abs(saved - (1 - $frame / (4.0 * $dim))) < 1e-9"
ok "payload is what the frames are: $frame bytes for $dim floats"

make_run run ring:6 --set run.rounds=$rounds --set history.evaluate=1
expect 0 "$starling" up run --plain
db=run/history.db
last=$((rounds - 1))
query $db 12 "SELECT count(*) FROM link AS a JOIN link AS b ON b.peer = a.neighbour AND b.neighbour = a.peer AND b.round = a.round
	WHERE a.round = $last AND a.payload_tx = b.payload_rx AND a.payload_tx > $rounds * $header"
query $db $((6 * rounds)) "SELECT count(*) FROM round AS r WHERE payload_tx = (SELECT sum(payload_tx) FROM link WHERE peer = r.peer
	AND round = r.round) AND payload_rx = (SELECT sum(payload_rx) FROM link WHERE peer = r.peer AND round = r.round)"
query $db 1 "SELECT sum(payload_tx) = sum(payload_rx) FROM round WHERE round = $last"
query $db 1 "SELECT s.payload_bytes = t.payload_bytes AND s.wire_bytes = t.wire_bytes AND s.saved = t.saved AND s.saved > 0.9
	FROM summary AS s, traffic AS t WHERE t.round = $last"
query $db 1 "SELECT abs(saved - (1 - (SELECT sum(payload_tx) FROM round WHERE round = $last) /
	(4.0 * (SELECT dim FROM run) * $rounds * 12))) < 1e-12 FROM summary"
query $db 1 "SELECT abs(test_accuracy - (SELECT avg(test_accuracy) FROM round WHERE round = $last)) < 1e-12
	AND worst_accuracy = (SELECT min(test_accuracy) FROM round WHERE round = $last) AND rounds = $rounds AND peers = 6 FROM summary"
query $db $((6 * rounds)) "SELECT count(*) FROM round WHERE wire_tx >= payload_tx AND wire_rx >= payload_rx"
ok "summary and traffic add up"

# sketched DRIVER: the consensus error by plain SQL from the sketches of the newest run.
sketched() {
	echo "SELECT round, sum((value - mean) * (value - mean)) / 6 AS error FROM (SELECT s.round AS round, value, avg(value)
		OVER (PARTITION BY s.round, k) AS mean FROM sketch AS s WHERE run_id = $(newest "$1")) GROUP BY round"
}
good=0 both=0
for seed in 1 2 3 4 5 6; do
	expect 0 "$starling" sim run --set run.seed=$seed
	sql $db "SELECT sum(abs(s.error / e.error - 1) <= 3 * sqrt(2.0 / 64)), count(*) FROM ($(sketched sim)) AS s
		JOIN consensus_exact AS e USING (round) WHERE e.run_id = $(newest sim)" > rounds_within
	good=$((good + $(cut -d '|' -f 1 rounds_within))) both=$((both + $(cut -d '|' -f 2 rounds_within)))
done
[ $both -eq $((6 * rounds)) ] || fail "$both rounds have both"
[ $((100 * good)) -ge $((95 * both)) ] || fail "$good of $both rounds are within 3 sqrt(2/64)"
ok "the sketch's consensus error is within 3 sqrt(2/64) of the exact one in $good of $both rounds"

expect 0 "$starling" sim run
query $db $rounds "SELECT count(*) FROM consensus AS c JOIN consensus_exact AS e USING (run_id, round) WHERE c.error = e.error
	AND c.run_id = $(newest sim)"
query $db $rounds "SELECT count(*) FROM consensus AS c JOIN ($(sketched daemon)) AS s USING (round) WHERE c.run_id = $(newest daemon)
	AND abs(c.error / s.error - 1) < 1e-9"
query $db $rounds "SELECT count(*) FROM (SELECT round FROM ($(sketched daemon)) AS a JOIN ($(sketched sim)) AS b USING (round)
	WHERE abs(a.error / b.error - 1) < 1e-9)"
query $db 1 "SELECT consensus_error = (SELECT error FROM consensus_exact WHERE run_id = $(newest sim) ORDER BY round DESC LIMIT 1)
	FROM summary WHERE run_id = $(newest sim)"
expect 0 "$starling" sim run --set history.sketch=1024
query $db 1 "SELECT sum(abs(s.error / e.error - 1) <= 3 * sqrt(2.0 / 1024)) >= 0.95 * count(*) FROM ($(sketched sim)) AS s
	JOIN consensus_exact AS e USING (round) WHERE e.run_id = $(newest sim)"
ok "the view takes the exact error where it is known, else the sketch's; more buckets come closer"

# The simulator counts ZeroMQ's framing, CURVE and handshakes as the kernel does. Compared from round 300 on: how often a
# daemon connects and greets before that depends on when its neighbours start. Heartbeats come on top, 82 bytes per connection
# and two seconds.
make_run framed ring:6 --set run.rounds=600
expect 0 "$starling" up framed --plain
expect 0 "$starling" sim framed
db=framed/history.db
grown() {
	sql $db "SELECT sum(CASE round WHEN 599 THEN wire_tx ELSE -wire_tx END) FROM round WHERE round IN (299, 599)
		AND run_id = $(newest "$1")"
}
daemon=$(grown daemon) sim=$(grown sim)
apart=$((daemon > sim ? daemon - sim : sim - daemon))
heartbeats=$(sql $db "SELECT cast(41 * 12 * (1 + max(seconds)) AS INTEGER) FROM summary")
[ $apart -le $((sim / 100 + heartbeats)) ] || fail "daemons sent $daemon bytes on the wire where the simulator counts $sim"
ok "wire bytes of daemons and simulator agree: $daemon and $sim"

command -v ss > /dev/null || { echo "skipped: no ss here: wire bytes are not compared" && exit 0; }
# What a peer says before and after encloses what the kernel says in between. All wait while one of them stands still, so that
# little is sent in between.
make_run wire ring:5 --set run.rounds=1000000 --set run.period=5ms
for k in 0 1 2 3 4; do start_peer wire $k; done
counters() { echo "$(status_of wire "$1" wire_tx) $(status_of wire "$1" wire_rx)"; }
# enclosed K: the worst difference, in percent, goes to the file worst.
enclosed() {
	before=$(counters "$1")
	ss -tinpHO 2> /dev/null | grep "pid=$(cat "wire/$1.pid")," > sockets
	after=$(counters "$1")
	kernel=$(tr ' ' '\n' < sockets | awk -F '[:/]' '{ n[$1] += $NF }
		END { print n["bytes_sent"] - n["bytes_retrans"], n["bytes_received"] + 0, n["bytes_acked"] + 0 }')
	echo "$before $kernel $after" > counted
	awk 'function off(a, b, d) { d = b / a - 1; d = d < 0 ? -d : d; worst = d > worst ? d : worst }
		{ if ($3 == 0 || $4 == 0) exit 1
		off($1, $3); off($1, $5); off($2, $4); off($6, $3); off($6, $5); off($7, $4)
		printf "%.2f", 100 * worst; exit worst > 0.02 }' counted > worst
}
within 60 round_over wire 0 500
all=
for still in 4 0; do
	kill -STOP "$(cat wire/$still.pid)"
	for k in $([ $still -eq 4 ] && echo 0 1 2 3 || echo 4); do
		within 60 enclosed "$k"
		all="$all $(cat worst)"
	done
	kill -CONT "$(cat wire/$still.pid)"
done
for k in 0 1 2 3 4; do kill -TERM "$(cat wire/$k.pid)"; done
peers_end 0 30 wire 0 1 2 3 4
ok "bytes on the wire are the kernel's, but for$all %, what is sent meanwhile included"
