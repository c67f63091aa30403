#!/bin/sh
# Three algorithms as real daemons, and the same runs simulated: models, losses and payload bytes of every peer and round
# agree bit for bit, and the models are near the minimum.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
agree() { # NAME TOPOLOGY PEERS ALGORITHM PIPELINE SETTING...
	name=$1 topology=$2 peers=$3 algorithm=$4 pipeline=$5
	shift 5
	expect 0 "$starling" init "$name" --topology "$topology" --data regression:400,400,40,1 --set data.partition=iid \
		--set model.name=ridge:0.0025 --set algorithm.name="$algorithm" --set compress.pipeline="$pipeline" \
		--set run.round_timeout=never --set run.rounds=300 --set history.evaluate=100 --set algorithm.local_steps=1 \
		--set algorithm.batch=1000 --set algorithm.eta_schedule=constant --set algorithm.lambda=0 "$@"
	expect 0 "$starling" up "$name" --plain
	expect 0 "$starling" sim "$name"
	same_models "$name/history.db" "$peers"
	same_rows "$name/history.db" $((peers * 300))
	# All that was sent came to somebody.
	query "$name/history.db" 1 "SELECT sum(payload_tx) = sum(payload_rx) AND min(payload_tx) > 0 FROM round
		WHERE run_id = $(newest daemon) AND round = 299"
	# Half the noise's variance is what the best model leaves: it was 20 and more at the start.
	query "$name/history.db" 1 "SELECT count(test_loss) = 2 * $peers AND max(test_loss) < 0.8 AND min(test_loss) > 0.4
		FROM round WHERE round = 299"
	ok "$algorithm on $topology: daemons and simulator agree bit for bit, near the minimum"
}

agree diana complete:10 10 diana "randk:10 | float32 | raw" --set algorithm.eta=0.1
query diana/history.db 1 "SELECT count(DISTINCT model_digest) FROM peer"
ok "ten peers, one average"
agree beer ring:8 8 beer "topk:10 | float32 | raw" --set algorithm.eta=0.1 --set algorithm.gamma=0.3
agree lead ring:8 8 prox-lead "all | dither:4 | golomb" --set algorithm.eta=0.1 --set algorithm.gamma=1

expect 2 "$starling" init no --topology ring:8 --data regression --set data.partition=iid --set model.name=ridge \
	--set algorithm.name=diana --set "compress.pipeline=randk:10 | float32 | raw"
says err "use topology complete:N"
ok "what needs every peer is refused on a ring"

# Graphs that change from round to round, or have directions.
cat > lopsided.graph << END
peers 6
arc 0 1
arc 1 2
arc 2 0
arc 0 3
arc 3 4
arc 4 5
arc 5 0
arc 5 1
arc 2 1
END
agree hypercube one-peer-hypercube:8 8 dpsgd "all | float32 | raw" --set algorithm.eta=0.1
agree base base:6,2 6 choco "topk:10 | float32 | raw" --set algorithm.eta=0.1 --set algorithm.gamma=0.3
agree exponential one-peer-exponential:6 6 deepsqueeze "topk:20 | float32 | raw" --set algorithm.eta=0.02 --set algorithm.gamma=0.1
agree lopsided file:lopsided.graph 6 push-sum "all | float32 | raw" --set algorithm.eta=0.1 --set algorithm.gamma=1
# One neighbour a round instead of two: half the bytes, and no more.
agree ring ring:8 8 dpsgd "all | float32 | raw" --set algorithm.eta=0.1
per_round() { sql "$1/history.db" "SELECT sum(payload_tx) FROM round WHERE run_id = $(newest daemon) AND round = 299"; }
[ $((2 * $(per_round hypercube))) = "$(per_round ring)" ] || fail "bytes: $(per_round hypercube) and $(per_round ring)"
ok "one neighbour a round costs half the bytes of a ring"
expect 2 "$starling" init no2 --topology file:lopsided.graph --data regression --set data.partition=iid --set model.name=ridge \
	--set run.round_timeout=never
says err "use push-sum"
expect 2 "$starling" init no3 --topology one-peer-hypercube:8 --data regression --set data.partition=iid --set model.name=ridge \
	--set algorithm.name=prox-lead
says err "needs the same neighbours in every round"
expect 2 "$starling" init no4 --topology directed-ring:4 --data regression --set data.partition=iid --set model.name=ridge
says err "round_timeout = never"
ok "what a changing or directed graph cannot carry is refused"
