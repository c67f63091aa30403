#!/bin/sh
# [history] keep and thin: old rows go while the peer learns, the newest and every hundredth stay, and so do the sums of times.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

make_run run ring:3 --set run.rounds=700 --set checkpoint.every=20 --set history.evaluate=50 --set run.period=10ms \
	--set algorithm.eta_schedule=constant
for k in 0 1 2; do start_peer run $k --set run.rounds=320; done
peers_end 0 60 run 0 1 2
db=run/history.db
query $db 960 "SELECT count(*) FROM round"
# As if all of that were forty days old.
sql $db "UPDATE round_data SET at_us = at_us - 40 * 86400 * 1000000; UPDATE event SET at_us = at_us - 40 * 86400 * 1000000;
	INSERT INTO event SELECT run_id, 0, at_us, 7, 'info', 'small-talk', '' FROM event LIMIT 1;
	INSERT INTO event SELECT run_id, 0, at_us, 7, 'warning', 'grave', '' FROM event LIMIT 1;
	INSERT INTO metric SELECT run_id, 0, round, 'x', 1 FROM round WHERE peer = 0 AND round < 100"
before=$(sql $db "SELECT sum(compute_us) || '|' || sum(compress_us) || '|' || sum(wait_us) FROM round WHERE peer = 0 AND round < 200")
for k in 0 1; do start_peer run $k --set history.keep=30d; done
start_peer run 2 --set history.keep=30d --set history.thin=0
within 20 gives $db "99 199" "SELECT group_concat(round, ' ') FROM (SELECT round FROM round WHERE peer = 0 AND round < 200 ORDER BY round)"
within 20 gives $db "0" "SELECT count(*) FROM round WHERE peer = 2 AND round < 200"
peers_end 0 60 run 0 1 2
query $db "$before" "SELECT sum(compute_us) || '|' || sum(compress_us) || '|' || sum(wait_us) FROM round WHERE peer = 0 AND round < 200"
query $db "700" "SELECT max(round) + 1 FROM round WHERE peer = 0"
# What is not forty days old stays.
query $db "379" "SELECT count(*) FROM round WHERE peer = 1 AND round BETWEEN 321 AND 699"
query $db "1" "SELECT count(*) FROM event WHERE kind = 'grave'"
query $db "0" "SELECT count(*) FROM event WHERE kind = 'small-talk'"
query $db "0" "SELECT count(*) FROM metric WHERE round NOT IN (99, 199)"
for t in link sketch; do
	query $db "0" "SELECT count(*) FROM $t WHERE round < 200 AND round NOT IN (99, 199)"
	query $db "2" "SELECT count(DISTINCT round) FROM $t WHERE peer = 0 AND round < 200"
done
query $db "2" "SELECT count(DISTINCT neighbour) FROM link WHERE peer = 0 AND round = 99"
query $db "ok" "PRAGMA integrity_check"
expect 0 "$starling" sim run
same_models $db 3
expect 0 "$starling" history run
ok "rows of forty days ago are thinned out; times add up as before, and no bit of a model has changed"

# As the manual says.
grep -q '^sqlite3 history.db ".backup' "$root/daemon/man/starlingd.8.in" || fail "the manual has no line for a backup"
expect 0 sqlite3 $db ".backup x.db"
query x.db "ok" "PRAGMA integrity_check"
ok "a backup, as in the manual"
