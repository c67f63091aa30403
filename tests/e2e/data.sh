#!/bin/sh
# How data are named on the command line, which files are read, and how samples are shared out.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
awk 'BEGIN { for (i = 0; i < 130; i++) printf "%d 1:%.2f 2:%.2f\n", i % 2 ? 1 : -1, i % 2 ? 1 : -1, i / 130 }' > all.svm
init() { "$starling" init made --topology ring:2 --set data.partition=iid --set model.name=softmax "$@"; }
made() { # TEXT ARGUMENT...: on standard output
	text=$1
	shift
	expect 0 init "$@"
	says out "$text"
	rm -r made
}
refused() { # TEXT ARGUMENT...: one line that holds the text, no path twice
	text=$1
	shift
	expect 2 init "$@"
	says err "$text"
	one_line err
	[ "$(grep -o "$work/[^:]*" err | LC_ALL=C sort | uniq -d | wc -l)" -eq 0 ] || fail "a path twice: $(cat err)"
}

cp all.svm 'a,b.svm'
cp all.svm a:b.svm
cp all.svm one:c.svm
cp all.svm 'odd%d.svm'
made "a,b.svm: 117 samples" --data 'libsvm:a,b.svm'
made "20 test samples" --data libsvm:all.svm --test "$(head -n 20 all.svm > 't,t.svm' && echo t,t.svm)"
made "a:b.svm: 117 samples" --data libsvm:a:b.svm
made "one:c.svm: 117 samples" --data libsvm:one:c.svm
made "130 test samples" --data libsvm:all.svm --test 'odd%d.svm'
ok "commas, colons and percent signs in paths"

sed 's/^-1/2/' all.svm > counted.svm
made "2 classes (1,2)" --data libsvm:one:counted.svm
made "3 classes (0..2)" --data libsvm:labels=zero:counted.svm
made "2 classes (1,2)" --data libsvm:counted.svm --set data.format=libsvm:one
refused "labels = onee: must be one of sorted|zero|one" --data libsvm:onee:all.svm
refused "all.svm:1: label -1, must be between 1 and" --data libsvm:one:all.svm
ok "arguments of a format before its files"

refused "cannot be used together" --data libsvm:all.svm --set data.format=idx
refused "cannot be used together" --data libsvm:one:all.svm --set data.format=libsvm:zero
refused "cannot be used together" --data libsvm:all.svm --set data.train=other.svm
refused "cannot be used together" --data synthetic:100,10 --set data.format=libsvm
refused "cannot be used together" --data auto --set data.format=synthetic
refused "cannot be used together" --data libsvm:all.svm --test all.svm --set data.test=other.svm
refused "[data] test = all.svm: format synthetic generates its own samples" --data synthetic:100,10 --test all.svm
refused "[data] train = all.svm: format synthetic" --set data.format=synthetic --set data.train=all.svm
ok "what contradicts itself is not decided in silence"

refused "unknown data format 'xls'; there are csv, idx, libsvm, npy, npz, regression, synthetic" --data xls:all.svm
refused "unknown data format 'xls'; there are csv, idx, libsvm, npy, npz, regression, synthetic" --set data.format=xls
refused "did you mean libsvm?" --data libsv:all.svm
refused "there are csv, idx, libsvm" --data all.svm
refused "unknown model 'tree'; there are conv, logistic, mlp" --data libsvm:all.svm --set model.name=tree
ok "unknown names come with those there are"

cp all.svm own-0.svm
: > own-1.svm
refused "$work/own-1.svm: holds no samples" --data libsvm:own-%d.svm --set data.partition=own
gzip -c own-1.svm > own-1.svm.gz && mv own-1.svm.gz own-1.svm
refused "$work/own-1.svm: holds no samples" --data libsvm:own-%d.svm --set data.partition=own
rm own-1.svm
refused "$work/own-1.svm: No such file" --data libsvm:own-%d.svm --set data.partition=own
printf '1 1:1\nx 1:1\n' > own-1.svm
refused "$work/own-1.svm:2: label 'x'" --data libsvm:own-%d.svm --set data.partition=own
gzip -c own-1.svm > own-1.svm.gz && mv own-1.svm.gz own-1.svm
refused "$work/own-1.svm:2: label 'x'" --data libsvm:own-%d.svm --set data.partition=own
: > empty
refused "$work/empty: holds no samples" --data libsvm:all.svm --test empty
refused "$work/empty: ends at byte 0" --data idx:empty,empty
cp all.svm own-1.svm
refused "[data] test = own-%d.svm: must be a path without %d, because all peers have the same test data" --data libsvm:own-%d.svm --set data.partition=own --test own-%d.svm
ok "files without samples and broken ones are named, once"

gzip -c all.svm > padded.svm && head -c 3000 /dev/zero >> padded.svm
made "117 samples" --data libsvm:padded.svm
echo x >> padded.svm
refused "$work/padded.svm: trailing bytes after the gzip data are not gzip" --data libsvm:padded.svm
ok "gzip files padded with zeros, as gzip -d takes them"

# A tenth is held out before samples are shared out, so every partition keeps its promise.
shares() { # TOPOLOGY PARTITION TEXT
	expect 0 "$starling" init made --topology "$1" --data libsvm:all.svm --set model.name=softmax --set data.partition="$2"
	says out "117 samples" "13 test samples held out" "$3"
	rm -r made
}
shares ring:39 iid "3 to 3 samples per peer"
shares ring:100 iid "1 to 2 samples per peer"
shares ring:117 iid "1 to 1 samples per peer"
shares ring:39 shards:3 "3 to 3 samples per peer"
shares ring:117 dirichlet:0.1 "1 to 1 samples per peer"
expect 2 "$starling" init made --topology ring:118 --data libsvm:all.svm --set model.name=softmax --set data.partition=iid
says err "130 samples, 13 of them held out as test data: iid: 117 samples for 118 peers"
ok "parts are equal where they should be, and as many peers as samples remain"

# Tables and arrays.
i=0
while [ $i -lt 60 ]; do
	echo "$i,$((i * i % 7)),$([ $((i % 3)) -eq 0 ] && echo 'red, dark' || echo blue)"
	i=$((i + 1))
done | sed 's/\(.*,.*\),\(red, dark\)/\1,"red dark"/; 1i width,depth,colour' > table.csv
expect 0 "$starling" init table --topology ring:3 --data csv:label=colour:table.csv --set data.partition=iid --set model.name=softmax
says out "54 samples of 2 features, 2 classes (blue,red dark); 6 test samples held out"
expect 0 "$starling" sim table --set run.rounds=3
sed '31s/,[0-9]*,/,,/' table.csv > gap.csv
expect 2 "$starling" init gap --topology ring:3 --data csv:label=colour:gap.csv
says err "gap.csv:31: column 2 ('depth'): a missing value ('')"
expect 2 "$starling" init other --topology ring:3 --data csv:table.csv
says err "no label 'label' in column 1 ('width') to column 3 ('colour')"
ok "tables: a label by name, classes by text, a missing value with its line and column"

array() { # DTYPE SHAPE: a header of 128 bytes
	printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': $2}"
}
{
	array '|u1' '(40, 2, 3)'
	head -c 240 /dev/zero | tr '\0' '\101'
} > x.npy
{
	array '|i1' '(40,)'
	i=0
	while [ $i -lt 20 ]; do
		printf '\005\377'
		i=$((i + 1))
	done
} > y.npy
expect 0 "$starling" init arrays --topology ring:3 --data npy:x.npy,y.npy --set data.partition=iid --set model.name=softmax
says out "36 samples of 6 features, 2 classes (-1,5); 4 test samples held out"
head -c 264 x.npy > short.npy
expect 2 "$starling" init short --topology ring:3 --data npy:short.npy,y.npy
says err "short.npy: ends at byte 264, its header promises 368 (40 × 6)"
ok "numpy's arrays"

# An archive of the same arrays, stored and deflated.
python=${PYTHON:-/usr/bin/python3}
expect 0 "$python" -c "import numpy as np; x, y = np.load('x.npy'), np.load('y.npy')
np.savez('stored.npz', x=x, y=y); np.savez_compressed('packed.npz', a=x, b=y, c=x[:1])"
for data in stored.npz features=a,labels=b:packed.npz; do
	expect 0 "$starling" init archive --topology ring:3 --data npz:$data --set data.partition=iid --set model.name=softmax
	says out "36 samples of 6 features, 2 classes (-1,5); 4 test samples held out"
	for k in 0 1 2; do
		cmp "arrays/data/train-$k.shard" "archive/data/train-$k.shard" || fail "$data: shard $k is not that of the arrays"
	done
	rm -r archive
done
expect 2 "$starling" init archive --topology ring:3 --data npz:packed.npz
says err "packed.npz: no array 'x'; there are: a, b, c. Use npz:features=NAME,labels=NAME:FILE"
head -c 600 stored.npz > short.npz
expect 2 "$starling" init archive --topology ring:3 --data npz:short.npz
says err "short.npz: not an .npz file, or not all of it"
ok "numpy's archives"
