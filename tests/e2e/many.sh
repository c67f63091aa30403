#!/bin/sh
# starling sim --threads changes nothing but the time; of thousands of peers the history has a row per round, and says so.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
simulate() { # DB ARGUMENTS…
	db=$1
	shift
	expect 0 "$starling" sim --history "$db" --set model.name=softmax --set data.partition=iid \
		--set history.evaluate=2 "$@"
}
few="--topology torus:5x5 --set data.format=synthetic:samples=500,test=100,features=8,classes=4 --set run.rounds=10 --loss 0.05 --reorder 0.05"
# Everything but the names of the runs and the wall clock.
contents() {
	sql "$1" "SELECT peer, round, at_us - started_at, train_loss, test_loss, test_accuracy, nonzero, disagreement, payload_tx, wire_tx, wire_rx
	          FROM round JOIN run USING (run_id) ORDER BY peer, round;
	          SELECT peer, neighbour, round, payload_tx, frames_rx, resent, repeated FROM link ORDER BY peer, neighbour, round;
	          SELECT round, error FROM consensus_exact ORDER BY round;
	          SELECT peer, at_us - started_at, kind, detail FROM event JOIN run USING (run_id) ORDER BY event.rowid;
	          SELECT peer, model_digest FROM peer ORDER BY peer;"
}
# shellcheck disable=SC2086 # a list of words
simulate one.db $few --threads 1
# shellcheck disable=SC2086
simulate three.db $few --threads 3
contents one.db > one
contents three.db > three
[ "$(wc -l < one)" -gt 300 ] || fail "the history is too short: $(wc -l < one) lines"
cmp one three > /dev/null || fail "three threads wrote another history than one: $(diff one three | head -5)"
expect 2 "$starling" sim --topology ring:4 --threads 0
ok "one and three threads write the same history"

simulate many.db --topology torus:64x64 --set data.format=synthetic:samples=4096,test=50,features=4,classes=2 \
	--set run.rounds=4 --check none
query many.db 4096 "SELECT count(*) FROM round"
query many.db "0|4096|0 1|4096|4096 2|4096|0" \
	"SELECT group_concat(round || '|' || peers || '|' || tested, ' ') FROM (SELECT * FROM round_all ORDER BY round)"
query many.db 4 "SELECT count(*) FROM curve WHERE peers = 4096 AND payload_bytes > 0 AND train_loss > 0"
query many.db 4 "SELECT count(*) FROM traffic WHERE peers = 4096 AND saved BETWEEN 0 AND 1"
query many.db "1|1" "SELECT min(test_accuracy BETWEEN test_accuracy_min AND test_accuracy_max), count(*) FROM round_all WHERE tested > 0"
query many.db 4096 "SELECT present FROM summary WHERE rounds = 4 AND test_accuracy IS NOT NULL"
query many.db 1 "SELECT count(*) FROM run WHERE config LIKE '%one row per round for all peers (view round_all)%'"
query many.db 0 "SELECT count(*) FROM link"
ok "4096 peers: a row per round of all, the last round of each"
