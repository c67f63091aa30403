#!/bin/sh
# What histories say to people and programs: the queries of README, one peer's database of many, odd names, media that
# cannot be written, folders; and JSON that is JSON.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
simulate() { # NAME ROUNDS
	expect 0 "$starling" sim --topology ring:3 --history all.db --set data.format=synthetic:640,160 \
		--set model.name=mlp:16 --set run.name="$1" --set run.rounds="$2"
}
json() { [ "$(sqlite3 :memory: "SELECT json_valid(readfile('out'))")" = 1 ] || fail "no JSON: $*"; }

simulate first 10
simulate second 60
sqlite3 all.db "UPDATE round_data SET test_accuracy = 0.9 WHERE round = 59;
	INSERT INTO event SELECT run_id, 1, started_at, 7, 'warning', 'edge-late', NULL FROM run"
awk '/^```sql/ { inside = 1; next } /^```/ { inside = 0 } inside' "$root/README.md" | grep -v '^--' | tr '\n' ' ' |
	sed 's/;/;\n/g' | grep '[^ ]' > queries
[ "$(wc -l < queries)" -ge 5 ] || fail "README has no queries"
while read -r question; do
	expect 0 sqlite3 -readonly all.db "$question"
	[ -s out ] || fail "no row: $question"
done < queries
ok "every query of README gives rows, as it stands"

query all.db "1|1" "SELECT min(seconds > 0), min(seed = '1') FROM summary"
expect 0 "$starling" history all.db
says out "seed" "(different number of rounds)"
ok "seeds stand in the table"

# Three sites whose clocks are years apart, a peer each.
mkdir site-0 site-1
for k in 0 1; do
	"$starling" collect site-$k/history.db all.db || fail "collect"
	sqlite3 site-$k/history.db "DELETE FROM round_data WHERE peer <> $k; DELETE FROM peer WHERE peer <> $k;
		DELETE FROM event; UPDATE round_data SET at_us = at_us + $k * 100000000000000;
		UPDATE peer SET started_at = started_at + $k * 100000000000000"
done
expect 0 "$starling" history site-0 --run second
says out "present    1 of 3 peers" "of the model of the only peer in this database"
! grep -q "mean over the peers" out || fail "one peer's accuracy is called a mean"
expect 0 "$starling" history site-0
says out "1/3"
expect 0 "$starling" collect both.db site-0 site-1/
query both.db "2|2|1" "SELECT peers - 1, present, seconds < 1000 FROM summary WHERE name = 'second'"
expect 0 "$starling" history both.db --run second
says out "present    2 of 3 peers" "mean over the models of the peers in this database"
expect 2 "$starling" collect both.db no-such-folder
says err "no-such-folder: No such file"
# A site that speaks of another's peer.
cp -r site-1 liar
sqlite3 liar/history.db "INSERT INTO peer (run_id, peer, host, started_at) SELECT run_id, 0, host, started_at + 1 FROM peer WHERE peer = 1;
	INSERT INTO round_data (run, peer, round, train_loss) SELECT run, 0, 999, 666 FROM round_data WHERE peer = 1 AND round = 0"
expect 2 "$starling" collect no.db liar site-0
says err "liar/history.db and site-0/history.db contradict each other about peer 0" "0=DB"
expect 0 "$starling" collect sure.db liar 0=site-0
says err "liar/history.db: left out what it says of"
query sure.db 0 "SELECT count(*) FROM round WHERE train_loss = 666"
expect 2 "$starling" collect no.db 3-1=site-0
says err "before the = must stand up to 16 peers or ranges of peers"
ok "nobody speaks of another site's peers"

# What it prints for a shell does what it says, whatever a run is called.
cp site-0/history.db named.db
sqlite3 named.db "UPDATE run SET run_id = 'a'';\$(touch gone)' || char(27) || '[31m'; UPDATE peer SET run_id = (SELECT run_id FROM run);
	UPDATE event SET run_id = (SELECT run_id FROM run);
	INSERT INTO event (run_id, peer, level, kind) SELECT run_id, 0, 'error', 'found-it' FROM run" 2> err || sqlite3 named.db "DELETE FROM run WHERE number > 1;
	UPDATE run SET run_id = 'a'';\$(touch gone)' || char(27) || '[31m'; DELETE FROM peer; DELETE FROM event;
	INSERT INTO event (run_id, peer, level, kind) SELECT run_id, 0, 'error', 'found-it' FROM run"
expect 0 "$starling" history named.db
! grep -q "$(printf '\033')" out || fail "an escape sequence is printed"
sed -n 's/.*\(sqlite3 named\.db "SELECT.*"\)$/\1/p' out | head -n 1 > line
sh line > found
grep -q found-it found || fail "the line does not work: $(cat line)"
[ ! -e gone ] || fail "the line runs what a run is called"
ok "lines for a shell are quoted, and escape sequences are shown"

ok "collect takes folders; who is in a database is said; clocks of hosts do not mix"

odd=$(printf 'a\377"b\303')
expect 2 "$starling" init run --topology ring:3 --data synthetic:640,160 --set "run.name=$odd"
says err "run.name: not valid UTF-8"
sqlite3 all.db "UPDATE run SET name = CAST(x'61ff2262c3' AS TEXT), dataset = CAST(x'80' AS TEXT) WHERE name = 'first'"
expect 0 "$starling" history all.db --json
json history
says out 'a\ufffd\"b\ufffd'
cp "$root/topologies/petersen.graph" "$odd.graph"
expect 0 "$starling" topology "file:$odd.graph" --json
json topology
ok "JSON is valid, whatever names are"

# A reader without rights: root becomes nobody.
mkdir medium
cp all.db medium/history.db
chmod 755 . medium
chmod 444 medium/history.db
chmod 555 medium
as_reader() { if [ "$(id -u)" = 0 ]; then setpriv --reuid 65534 --clear-groups "$@"; else "$@"; fi; }
if as_reader "$starling" --version > /dev/null 2>&1 && as_reader test -r medium/history.db; then
	expect 0 as_reader "$starling" history medium
	says out "second"
	chmod 755 medium && touch medium/history.db-wal && chmod 555 medium
	expect 1 as_reader "$starling" history medium
	says err "medium/history.db-wal, and reading them needs a writable folder: copy both files"
	expect 1 as_reader "$starling" collect medium/new.db all.db
	says err "medium/new.db: Permission denied"
	ok "a history on a medium that cannot be written"
fi
chmod 755 medium
