#!/bin/sh
# Real daemons, one of either architecture, in lockstep. Frames carry the digest of the copy after them, and a receiver
# whose own copy has another refuses them: none is refused. Where gradients are sums and products of this project's own,
# the run ends with the models of the simulator, of either architecture.
# shellcheck source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
here=$build

# Peer 0 is of this architecture, peer 1 of the other; both write into one history.
run_pair() { # NAME
	build=$here start_peer "$1" 0
	build=$OTHER start_peer "$1" 1
	build=$here
	peers_end 0 300 "$1" 0 1
	query "$1/history.db" "" "SELECT peer, round, kind, detail FROM event WHERE level IN ('error', 'warning')
		AND detail NOT LIKE 'a connection ended %'"
	query "$1/history.db" "2|$((2 * rounds))" "SELECT count(DISTINCT peer), count(*) FROM round WHERE run_id = $(newest daemon)"
}

# Both ends sent, and took what the other sent: nothing was refused, and no copy had to be made anew.
both_ways() { # NAME
	query "$1/history.db" "2|0|0|1" "SELECT count(DISTINCT peer), sum(refused), sum(snapshots), min(frames_rx) > 0 FROM link
		WHERE run_id = $(newest daemon)"
}

simulated() { # NAME
	for from in "$here" "$OTHER"; do
		expect 0 "$from/starling" sim "$1"
		same_models "$1/history.db" 2
		same_rows "$1/history.db" $((2 * rounds))
		sql "$1/history.db" "DELETE FROM run WHERE driver = 'sim'"
	done
}

rounds=60
for pipeline in 'topk:0.1 | dither:16 | golomb' 'threshold-auto:0.1 | qsgd:8 | context' 'all | natural | rans' \
	'randk:0.2,one | sign | raw' 'markov:0.2 | exponential-dithering:1.5,4,max | elias'; do
	name=$(echo "$pipeline" | tr -d ' ' | tr -c 'a-z\n' -)
	expect 0 "$starling" init "$name" --topology path:2 --data regression:400,100,40,1 --set data.partition=iid \
		--set model.name=ridge:0.0025 --set algorithm.eta=0.05 --set run.rounds=$rounds --set run.round_timeout=never \
		--set history.evaluate=20 --set "compress.pipeline=$pipeline"
	run_pair "$name"
	both_ways "$name"
	simulated "$name"
	ok "$pipeline: two architectures, the models and bytes of the simulator"
done

# Gradients by BLAS and with logarithms are not the same bits on both; copies are, or frames would be refused.
rounds=40
make_run mlp path:2 --set run.rounds=$rounds --set 'compress.pipeline=topk:0.1 | dither:16 | golomb'
run_pair mlp
both_ways mlp
query mlp/history.db 2 "SELECT count(*) FROM round WHERE round = $((rounds - 1)) AND test_accuracy > 0.75"
ok "a perceptron: no frame is refused on either architecture, and both learn"
