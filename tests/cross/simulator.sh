#!/bin/sh
# Every algorithm, simulated on both architectures: the same models and the same bytes in every round, bit for bit. The
# model is ridge regression, whose gradients are sums and products of this project's own (no BLAS, no libm).
# OTHER: a folder with starling for, or of, the other architecture.
# shellcheck source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
rounds=30

# What a run with this name was: of every peer the model, of every round the losses and the bytes.
rows() { # DB
	sql "$1" "SELECT peer, hex(model_digest) FROM peer ORDER BY peer"
	sql "$1" "SELECT peer, round, train_loss, test_loss, nonzero, disagreement, payload_tx, payload_rx FROM round
		ORDER BY peer, round"
}

simulate() { # WHERE-FROM FOLDER ARGUMENTS...
	from=$1
	db=$2/history.db
	mkdir -p "$2"
	shift 2
	expect 0 "$from/starling" sim --history "$db" --set data.format=regression:200,100,40,1 \
		--set data.partition=iid --set run.rounds=$rounds --set run.round_timeout=never --set history.evaluate=10 "$@"
}

same() { # NAME ARGUMENTS...
	name=$1
	shift
	simulate "$build" "here-$name" "$@"
	simulate "$OTHER" "there-$name" "$@"
	rows "here-$name/history.db" > here
	rows "there-$name/history.db" > there
	[ "$(wc -l < here)" -ge $rounds ] || fail "$name: no rows"
	cmp here there > "$work/out" || fail "$name differs"
	ok "$name"
}

expect 0 "$starling" list algorithms
awk '/^  [a-z]/ { name = $1; sub(/\[.*/, "", name) }
	/^ *needs: / {
		select = /unbiased/ ? "randk:6" : /contractive/ ? "topk:6" : "all"
		print name, (/complete graph/ ? "complete:5" : "ring:5"), select
	}' out > cases
[ "$(wc -l < cases)" -eq "$(find "$root/lib/gossip/algorithms" -name '*.c' | wc -l)" ] || fail "the list lacks algorithms"
while read -r algorithm graph select; do
	same "$algorithm" --topology "$graph" --set model.name=ridge:0.01 --set algorithm.name="$algorithm" \
		--set compress.pipeline="$select | float32 | raw" --set algorithm.eta=0.02 --set algorithm.convexity=0.01
done < cases
