#!/bin/sh
# In lockstep, real daemons and the simulator end with the same models bit for bit, and send the same bytes in every
# round: for every algorithm, on a ring and on a torus.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
rounds=25

both() { # RUN PEERS ARGUMENTS...
	run=$1
	peers=$2
	shift 2
	expect 0 "$starling" up "$run" --plain "$@"
	expect 0 "$starling" sim "$run" "$@"
	same_models "$run/history.db" "$peers"
	same_rows "$run/history.db" $((peers * rounds))
	query "$run/history.db" "" "SELECT peer, round, kind, detail FROM event WHERE level IN ('error', 'warning')
		AND detail NOT LIKE 'a connection ended %'"
}

for shape in ring:8 torus:4x4; do
	peers=8
	[ $shape = ring:8 ] || peers=16
	make_run "$shape" $shape --set run.rounds=$rounds
	for algorithm in malcom choco dpsgd; do
		dense=
		[ $algorithm != dpsgd ] || dense="all | float32 | raw"
		both "$shape" "$peers" --set algorithm.name=$algorithm ${dense:+--set "compress.pipeline=$dense"}
		ok "$algorithm on $shape"
	done
	both "$shape" "$peers" --set 'compress.pipeline=topk:0.1 | qsgd:4 | elias' --set algorithm.momentum=0.5 \
		--set model.name=softmax
	ok "softmax with momentum through another pipeline on $shape"
	both "$shape" "$peers" --set model.name=conv:in:4x8,4x3p1,pool:2,6x2,mean:1,8
	ok "a convolutional network on $shape"
	robust=clip:1
	[ $shape = ring:8 ] || robust=trim:1
	both "$shape" "$peers" --set algorithm.robust=$robust --set algorithm.name=choco
	ok "robust mixing ($robust) on $shape"
done

expect 0 "$starling" sim ring:8 --set run.seed=2
query ring:8/history.db 8 "SELECT count(*) FROM peer AS a JOIN peer AS b USING (peer) WHERE a.model_digest <> b.model_digest
	AND a.run_id = $(newest daemon) AND b.run_id = $(newest sim)"
ok "another seed learns another model"
