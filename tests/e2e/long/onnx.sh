#!/bin/sh
# Exported networks, by Debian's python3-onnx and python3-numpy: the checker takes them, and numpy says the same.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
python=${PYTHON:-/usr/bin/python3}
if ! $python -c 'import onnx, numpy' 2> /dev/null; then
	echo "skipped: $python has no onnx (apt-get install python3-onnx)"
	exit 0
fi

$python "$root/tests/published/onnx_model.py" data .
for spec in softmax mlp:7,5 conv:4x3,pool:2,6x2p1,mean:2,9 conv:in:4x5x5,3x3s2p1,2x2 conv:3x4; do
	name=$(echo "$spec" | tr ':,' '--')
	expect 0 "$starling" init "$name" --topology ring:3 --data "idx:images,labels" --set model.name="$spec" --set run.rounds=15 \
		--set data.partition=iid
	expect 0 "$starling" sim "$name" --models
	expect 0 "$starling" export "$name" -o "$name.onnx"
	expect 0 "$starling" export "$name" -o "$name.npz"
	expect 0 "$starling" predict "$name" --data "idx:images,labels"
	mv out "$name.csv"
	$python "$root/tests/published/onnx_model.py" check "$name.onnx" "$name.npz" "$name.csv" . || fail "$spec"
	ok "$spec"
done
