#!/bin/sh
# starling init: what it makes, what it refuses, and that nothing is ever half-made.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
small="--data synthetic:400,100"

# shellcheck disable=SC2086 # two words
expect 0 "$starling" init run --topology ring:4 $small --set run.rounds=7
says out "4 peers" "400 samples" "100 test samples" "starling up run"
for f in run.conf roster session operator.key keys/0.key keys/3.key data/test.shard; do
	[ -s "run/$f" ] || fail "init made no $f"
done
[ ! -e run/keys/4.key ] || fail "a key too many"
for f in run/operator.key run/keys/0.key; do
	[ "$(stat -c %a $f)" = 600 ] || fail "$f can be read by others"
done
open=$(find run -type f ! -name roster -perm /007)
[ -z "$open" ] || fail "other users may read $open"
[ "$(stat -c %a run run/keys run/data run/data/train-0.shard run/data/test.shard | tr '\n' ' ')" = "750 700 750 640 640 " ] ||
	fail "modes: $(stat -c '%a %n' run run/keys run/data run/data/*)"
grep -qx 'rounds = 7' run/run.conf || fail "run.conf does not hold what --set said"
grep -qx 'name = run' run/run.conf || fail "the run is not called as its folder"
[ "$(grep -c '^peer ' run/roster)" -eq 4 ] || fail "the roster does not list four peers"
[ "$(grep '^peer ' run/roster | cut -d ' ' -f 4 | sort -u | wc -l)" -eq 4 ] || fail "two peers share an endpoint"
tail -n 1 run/roster | grep -q '^signature [0-9a-f]\{128\}$' || fail "the roster is not signed"
ok "init makes configuration, roster, keys and data"

expect 1 "$starling" status run
says out "not running"
ok "a run that was made is not running"

mkdir empty
# shellcheck disable=SC2086
expect 0 "$starling" init empty/ --topology ring:3 $small
ok "an empty folder may become a run"

# shellcheck disable=SC2086
{
	expect 0 "$starling" init again --topology ring:4 $small --set run.rounds=7 --set run.name=run
	for k in 0 1 2 3; do
		cmp -s run/data/*"$k.shard" again/data/*"$k.shard" || fail "the same seed cut other shards"
	done
	expect 0 "$starling" init other --topology ring:4 $small --set run.seed=2
	expect 1 cmp run/data/*0.shard other/data/*0.shard # 0: another seed cut the same shards; 2: there are none
}
ok "shards follow from the seed"

printf '1 1:0.5 3:1\n-1 2:1\n1 1:0.25\n-1 3:2 4:1\n1 2:1\n-1 1:1 2:3\n1 3:1\n-1 2:2\n1 1:1\n-1 4:1\n' > all.svm
expect 0 "$starling" init libsvm --topology ring:3 --data libsvm:all.svm --set data.partition=iid --set model.name=softmax
says out "9 samples of 4 features, 2 classes (-1,1); 1 test samples held out"
for k in 0 1 2; do head -n $((k + 4)) all.svm > "part-$k.svm"; done
echo '1 6:2' > test.svm
expect 0 "$starling" init own --topology ring:3 --data 'libsvm:part-%d.svm' --test test.svm \
	--set data.partition=own --set model.name=softmax
says out "15 samples of 6 features" "4 to 6 samples per peer"
ok "libsvm files, cut by init or one a peer"

listing() { find . -maxdepth 1 ! -name out ! -name err ! -name before ! -name after | LC_ALL=C sort; }
refuse() { # TEXT ARGUMENTS...: exit code 2, one line that says TEXT, nothing made
	text=$1
	shift
	expect 2 "$starling" init refused "$@"
	says err "$text"
	[ "$(grep -vc ' note: ' err)" -eq 1 ] || fail "more than a line about: $*"
	[ ! -s out ] || fail "output in spite of: $*"
	listing > after
	cmp -s before after || fail "something was left behind by: $*"
}
ring="--topology ring:4"
printf '1 1:nan\n' > nan.svm
printf '1 1:1\nx 2:1\n' > label.svm
printf '\0\0\010\003\0\0\0\011' > cut.idx
listing > before
# shellcheck disable=SC2086
{
	refuse "--topology SPEC is missing" $small
	refuse "ring" --topology ring:x $small
	refuse "did you mean" --topology rign:4 $small
	refuse "no-such-file" --topology file:no-such-file $small
	refuse "did you mean gamma?" $ring $small --set algorithm.gama=0.5
	refuse "gamma" $ring $small --set algorithm.gamma=0
	refuse "gamma" $ring $small --set algorithm.gamma=1.5
	refuse "section.key=value" $ring $small --set gamma
	refuse "did you mean malcom?" $ring $small --set algorithm.name=malcolm
	refuse "did you mean mlp?" $ring $small --set model.name=mpl:3
	refuse "pipeline" $ring $small --set 'compress.pipeline=topk:0.1'
	refuse "partition" $ring $small --set data.partition=dirichlett
	refuse "shards" $ring $small --set data.partition=shards:0
	refuse "samples" $ring --data synthetic:2,2
	refuse "no-such-file" $ring --data libsvm:no-such-file
	refuse "nan.svm:1" $ring --data libsvm:nan.svm --set model.name=softmax
	refuse "label.svm:2" $ring --data libsvm:label.svm --set model.name=softmax
	refuse "cut.idx" $ring --data idx:cut.idx,cut.idx
	refuse "IMAGES,LABELS" $ring --data idx:cut.idx
	refuse "%d" $ring --data libsvm:all.svm --set data.partition=own
	refuse "inside the run's folder" $ring $small --set run.keys=/tmp/elsewhere
	mkdir full && touch full/file
	expect 2 "$starling" init full $ring $small
	says err "not empty"
	[ "$(ls -A full)" = file ] || fail "init touched a folder that was not empty"
	expect 1 "$starling" init missing/run $ring $small
	says err "cannot create"
}
ok "what is wrong is said in one line, and nothing is left behind"

background "$starling" init stopped --topology ring:4 --data synthetic:3000000,10
within 10 sh -c 'ls -d stopped.new-*'
kill -INT "$pid"
wait "$pid"
[ $? -eq 1 ] || fail "init did not fail when it was interrupted"
[ -z "$(find . -maxdepth 1 -name 'stopped*')" ] || fail "an interrupted init left something behind"
ok "interrupted, it leaves nothing"
