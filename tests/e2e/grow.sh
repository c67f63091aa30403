#!/bin/sh
# A run that is up gains and loses members: starling up starts who was added, tells the others, lets go who was removed.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
says_up() { grep -q -- "$1" background; }
event() { gives run/history.db 1 "SELECT count(*) > 0 FROM event WHERE peer = $1 AND kind = '$2' AND detail LIKE '%$3%'"; }
moves() { # PEER...: each does ten more rounds
	for k; do
		now=$(status_of run "$k" round)
		within 30 round_over run "$k" $((now + 10))
	done
}

make_run run ring:3 --set run.rounds=1000000 --set algorithm.local_steps=50 --set run.link_timeout=1s --set history.every=10 \
	--set history.evaluate=100000
background "$starling" up run --plain
up=$pid
within 20 round_over run 2 10
expect 1 "$starling" up run --plain
says err "is already up"
[ "$(cat run/up.pid)" = "$up" ] || fail "up.pid is not its number"

cp run/data/train-2.shard run/data/train-3.shard
expect 0 "$starling" roster run --add auto --name late --tell
says out "signalled  starling up (process $up)"
within 20 says_up "peer 3 (late) was added: started"
for k in 0 1 2; do within 20 event $k roster "added peer 3"; done
within 20 event 3 joined-late "mean of"
moves 3 0 1 2
grep -q "now has serial 2" background || fail "up does not say which roster it has"
query run/history.db 0 "SELECT count(*) FROM event WHERE kind = 'roster-refused'"
ok "a peer is added: up starts it, and tells the others once"

leaves=$(status_of run 1 pid)
expect 0 "$starling" roster run --remove 1 --tell
within 20 gone "$leaves"
within 20 event 1 removed "removes this peer"
within 20 says_up "peer 1 was removed"
moves 3 0 2
gone "$up" && fail "up ended with the peer that was removed"
ok "a peer is removed: it ends, and the run goes on"

cp run/roster good
sed 's/^edge 0 2 .*/edge 0 2 0.5/' good > run/roster
kill -HUP "$up"
within 20 says_up "roster refused: .*signature.*; serial 3 stays in force"
cp good run/roster
moves 0
query run/history.db 0 "SELECT count(*) FROM event WHERE kind = 'roster-refused'"
ok "a roster that is not signed is refused in a line, and nobody is bothered with it"

expect 0 "$starling" roster run --add auto --tell
within 20 says_up "peer 4 is not started here: .*train-4.shard"
moves 0 2 3
mv run/data/train-3.shard run/data/train-4.shard
expect 0 "$starling" roster run --tell
says out "signalled  starling up (process $up)"
within 20 says_up "peer 4 (peer-4) was added: started"
moves 4 0
ok "one whose samples are missing is started when they are there"

processes=$(for k in 0 2 3 4; do status_of run $k pid; done)
[ "$(echo "$processes" | wc -l)" -eq 4 ] || fail "not four processes: $processes"
kill -INT "$up"
ends 0 20 "$up"
for process in $processes; do gone "$process" || fail "$process lives on"; done
[ ! -e run/up.pid ] || fail "up.pid is left"
query run/history.db "5|5|0" "SELECT count(stopped_at), count(exit), max(exit) FROM peer"
expect 0 "$starling" roster run --remove 4 --tell
says out "signalled  0 peers"
ok "and all of them end with it"
