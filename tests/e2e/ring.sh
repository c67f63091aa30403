#!/bin/sh
# starling up: real peers on a ring of localhost, from the first round to the last word, and all that can happen between.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
query() { sqlite3 "$1" "$2"; }
pid_of() { # PEER: of the run that is up
	"$starling" status run --json > status.json
	query :memory: "SELECT json_extract(readfile('status.json'), '\$[$1].pid')"
}
under_way() { # ROUND: every peer is behind it
	"$starling" status run --json > status.json || return
	[ "$(query :memory: "SELECT min(json_extract(value, '\$.round') > $1) FROM json_each(readfile('status.json'))")" = 1 ]
}
nobody() { ! "$starling" status run > /dev/null; }
refused() { # TEXT COMMAND...: exit code 2 and one line that says TEXT
	text=$1
	shift
	expect 2 "$@"
	says err "$text"
	one_line err
}

expect 0 "$starling" init run --topology ring:5 --data synthetic:1000,200 --set model.name=mlp:16 --set run.rounds=40 \
	--set history.evaluate=10
expect 0 "$starling" up run
says out "5 peers on ring:5" "accuracy" "history"
[ "$(query run/history.db 'SELECT count(*), count(DISTINCT peer), count(test_accuracy) >= 20 FROM round')" = "200|5|1" ] ||
	fail "not a row a peer and round: $(query run/history.db 'SELECT peer, count(*) FROM round GROUP BY peer')"
[ "$(query run/history.db 'SELECT peers, rounds, test_accuracy > 0.4 FROM summary')" = "5|40|1" ] ||
	fail "the summary: $(query run/history.db 'SELECT * FROM summary')"
[ "$(query run/history.db 'SELECT count(*) FROM peer WHERE exit = 0 AND model_digest IS NOT NULL')" -eq 5 ] ||
	fail "not every peer wrote down its end"
[ "$(query run/history.db 'SELECT sum(compute_us) > 0, sum(compress_us) > 0, sum(wait_us) > 0, min(min(compute_us, compress_us, wait_us)) >= 0,
	max(compress_us) < 60000000 FROM round')" = "1|1|1|1|1" ] || fail "where the time went"
ok "five peers do their rounds, and the history has every one"

expect 0 "$starling" sim run --history sim.db
digests="SELECT group_concat(peer || ' ' || model_digest, ' ') FROM (SELECT * FROM peer ORDER BY peer)"
payload="SELECT group_concat(payload_bytes, ' ') FROM (SELECT * FROM traffic ORDER BY round)"
[ "$(query run/history.db "$digests")" = "$(query sim.db "$digests")" ] || fail "daemons and simulator end with other models"
[ "$(query run/history.db "$payload")" = "$(query sim.db "$payload")" ] || fail "daemons and simulator sent other bytes"
ok "daemons and simulator agree bit for bit"

expect 0 "$starling" up run --json --history other.db --set run.rounds=3 --set run.name=short
query :memory: "SELECT json_extract(readfile('out'), '\$.rounds', '\$.name')" | grep -qxF '[3,"short"]' ||
	fail "the summary as JSON"
[ "$(query other.db 'SELECT max(rounds) FROM summary')" = 3 ] || fail "another history"
ok "--set, --history and --json"

background "$starling" up run --set run.rounds=1000000 --set run.period=5ms
within 20 under_way 20
expect 0 "$starling" status run
says out "1000000"
expect 1 "$starling" up run
says err "is already up"
one_line err
kill -INT "$pid"
wait "$pid" || fail "^C is not the peers' failure"
nobody || fail "a peer outlived up"
[ "$(query run/history.db "SELECT min(n) > 20 FROM (SELECT count(*) AS n FROM round WHERE run_id =
	(SELECT run_id FROM run ORDER BY started_at DESC LIMIT 1) GROUP BY peer)")" = 1 ] || fail "rounds were lost"
ok "^C stops the peers, and the history has what they did"

background "$starling" up run --set run.rounds=1000000 --set run.period=5ms
within 20 under_way 5
kill -KILL "$pid"
within 10 nobody
ok "no peer outlives up, even if that is killed"

background "$starling" up run --set run.rounds=1000000 --set run.period=5ms
within 20 under_way 5
kill -KILL "$(pid_of 2)"
wait "$pid"
[ $? -eq 1 ] || fail "a peer was killed, and up says nothing"
grep -q "peer 2 was killed by signal 9" background || fail "nobody says who was killed"
nobody || fail "the others go on"
ok "a peer that dies stops the run with exit code 1"

background "$starling" up run --restart --set run.rounds=600 --set run.period=5ms --set run.name=restarted
within 20 under_way 20
kill -KILL "$(pid_of 3)"
wait "$pid" || fail "a run whose peer was started again did not end well: $(cat background)"
grep -q "restarting it" background || fail "nobody says who was started again"
[ "$(query run/history.db "SELECT count(*) FROM peer JOIN run USING (run_id) WHERE run.name = 'restarted' AND exit = 0")" -eq 5 ] ||
	fail "not every peer ended well"
[ "$(query run/history.db "SELECT rounds FROM summary WHERE name = 'restarted'")" = 600 ] || fail "not all rounds were done"
ok "--restart starts a killed peer again, and the run completes"

port=$(sed -n 's/^peer 1 .*127.0.0.1:\([0-9]*\) .*/\1/p' run/roster)
# shellcheck disable=SC2016 # perl's variables
background perl -MIO::Socket::INET -e 'select undef, undef, undef, 0.05
	until $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 1, ReuseAddr => 1);
	sleep 600' "$port"
taken() { ! perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => shift,
	Listen => 1, ReuseAddr => 1)' "$port"; }
within 10 taken
expect 0 "$starling" up run --set run.rounds=3
says err "signed a roster"
grep -q "^serial 2$" run/roster || fail "the roster was not signed again"
kill "$pid"
ok "a port that was taken meanwhile is replaced"

refused "did you mean rounds?" "$starling" up run --set run.round=3
refused "gamma" "$starling" up run --set algorithm.gamma=2
refused "init" "$starling" up nowhere
cp run/roster roster.good
sed 's/^peer 2 peer-2/peer 2 mallory/' roster.good > run/roster
refused "signature" "$starling" up run
cp roster.good run/roster
cp run/data/test.shard shard.good
head -c 1000 shard.good > run/data/test.shard
refused "test.shard" "$starling" up run
cp shard.good run/data/test.shard
refused "/nonexistent/history.db" "$starling" up run --history /nonexistent/history.db
chmod 644 run/keys/4.key
expect 2 "$starling" up run
says err "peer 4 ended with exit code 2" "4.key"
nobody || fail "somebody runs with a key that others can read"
chmod 600 run/keys/4.key
ok "what is wrong is said in one line, and nobody runs"
