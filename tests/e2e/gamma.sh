#!/bin/sh
# gamma = auto is printed and follows the roster; a run that diverges says so, live and at its end, and exits with 1.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
small="--set data.format=synthetic:800,200,16 --set data.partition=iid --set model.name=mlp:8 --set history.evaluate=100"

# shellcheck disable=SC2086 # one word an argument
expect 0 "$starling" sim --topology torus:3x3 $small --set run.rounds=100
says out 'gamma      0.141 (auto)'
expect 1 "$starling" sim --topology torus:3x3 $small --set run.rounds=400 --set algorithm.gamma=0.8 --history h.db
says err 'note: gamma = 0.8 may be too large for malcom with this pipeline on this graph: up to about' 'the run diverges'
says out 'diverging  as 9 of 9 peers see it'
[ "$(sqlite3 h.db "SELECT count(DISTINCT peer) FROM event WHERE kind = 'diverging' AND level = 'error'")" = 9 ] || fail "not every peer has an event diverging"
expect 1 "$starling" sim --topology torus:3x3 $small --set run.rounds=400 --set algorithm.gamma=0.8 --json
says out '"diverging": 9'
expect 2 "$starling" sim --topology torus:3x3 $small --set run.on_divergence=halve-gamma
says err 'both ends of an edge must use the same gamma'
ok "a simulation prints gamma, and fails where it diverges"

soft="--set data.format=synthetic:800,200,16 --set data.partition=iid --set model.name=softmax --set run.rounds=20"
# shellcheck disable=SC2086
expect 0 "$starling" init steep --topology ring:3 $soft --set algorithm.eta=9
says err "note: eta = 9 may be too large: the loss of peer" "so that gradient steps are stable below 0."
expect 0 "$build/starlingd" -n -r steep/run.conf -p 1
says err "starlingd: note: eta = 9 may be too large: the loss of peer 1 has a curvature of"
expect 0 "$starling" sim steep
says err "note: eta = 9 may be too large"
expect 0 "$starling" up steep --plain
says err "starling up: note: eta = 9 may be too large: the loss of peer" "so that gradient steps are stable below 0."
expect 0 "$starling" up steep --plain --set algorithm.eta=0.1
! grep -q 'eta = ' err || fail "starling up has a note of eta = 0.1: $(cat err)"
expect 0 "$starling" roster steep --add auto
says err "starling roster: note: eta = 9 may be too large: the loss of peer"
mkdir elsewhere
mv steep/data/train-1.shard steep/data/train-2.shard elsewhere
expect 0 "$starling" roster steep --link 3:1
says err "the loss of peer 0 has"
mv steep/data/train-0.shard elsewhere
cp elsewhere/train-1.shard steep/data/train-4.shard
expect 0 "$starling" roster steep --add auto
says err "the loss of peer 4 has"
mv steep/data/train-4.shard elsewhere
expect 0 "$starling" roster steep --unlink 3:1
! grep -q 'eta = ' err || fail "starling roster has a note of eta without data: $(cat err)"
for fine in "algorithm.eta=0.1" "algorithm.eta=9 --set algorithm.smoothness=0.1" "algorithm.eta=9 --set model.name=mlp:4"; do
	# shellcheck disable=SC2086
	"$starling" sim --topology ring:3 $soft --set $fine > out 2> err || :
	! grep -q 'eta = ' err || fail "a note of eta with $fine: $(cat err)"
done
ok "an eta above 2/L of the data is said, where the model is convex and the data are here"

make_run bad complete:4 --set run.rounds=100000 --set algorithm.gamma=0.9 --set 'compress.pipeline=topk:0.05 | float32 | raw' --set checkpoint.every=10 --set run.round_timeout=never
expect 1 "$starling" up bad --plain --set run.on_divergence=stop
says err 'diverged and ended with exit code 3' 'the run diverges'
expect 1 "$starling" up bad --plain --resume --restart
says err 'diverged and ended with exit code 3' 'no checkpoint is written: the last good one is kept'
sqlite3 bad/history.db "SELECT 1 FROM event WHERE kind = 'diverging'" | grep -q 1 || fail "no event diverging"
ok "starling up ends with 1 where peers diverge, from a good checkpoint too, and starts none again"

make_run run ring:5 --set run.rounds=1000000 --set algorithm.local_steps=20 --set history.every=100 --set history.evaluate=100000
expect 0 "$build/starlingd" -n -r run/run.conf -p 0
says out 'gamma = auto' '# gamma = 0.'
before=$(sed -n 's/^# gamma = \([0-9.]*\) .*/\1/p' out)
for k in 0 1 2 3 4; do start_peer run $k; done
within 20 round_over run 4 10
[ "$(status_of run 0 gamma)" = "$before" ] || fail "peer 0 has gamma $(status_of run 0 gamma), not $before"
expect 0 "$starling" roster run --link 0:2 --link 0:3 --link 1:3 --tell
says out "gamma      auto takes 0." "instead of $before"
after=$(sed -n 's/^gamma      auto takes \([0-9.]*\) under serial 2.*/\1/p' out)
gamma_is() { [ "$(status_of run "$1" gamma)" = "$after" ]; }
for k in 0 1 2 3 4; do within 20 gamma_is $k; done
told() { [ "$(sqlite3 -readonly run/history.db "SELECT count(*) FROM event WHERE kind = 'gamma' AND detail = 'auto takes $after under roster 2, instead of $before'")" = 5 ]; }
within 20 told
round=$(status_of run 4 round)
within 20 round_over run 4 $((round + 10))
ok "gamma follows the roster at every peer"
