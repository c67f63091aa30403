#!/bin/sh
# Eight sites learn one sparse filter of texts, without Python, in the simulator (starling up FOLDER/run does it with daemons).
# usage: run.sh FOLDER: made if it is not there; needs apt's lists (apt-get update)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
starling=${STARLING:-starling}
"$here/prepare.sh" "$1"
"$starling" init "$1/run" --topology ring:8 --data "libsvm:$1/site-%d.svm" --test "$1/test.svm" --set data.partition=own \
	--set model.name=softmax --set run.rounds=600 --set algorithm.local_steps=16 --set algorithm.batch=128 \
	--set algorithm.eta=6 --set algorithm.eta_end=0.5 --set algorithm.lambda=1e-4 --set algorithm.weigh=samples \
	--set "compress.pipeline=topk:0.1 | dither:4 | context" --set history.evaluate=100
"$starling" sim "$1/run"
sqlite3 "$1/run/history.db" "SELECT printf('accuracy %.4f, the worst peer %.4f', test_accuracy, worst_accuracy),
	printf('%.2f MB sent in all', payload_bytes / 1e6) FROM summary;
	SELECT printf('of 65538 coordinates of a model %.0f are not zero', avg(nonzero)) FROM round
	WHERE round = (SELECT max(round) FROM round) AND nonzero IS NOT NULL"
