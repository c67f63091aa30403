#!/bin/sh
# Whatever is wrong with a run's configuration: one line that says where, what was found and what would be right; exit
# code 2; and nothing made. (init.sh asks the same of starling init.)
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
make_run run ring:4 --set run.rounds=5 --set checkpoint.every=2
cp -a run good

listing() { find . -mindepth 1 ! -name out ! -name err ! -name before ! -name after ! -name texts -printf '%p %s %m %T@\n' | LC_ALL=C sort; }
# refused TEXT... -- COMMAND...: with code 2 and one line that holds every TEXT, and not a byte of a file has changed.
refused() {
	: > texts
	while [ "$1" != -- ]; do
		echo "$1" >> texts
		shift
	done
	shift
	listing > before
	expect 2 timeout 60 "$@"
	while read -r text; do says err "$text"; done < texts
	[ "$(grep -vc ' note: ' err)" -eq 1 ] || fail "more than a line about: $*"
	[ ! -s out ] || fail "output in spite of: $*"
	listing > after
	cmp -s before after || fail "something was made or changed by: $* $(diff before after)"
}
peer() { refused "$@" -- "$build/starlingd" -r run/run.conf -p 1; }
everybody() { # the text is of a file that all read
	peer "$@"
	refused "$@" -- "$build/starlingd" -n -r run/run.conf -p 0
	refused "$@" -- "$starling" up run
	refused "$@" -- "$starling" sim run
}
restore() { rm -rf run && cp -a good run; }

# edit KEY TEXT...: the line of that key becomes something else, and is named.
line_of() { grep -n "^;\{0,1\}$1 = " run/run.conf | cut -d : -f 1; }
edit() {
	key=$1
	value=$2
	shift 2
	at=$(line_of "$key")
	sed -i "$at s#.*#$value#" run/run.conf
	everybody "run/run.conf:$at: " "$@"
	restore
}
edit gamma "gama = 0.4" "unknown key" "[algorithm]" "gama" "did you mean gamma?"
edit rounds "frobnicate = 1" "unknown key" "[run]" "frobnicate"
ok "unknown keys"
edit rounds "rounds = 0" "rounds = 0" "must be between 1 and"
edit rounds "rounds = many" "rounds = many" "not a whole number"
edit eta "eta = -1" "eta = -1" "must be between"
edit eta "eta = nan" "eta = nan" "not a number"
edit round_timeout "round_timeout = 30" "round_timeout = 30" "not a duration" "30s"
edit sketch "sketch = 100000" "must be between 0 and 1024"
edit batch "batch = 4294967297" "batch" "must be between"
ok "values out of range, or no values"
edit gamma "gamma = 0" "gamma = 0" "must be above 0 and at most 1, or auto"
edit gamma "gamma = 1.01" "gamma = 1.01" "must be between 0 and 1"
edit gamma "gamma = -0.1" "gamma = -0.1" "must be above 0 and at most 1, or auto"
ok "gamma outside (0, 1]"
edit pace "pace = staleness" "staleness:S" "lockstep"
edit pipeline "pipeline = topk:0.1" "pipeline" "select | quantise | code"
edit pipeline "pipeline = topk:0.1 | dithr:4 | golomb" "did you mean dither?"
sed -i 's/^name = malcom/name = malcolm/' run/run.conf
everybody "run/run.conf:$(line_of 'name' | sed -n 2p): " "did you mean malcom?"
restore
sed -i 's/^name = mlp:16/name = mlp:0/' run/run.conf
everybody "run/run.conf:$(line_of 'name' | sed -n 3p): " "must be between 1 and"
restore
ok "names and arguments of plug-ins"
echo "rounds = 7" >> run/run.conf
everybody "run/run.conf:$(wc -l < run/run.conf): " "[privacy]" "rounds"
restore
sed -i 's/^seed = 1$/&\nseed = 2/' run/run.conf
everybody "run/run.conf:$(($(line_of seed | head -n 1) + 1)): " "already set in line"
restore
echo "[model" >> run/run.conf
everybody "run/run.conf:$(wc -l < run/run.conf): "
restore
printf 'name = %0300d\n' 1 >> run/run.conf
everybody "run/run.conf:$(wc -l < run/run.conf): "
restore
ok "lines that are no configuration"
for set in algorithm.gamma=2 algorithm.gama=0.5 run.rounds=x nothing.rounds=1; do
	refused "--set ${set%=*}: " -- "$build/starlingd" -n -r run/run.conf -p 1 --set "$set"
	refused "--set ${set%=*}: " -- "$starling" up run --set "$set"
done
ok "overrides"

# Keys that the method does not read: refused by name. What init wrote as a default is none of them.
refused "--set algorithm.local_steps: " "beer does one gradient step per round; remove it, or use" -- \
	"$build/starlingd" -n -r run/run.conf -p 0 --set algorithm.name=beer --set algorithm.local_steps=4
sed -i 's/^name = malcom/name = choco/; s/^;lambda = .*/lambda = 0.5/' run/run.conf
everybody "run/run.conf:$(line_of lambda): " "lambda = 0.5: choco has no proximal step"
restore
expect 0 "$build/starlingd" -n -r run/run.conf -p 0 --set algorithm.name=beer
grep -q '^local_steps' out && fail "a key that is not read is printed"
ok "keys that the method does not read"

refused "nowhere" "No such file" -- "$build/starlingd" -r nowhere/run.conf -p 0
refused "nowhere" "No such file" -- "$starling" up nowhere
refused "nowhere" "No such file" -- "$starling" sim nowhere
refused "-p 4" "0 to 3" -- "$build/starlingd" -r run/run.conf -p 4
for f in roster data/test.shard; do
	rm run/$f
	everybody "run/$f" "No such file"
	restore
done
rm run/data/train-1.shard
peer "run/data/train-1.shard" "No such file"
refused "run/data/train-1.shard" "No such file" -- "$starling" sim run
restore
ok "missing files"

for size in 0 20 2000; do
	truncate -s $size run/data/train-1.shard
	peer "run/data/train-1.shard: "
	refused "run/data/train-1.shard: " -- "$starling" sim run
	restore
done
cp run/keys/1.key run/data/test.shard
everybody "run/data/test.shard: "
restore
make_run wide ring:4 --data synthetic:640,160,31
cp wide/data/train-1.shard run/data/train-1.shard
peer "run/data/train-1.shard" "31 features" "32"
restore
ok "cut data, data of another shape"

rm run/keys/1.key
peer "run/keys/1.key" "No such file"
restore
chmod 640 run/keys/1.key
peer "run/keys/1.key" "0640" "chmod 600"
restore
echo "-----BEGIN PRIVATE KEY-----" > run/keys/1.key
peer "run/keys/1.key" "must be" "starling-key ed25519"
restore
cp run/keys/2.key run/keys/1.key
peer "run/keys/1.key" "the roster lists" "peer 1"
restore
sed -i 's/^operator_key = ../operator_key = zz/' run/run.conf
everybody "run/run.conf:$(line_of operator_key): " "64 hex digits"
restore
ok "keys that are missing, readable by others, no keys, or somebody else's"

# What init is given.
printf 'peers 2\nedge 0 1 1.0\n' > swap.graph
printf 'peers 3\nedge 0 1\nedge 1 3\n' > size.graph
printf 'peers 4\nedge 0 1\nedge 2 3\n' > parts.graph
printf '1 1:1\n1 2:nan\n' > nan.svm
printf '1 1:1\n1 2:1 1:3\n' > order.svm
printf '\000\000\010\003\000\000\000\012\000\000\000\002\000\000\000\002abcdefgh' > cut-images
printf '\000\000\010\001\000\000\000\012aaaaaaaaaa' > labels
printf '\000\000\010\003\000\000\000\002\000\000\000\002\000\000\000\002abcdefgh' > images
printf '\000\000\010\001\000\000\000\003abc' > labels-3
synthetic="--data synthetic:640,160"
# shellcheck disable=SC2086 # words
{
	# beta is below 2 but for this graph, so gamma * beta is, too.
	refused "swap.graph" "never reach consensus" "less than 1" -- "$starling" init new --topology file:swap.graph $synthetic --set algorithm.gamma=1
	refused "size.graph:3: " "3" -- "$starling" init new --topology file:size.graph $synthetic
	refused "parts.graph" "connected" -- "$starling" init new --topology file:parts.graph $synthetic
	refused "hypercube" "12" "power of two" -- "$starling" init new --topology hypercube:12 $synthetic
	refused "random-regular" "even" -- "$starling" init new --topology random-regular:5,3 $synthetic
	refused "torus" "torus:4x4" -- "$starling" init new --topology torus:16 $synthetic
	refused "ring" "between 2 and" -- "$starling" init new --topology ring:1 $synthetic
	refused "samples" -- "$starling" init new --topology ring:8 --data synthetic:4,4
}
ok "topologies that do not fit, gamma times beta of 2"
refused "nan.svm:2: " "nan" -- "$starling" init new --topology ring:2 --data libsvm:nan.svm
refused "order.svm:2: " -- "$starling" init new --topology ring:2 --data libsvm:order.svm
refused "cut-images: " "10" -- "$starling" init new --topology ring:2 --data idx:cut-images,labels
refused "labels-3: " "3" "2" -- "$starling" init new --topology ring:2 --data idx:images,labels-3
refused "no-such-file" "No such file" -- "$starling" init new --topology ring:2 --data libsvm:no-such-file
refused "no-such-file" "No such file" -- "$starling" init new --topology file:no-such-file
ok "data that are cut, hold no numbers, or do not belong together"

expect 0 "$build/starlingd" -n -r run/run.conf -p 1
grep -v '^#' out > printed.conf
cp printed.conf run/run.conf
cp out first
expect 0 "$build/starlingd" -n -r run/run.conf -p 1
cmp -s out first || fail "what -n prints does not parse back to itself"
expect 0 "$starling" up run --plain
ok "the right configuration prints itself, and runs"
