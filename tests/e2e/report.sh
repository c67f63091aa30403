#!/bin/sh
# What histories look like: the page of `starling report` against plain SQL, `starling plot`, and histories as CSV and JSON;
# also with odd names, foreign schemas, and without gnuplot.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import sqlite3, xml.etree.ElementTree' 2> /dev/null || {
	echo "skipped: $python with sqlite3 is not here (python3)"
	exit 0
}
json() { [ "$(sqlite3 :memory: "SELECT json_valid(readfile('out'))")" = 1 ] || fail "no JSON: $*"; }
simulate() { # DB NAME ALGORITHM SEED ROUNDS
	expect 0 "$starling" sim --topology ring:4 --history "$1" --set data.format=synthetic:400,100 --set model.name=mlp:8 \
		--set run.name="$2" --set algorithm.name="$3" --set run.seed="$4" --set run.rounds="$5" --set history.evaluate=5
}
simulate one.db one malcom 1 120
# What the simulator does not measure: peer 2 has most to do, and waits least. Rounds that were evaluated differ, and do not count.
# Peer 1 was away, and counts its bytes anew since; names are what no name should be.
odd="x<script>alert(1)</script>\"''&amp;]]>,|\$_%"
sqlite3 one.db "UPDATE round_data SET compute_us = 1000 + 900 * (peer = 2) + round % 7, compress_us = 100 + peer,
		wait_us = CASE WHEN test_accuracy IS NOT NULL THEN 1 + peer WHEN peer = 2 AND round % 5 > 0 THEN 10 ELSE 900 + peer * 10 + round % 3 END;
	DELETE FROM round_data WHERE peer = 3 AND round BETWEEN 70 AND 72;
	UPDATE round_data SET at_us = at_us + 500000 WHERE peer = 1 AND round >= 60;
	INSERT INTO budget_data SELECT run, peer, round, 64000, 700 * n, 2000 * n FROM
		(SELECT *, round - CASE WHEN peer = 1 AND round >= 60 THEN 60 ELSE 0 END AS n FROM round_data WHERE peer < 3);
	INSERT INTO event SELECT run_id, 1, (SELECT at_us - 1000 FROM round_data WHERE peer = 1 AND round = 60), 60, 'notice',
		'resumed-from-checkpoint', 'round 50' FROM run;
	INSERT INTO event SELECT run_id, 2, started_at + 2000, 3, 'warning', 'edge-late', '<img src=x onerror=alert(2)>' FROM run;
	INSERT INTO event SELECT run_id, value, started_at + 2500, 3, 'warning', 'edge-late', 'peer 1 did not answer' FROM run, json_each('[0, 2, 3]');
	INSERT INTO event SELECT run_id, 0, started_at + 3000, 3, 'warning', 'quarantine', 'peer 3 for 1 s' FROM run;
	INSERT INTO event SELECT run_id, 3, started_at + 4000, 3, 'error', 'diverging', x'c328' || char(27) || '[31m' || char(8238) FROM run"
ok "a run with events, times and an absence"

for table in curve peer_curve link_curve peer_time summary run peer round link event metric consensus traffic; do
	expect 0 "$starling" history one.db --csv --table $table
	rows=$(sql one.db "SELECT count(*) FROM \"$table\"")
	found=$("$python" -c 'import csv, sys; print(sum(1 for _ in csv.reader(open("out", encoding="utf-8"))) - 1)')
	[ "$found" -eq "$rows" ] || fail "$table: $found rows of $rows"
	expect 0 "$starling" history one.db --json --table $table
	json $table
	query :memory: "$rows" "SELECT json_array_length(readfile('out'))"
done
expect 0 "$starling" history one.db --csv
"$starling" history one.db --json --table curve > curve.json
query one.db "0" "SELECT count(*) FROM json_each(readfile('curve.json')) AS j LEFT JOIN curve AS c ON c.round = j.value ->> 'round'
	WHERE c.test_accuracy IS NOT j.value ->> 'test_accuracy' OR c.consensus_error IS NOT j.value ->> 'consensus_error'
	OR c.payload_bytes IS NOT j.value ->> 'payload_bytes'"
query one.db "0|120" "SELECT (SELECT count(*) FROM curve WHERE consensus_error IS NOT (SELECT error FROM consensus AS c WHERE c.round = curve.round)),
	(SELECT count(*) FROM curve)"
expect 2 "$starling" history one.db --csv --json
says err "cannot be used together"
expect 2 "$starling" history one.db --table curve
says err "needs --csv or --json"
expect 2 "$starling" history one.db --csv --table sqlite_master
says err "must be one of curve|"
expect 2 "$starling" history one.db --csv --run nobody
says err "no run has the name or run_id 'nobody'"
ok "every table and view as CSV and JSON, with all of its rows"

# Without gnuplot.
mkdir nothing
PATH=$work/nothing expect 1 "$starling" report one.db
says err "gnuplot, which draws the figures, is not installed: apt-get install gnuplot-nox"
one_line err
[ ! -e report.html ] || fail "a page came from nowhere"
ok "without gnuplot the package is named"
if ! command -v gnuplot > /dev/null; then
	echo "skipped: gnuplot is not here (gnuplot-nox)"
	exit 0
fi

expect 0 "$starling" report one.db
says err "report.html: 1 run"
expect 0 "$python" "$root/tests/e2e/report.py" report.html one.db
says out "Test accuracy over rounds" "Test accuracy over bytes" "Test accuracy over time" "Test loss over time" "Training loss over rounds" \
	"Consensus error over rounds" "Sparsity over rounds" "Graph and mixing weights" "Payload per link" "Where the time goes" "Events"
grep -q 'held up the others' report.html || fail "nobody held up the others"
grep -q 'most often peer <data class="late-peer" value="1">' report.html || fail "nobody was late"
grep -q 'Peer 1 was started again' report.html || fail "nobody was away"
grep -q '3 peers have</data> a byte budget' report.html || fail "no byte budget"
ok "one run: $(sed 's/:.*//' out), each as SQL has it; nothing is loaded"

expect 0 "$starling" sim --topology star:4 --history real.db --set data.format=regression --set model.name=ridge --set data.partition=iid \
	--set run.rounds=30 --set history.evaluate=5
expect 0 "$starling" report real.db -o real.html
expect 0 "$python" "$root/tests/e2e/report.py" real.html real.db
grep -q 'mean test loss' real.html || fail "no loss"
ok "a run without accuracies: $(sed 's/:.*//' out)"

expect 0 "$starling" sim --topology ring:3 --history fine.db --set data.format=synthetic:300,90 --set model.name=softmax \
	--set run.rounds=900 --set history.evaluate=1 --set algorithm.eta=0.003
expect 0 "$starling" report fine.db -o fine.html
expect 0 "$python" "$root/tests/e2e/report.py" fine.html fine.db
ok "more evaluations than a curve has points: targets are reached when SQL says"

cp one.db odd.db
"$python" - "$odd" << 'EOF'
import sqlite3, sys
db = sqlite3.connect("odd.db")
odd = sys.argv[1]
for table in "run", "peer", "event":
    db.execute("UPDATE %s SET run_id = ?" % table, (odd,))
db.execute("UPDATE run SET name = ?, topology = ?, algorithm = ?, compress = ?, model = ?, dataset = ?, config = NULL", (odd,) * 6)
db.execute("UPDATE event SET kind = ? WHERE kind = 'edge-late'", ("'`id>pwned`\"; system 'id>pwned'",))
db.commit()
EOF
expect 0 "$starling" report odd.db -o odd.html
expect 0 "$python" "$root/tests/e2e/report.py" odd.html odd.db
grep -q '<script>alert\|<img' odd.html && fail "a name became a part of the page"
expect 0 "$starling" report odd.db --run "$odd" -o -
cmp out odd.html || fail "two reports differ"
expect 0 "$starling" plot odd.db -o odd.svg
expect 0 "$starling" history odd.db --json --table curve
json odd names
expect 0 "$starling" history odd.db --csv --table event
[ "$("$python" -c 'import csv; print(len({r["run_id"] for r in csv.DictReader(open("out", encoding="utf-8"))}), next(csv.DictReader(open("out", encoding="utf-8")))["run_id"])')" = "1 $odd" ] ||
	fail "the name is another one in CSV"
[ ! -e pwned ] || fail "a name became a program"
ok "odd names are texts, in pages, figures, CSV and JSON"

for seed in 1 2; do
	for algorithm in malcom dpsgd; do
		simulate several.db $algorithm-$seed $algorithm $seed 60
	done
done
expect 0 "$starling" report several.db -o several.html
expect 0 "$python" "$root/tests/e2e/report.py" several.html several.db
for words in 'id="as-LaTeX"' 'id="as-CSV"' 'id="as-Markdown"' 'begin{tabular}' 'accuracy,method,round,payload_bytes,seconds' '| accuracy | method |' \
	'fewest bytes' '4 runs of 2 kinds'; do
	grep -qF -- "$words" several.html || fail "the page lacks $words"
done
ok "two methods over two seeds: $(sed 's/:.*//' out), each as SQL has it"
expect 0 "$starling" report several.db --targets 0.3,0.5 -o targets.html
expect 0 "$python" "$root/tests/e2e/report.py" targets.html several.db
expect 2 "$starling" report several.db --targets 0.3,2
says err "accuracies between 0 and 1"
cp several.db half.db
sqlite3 several.db "DELETE FROM run WHERE name LIKE '%-2'"
sqlite3 half.db "DELETE FROM run WHERE name LIKE '%-1'"
expect 0 "$starling" report several.db half.db -o both.html
grep -q '4 runs of 2 kinds' both.html || fail "two databases are not four runs"
ok "targets can be given; several databases are one report"

for ending in svg pdf png; do
	expect 0 "$starling" plot several.db half.db --x payload --y accuracy -o figure.$ending
	[ -s figure.$ending ] || fail "no figure.$ending"
done
[ "$(head -c 4 figure.pdf)" = %PDF ] || fail "no PDF"
[ "$(head -c 4 figure.png | tail -c 3)" = PNG ] || fail "no PNG"
"$python" -c 'import xml.etree.ElementTree as t; t.parse("figure.svg")' || fail "no SVG"
head -n 1 figure.csv > out
says out "label,runs,round,payload_bytes,test_accuracy,min,max"
"$python" - << 'EOF' || fail "the data beside the figure are not those of the histories"
import csv, sqlite3
rows = list(csv.DictReader(open("figure.csv")))
assert len(rows) == 24, len(rows)
for row in rows:
    found = [sqlite3.connect(db).execute("SELECT payload_bytes, test_accuracy FROM curve WHERE algorithm = ? AND round = ?",
             (row["label"], row["round"])).fetchone() for db in ("several.db", "half.db")]
    assert abs(sum(f[0] for f in found) / 2 - float(row["payload_bytes"])) < 1
    assert abs(sum(f[1] for f in found) / 2 - float(row["test_accuracy"])) < 1e-9
    assert abs(max(f[1] for f in found) - float(row["max"])) < 1e-9
EOF
for y in test_loss train_loss consensus sparsity objective disagreement; do
	expect 0 "$starling" plot several.db --y $y --x seconds -o figure.svg
done
expect 2 "$starling" plot several.db -o figure.gif
says err ".svg, .pdf or .png"
expect 2 "$starling" plot several.db
expect 2 "$starling" plot several.db -o no-such-folder/figure.svg
says err "no-such-folder/figure.svg: No such file"
ok "figures for papers, with their data beside them"

# A database from elsewhere: a view that would look at this machine, an older schema, one that cannot be written.
cp one.db spy.db
sqlite3 spy.db "DROP VIEW curve; CREATE VIEW curve AS SELECT *, readfile('/etc/passwd') AS seen FROM round"
expect 1 "$starling" report spy.db -o spy.html
says err "spy.db: no such function: readfile"
[ ! -e spy.html ] || fail "a page from a foreign view"
cp one.db old.db
sqlite3 old.db "DROP VIEW curve; DROP VIEW peer_curve; DROP VIEW link_curve; DROP VIEW peer_time; PRAGMA user_version = 5"
cp old.db kept.db
expect 0 "$starling" report old.db -o old.html
cmp -s old.html report.html || fail "a migrated database has another report"
sqlite3 kept.db "PRAGMA user_version = 7"
expect 2 "$starling" report kept.db -o kept.html
says err "has schema 7" "use a newer starling"
expect 2 "$starling" report nowhere.db
"$starling" collect empty.db one.db && sqlite3 empty.db "DELETE FROM run"
expect 2 "$starling" report empty.db
says err "contains no run yet"
ok "foreign, older, newer and empty histories"
