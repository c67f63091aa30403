#!/bin/sh
# Members come, go and change keys while the run goes on: the operator signs, SIGHUP tells.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
rounds=1000000
hup() { for k; do kill -HUP "$(cat run/$k.pid)" || fail "peer $k does not run"; done; }
event() { # PEER KIND TEXT: the peer's history says so
	[ "$(sqlite3 -readonly run/history.db "SELECT count(*) > 0 FROM event WHERE peer = $1 AND kind = '$2' AND detail LIKE '%$3%'" 2> /dev/null)" = 1 ]
}
told() { kind=$1 text=$2; shift 2; for k; do within 20 event "$k" "$kind" "$text"; done; }
moves() { # PEER...: each does ten more rounds
	for k; do
		now=$(status_of run "$k" round)
		within 30 round_over run "$k" $((now + 10))
	done
}
phase_of() { status_of run "$1" phase; }

# Another roster with the serial of the one in force: signed twice from the same.
twin() { for f in roster run.conf operator.key keys; do cp -r run/$f twin/ || fail "no copy"; done; }

make_run run ring:5 --set run.rounds=$rounds --set run.period=5ms --set run.link_timeout=1s --set history.every=10 --set history.evaluate=100000
cp run/roster first
for k in 0 1 2 3 4; do start_peer run $k; done
within 20 round_over run 4 10

# Nothing but the operator's next roster is taken.
hup 0
told roster-unchanged "serial 1 is in force" 0
grep -q 'error: ' run/0.out && fail "an error for a roster that is the same: $(cat run/0.out)"
sed 's/^edge 0 1 .*/edge 0 1 0.5/' first > run/roster
hup 0
told roster-refused "signature" 0
cp first run/roster
moves 0
ok "a roster that is not new, or not signed, changes nothing"

mkdir twin
twin
expect 0 "$starling" roster twin --rotate 4
expect 0 "$starling" roster run --remove 2
says out "removed    peer 2"
hup 0 1 3 4 # not the one that has to go: it is to lose its links, not its good will
told roster "removed peer 2" 0 1 3 4
told edge-new "peer" 1 3
moves 0 1 3 4
cp run/roster second
cp twin/roster run/roster
hup 0
told roster-refused "serial is still 2, but it differs from the roster in force" 0
cp second run/roster
stuck=$(status_of run 2 round)
within 10 event 2 link-down "peer 1"
[ "$(status_of run 1 edges)" = 2 ] || fail "peer 1 has not two neighbours: $("$starling" status run --json)"
within 10 event 1 stranger "refused a connection"
moves 0 1
[ "$(status_of run 2 round)" -le $((stuck + 1)) ] || fail "peer 2 still makes rounds with the others"
hup 2
ends 0 20 "$(cat run/2.pid)"
told removed "removes this peer" 2
expect 2 "$build/starlingd" -r run/run.conf -p 2
says err "removes this peer"
ok "a removed peer: its key counts no more, the ring closes without it, it leaves when it is told"

old=$("$starling" keygen --public run/keys/4.key | cut -c1-16)
expect 0 "$starling" roster run --rotate 4 --tell
says out "signalled  4 peers" "destroyed  the old secret key of peer 4"
told roster "another key for peer 4" 0 1 3 4
moves 0 1 3 4
[ ! -e run/keys/4.key.old ] || fail "the old secret of peer 4 stays"
expect 0 "$starling" keygen --public run/keys/4.key
[ "$(cut -c1-16 out)" != "$old" ] || fail "the key of peer 4 is the old one"
ok "a key is rotated: old and new never stop the run"

cp run/data/train-2.shard run/data/train-5.shard
expect 0 "$starling" roster run --add auto --name late --neighbours 0,1 --tell
start_peer run 5
told roster "added peer 5" 0 1 3 4
told joined-late "mean of 2 neighbours" 5
told edge-new "peer 5" 0 1
moves 5 0 1 3 4
[ "$(status_of run 5 round)" -gt 20 ] || fail "the late joiner began in round 0"
query run/history.db 1 "SELECT min(round) > 10 FROM round WHERE peer = 5"
within 5 field_is run 5 edges_up 2
ok "a peer is added: it begins where its neighbours are"

# A checkpoint would be of this roster; here, its neighbours' copies bring a killed peer back.
kill -KILL "$(cat run/5.pid)"
wait "$(cat run/5.pid)"
start_peer run 5
told recovered-from-neighbours "" 5
moves 5 0
kill -TERM "$(cat run/0.pid)" "$(cat run/1.pid)" "$(cat run/3.pid)" "$(cat run/4.pid)" "$(cat run/5.pid)"
peers_end 0 20 run 0 1 3 4 5
ok "and is a peer like the others"

make_run all complete:3 --set algorithm.name=diana --set compress.pipeline='all | dither:16 | golomb' --set run.rounds=$rounds
for k in 0 1 2; do start_peer all $k; done
within 20 round_over all 0 5
expect 0 "$starling" roster all --remove 2 --tell
within 20 grep -q "its state spans all peers" all/0.out
says all/0.out "serial 1 stays in force"
now=$(status_of all 0 round)
within 20 round_over all 0 $((now + 5))
kill -TERM "$(cat all/0.pid)" "$(cat all/1.pid)" "$(cat all/2.pid)"
for k in 0 1 2; do within 20 gone "$(cat all/$k.pid)"; done
ok "an algorithm whose state spans all peers refuses it"
