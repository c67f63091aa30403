#!/bin/sh
# Stops and new starts: a peer goes on from its newest checkpoint, also where its journal is full because a neighbour has
# been away for longer than it reaches; from the older one where the newest is not its own; and a model that has left its
# bounds replaces none. What cannot be used is kept under another name.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# number RUN K G: the number in that file; 0 where there is none.
number() {
	[ -s "$1/checkpoint/$2.$3" ] || { echo 0; return; }
	od -An -tu8 -j16 -N8 "$1/checkpoint/$2.$3" | tr -d ' '
}
# newest RUN K: which generation it is / both RUN K: there are two
newest() { if [ "$(number "$1" "$2" 0)" -gt "$(number "$1" "$2" 1)" ]; then echo 0; else echo 1; fi; }
both() { [ -s "$1/checkpoint/$2.0" ] && [ -s "$1/checkpoint/$2.1" ]; }
said() { grep -qF -- "$3" "$1/$2.out"; }
# stop RUN K...: as a reboot does.
stop() {
	run=$1
	shift
	for k; do kill -TERM "$(cat "$run/$k.pid")"; done
	peers_end 0 20 "$run" "$@"
}
# resume RUN K...: each goes on from its newest checkpoint.
resume() {
	run=$1
	shift
	for k; do
		g=$(newest "$run" "$k")
		echo "resumed-from-checkpoint: generation $g, number $(number "$run" "$k" "$g"), at round " > "$run/$k.wanted"
		: > "$run/$k.out"
		start_peer "$run" "$k"
	done
	for k; do
		within 20 said "$run" "$k" resumed-from-checkpoint
		said "$run" "$k" "$(cat "$run/$k.wanted")" || fail "not $(cat "$run/$k.wanted"): $(cat "$run/$k.out")"
		said "$run" "$k" checkpoint-refused && fail "refused: $(cat "$run/$k.out")"
		within 60 round_over "$run" "$k" "$(sed -n 's/.*resumed-from.*, at round \([0-9]*\)$/\1/p' "$run/$k.out")"
	done
}
small="--set model.name=softmax --set run.rounds=100000000 --set checkpoint.every=20 --set history.every=100
	--set history.evaluate=0 --set run.catch_up=100000000"

# A journal reaches back a few hundred frames here.
# shellcheck disable=SC2086 # words
make_run away ring:3 $small --set run.round_timeout=0.2s --set run.link_timeout=1s
for k in 0 1 2; do start_peer away $k; done
within 20 both away 2
kill -KILL "$(cat away/2.pid)"
wait "$(cat away/2.pid)" 2> /dev/null
for k in 0 1; do within 60 round_over away $k $(($(round_of away $k) + 700)); done
stop away 0 1
resume away 0 1
ok "both peers of a ring of three stop and start again while the third is away"
start_peer away 2
within 20 said away 2 resumed-from-checkpoint
within 60 round_over away 2 700
stop away 0 1 2
resume away 0 1 2
ok "it is back, and all three stop and start again"
stop away 0 1 2

# shellcheck disable=SC2086
make_run free ring:3 $small --set run.pace=free
for k in 0 1 2; do start_peer free $k; done
for k in 0 1 2; do within 60 round_over free $k 700; done
stop free 0 1 2
resume free 0 1 2
ok "where nobody waits"
stop free 0 1 2

# Duals that nobody else holds, and nobody waits in vain; the file is a good one, only not this peer's.
# shellcheck disable=SC2086
make_run foreign ring:3 $small --set algorithm.name=lead --set 'compress.pipeline=all | dither:16 | golomb'
for k in 0 1 2; do start_peer foreign $k; done
for k in 0 1 2; do within 20 both foreign $k; done
for k in 0 1; do
	kill -KILL "$(cat foreign/$k.pid)"
	wait "$(cat foreign/$k.pid)" 2> /dev/null
done
g=$(newest foreign 0)
cp foreign/checkpoint/1."$(newest foreign 1)" theirs
cp theirs foreign/checkpoint/0."$g"
before=$(number foreign 0 $((1 - g)))
start_peer foreign 0
start_peer foreign 1
within 20 said foreign 0 "resumed-from-checkpoint: generation $((1 - g)), number $before, at round "
said foreign 0 "checkpoint-refused: generation $g, number " || fail "not refused: $(cat foreign/0.out)"
said foreign 0 "belongs to peer 1" || fail "why: $(cat foreign/0.out)"
within 20 said foreign 0 "is kept as "
cmp -s theirs foreign/checkpoint/0.aside-1 || fail "it was not kept: $(ls foreign/checkpoint)"
for k in 0 1 2; do within 30 round_over foreign $k $(($(round_of foreign $k) + 50)); done
query foreign/history.db 0 "SELECT count(*) FROM event WHERE kind IN ('halted', 'mean-shift')"
stop foreign 0 1 2
ok "another peer's checkpoint: the older one is gone on from, without a new epoch; the other is kept"

# A message is sent so rarely that the model leaves its bounds long before anybody looks at it.
# (An exact run would wait for a checkpoint that cannot be made.)
make_run bounds ring:3 --set model.name=softmax --set algorithm.name=choco --set checkpoint.every=1 \
	--set 'compress.pipeline=bernoulli:0.000001,one | float32 | raw' --set algorithm.gamma=0.000001 --set limits.value=1 \
	--set algorithm.eta=1 --set algorithm.eta_schedule=constant --set run.rounds=100000000 --set run.round_timeout=30s
for k in 0 1 2; do start_peer bounds $k; done
within 30 said bounds 0 "checkpoint-unsound: "
within 20 gives bounds/history.db 1 "SELECT count(*) > 0 FROM event
	WHERE peer = 0 AND kind = 'checkpoint-unsound' AND level = 'error'"
within 20 test -s bounds/checkpoint/0.0
kill -KILL "$(cat bounds/0.pid)"
wait "$(cat bounds/0.pid)" 2> /dev/null
: > bounds/0.out
start_peer bounds 0
within 20 said bounds 0 "resumed-from-checkpoint: "
said bounds 0 checkpoint-refused && fail "a checkpoint that is of no use: $(cat bounds/0.out)"
ok "a model beyond its bounds replaces no checkpoint"
