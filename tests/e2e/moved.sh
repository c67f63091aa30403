#!/bin/sh
# A history that is renamed, removed, replaced, or robbed of its log, while four daemons write to it: they go on with what is
# at the path, and no row is lost but with a file that was removed.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

rows() { echo "SELECT count(*) FROM (SELECT peer FROM round WHERE round > $1 GROUP BY peer)"; }
reopened() { gives run/history.db "$1" "SELECT count(*) FROM (SELECT DISTINCT peer FROM event WHERE kind = 'history-reopened')"; }
last() { sqlite3 -readonly -cmd '.timeout 10000' run/history.db 'SELECT coalesce(max(round), 0) FROM round'; }

# Rounds of some milliseconds: what a peer keeps in memory while there is no database has a limit.
make_run run ring:4 --set run.rounds=1000000 --set history.evaluate=100000 --set run.period=5ms
for k in 0 1 2 3; do start_peer run $k; done
within 20 gives run/history.db 4 "$(rows 10)"

mv run/history.db run/first.db
within 20 gives run/history.db 4 "$(rows 20)"
within 20 reopened 4
ok "renamed: every peer goes on at the path, and says so"

now=$(last)
rm run/history.db-wal run/history.db-shm
within 20 gives run/history.db 4 "$(rows $((now + 100)))"
now=$(last)
rm run/history.db-shm
within 20 gives run/history.db 4 "$(rows $((now + 100)))"
query run/history.db ok "PRAGMA integrity_check"
ok "without its log: nothing is lost"

sqlite3 other.db 'VACUUM' && "$starling" collect other.db run/first.db || fail "collect"
# At once, by a second name and a rename: a history that a peer began between two renames would be lost.
cp other.db run/other.db
ln run/history.db run/second.db
mv run/other.db run/history.db
now=$(sqlite3 -readonly run/second.db 'SELECT max(round) FROM round')
within 20 gives run/history.db 4 "$(rows $((now + 100)))"
ok "replaced by another history: it is joined"

echo "no database" > run/none
ln run/history.db run/third.db
mv run/none run/history.db
within 20 grep -q "history: .*not an SQLite database; rows are kept" run/0.out
[ "$(cat run/history.db)" = "no database" ] || fail "what is no database was written to"
rm run/history.db
within 20 gives run/history.db 4 "$(rows 0)"
for k in 0 1 2 3; do kill -TERM "$(cat run/$k.pid)"; done
peers_end 0 20 run 0 1 2 3
query run/history.db "4|4|0" "SELECT count(*), count(exit), max(exit) FROM peer"
for f in run/*.db; do query "$f" ok "PRAGMA integrity_check"; done
expect 0 "$starling" collect all.db run/first.db run/second.db run/third.db run/history.db
query all.db 0 "SELECT count(*) FROM event WHERE kind = 'rows-dropped'"
query all.db 4 "SELECT count(*) FROM (SELECT peer FROM round GROUP BY peer HAVING count(*) = max(round) + 1)"
ok "all files together hold every round of every peer"
