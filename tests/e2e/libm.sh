#!/bin/sh
# Two peers, one of them with a libm that errs: what both ends must agree on depends on none. No frame is refused, and an
# average that every peer computes for itself is the same at both.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
rounds=60
ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0
export ASAN_OPTIONS

pair() { # NAME ALGORITHM PIPELINE
	expect 0 "$starling" init "$1" --topology complete:2 --data regression:200,100,40,1 --set data.partition=iid \
		--set model.name=ridge:0.01 --set algorithm.name="$2" --set "compress.pipeline=$3" --set algorithm.eta=0.05 \
		--set run.rounds=$rounds --set run.round_timeout=never --set history.evaluate=20
	start_peer "$1" 0
	LD_PRELOAD=$build/tests/libm.so start_peer "$1" 1
	peers_end 0 60 "$1" 0 1
	query "$1/history.db" "" "SELECT peer, round, kind, detail FROM event WHERE level IN ('error', 'warning')
		AND detail NOT LIKE 'a connection ended %'"
	query "$1/history.db" "2|0|0|1" "SELECT count(DISTINCT peer), sum(refused), sum(snapshots), min(frames_rx) > 0 FROM link"
	ok "$2, $3"
}

# What is sent depends on no libm either.
simulated() { # NAME
	expect 0 "$starling" sim "$1"
	same_models "$1/history.db" 2
	ok "$1: the models of the simulator"
}

# The step of a shift is computed from what the compressor promises.
pair powers diana "all | exponential-dithering:1.5,4,max | elias"
simulated powers
pair average ef-bv "topk:0.8 | qsgd:4,l2,vector,one | golomb"
query average/history.db 1 "SELECT count(DISTINCT model_digest) FROM peer"
ok "one average"
simulated average
pair contractive ef21 "all | exponential-dithering:3,3,1,contractive | elias"
simulated contractive
# Its threshold is the sender's own affair.
pair gossip choco "threshold-auto:0.1 | qsgd:8 | context"
