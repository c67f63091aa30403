#!/bin/sh
# One list of classes for a run: what labels mean never depends on which of them a file happens to hold.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# site FILE "LABEL...": 40 samples with these labels in turn; the feature at the label's place in $all is about 1.
site() {
	awk -v all="$all" -v labels="$2" 'BEGIN { n = split(labels, l, " "); m = split(all, a, " ")
		for (i = 1; i <= m; i++) at[a[i]] = i
		for (i = 0; i < 40; i++) { x = l[1 + i % n]; printf "%s", x
			for (k = 1; k <= m; k++) printf " %d:%.2f", k, (k == at[x] ? 1 : 0) + (i * 7 + k * 3) % 10 / 50
			print "" } }' > "$1"
}
all="1 2"
site site-0.svm "1 2"
site site-1.svm "1"
site site-2.svm "1"
site test.svm "1 2"
own="--topology ring:3 --set data.partition=own --set model.name=softmax --set run.rounds=100"
# shellcheck disable=SC2086 # words
expect 0 "$starling" init run $own --data libsvm:site-%d.svm --test test.svm
says out "site-0.svm to site-2.svm" "2 classes (1,2)"
says err "peer 1 (site-1.svm) has no sample of class 2; peer 2 (site-2.svm) has no sample of class 2"
grep -qx 'classes = 1,2' run/run.conf || fail "run.conf does not name the classes"
expect 0 "$starling" sim run
says out "accuracy   1.0000"
ok "a site without one of the classes learns it from the others"

# Cut apart: each site with its own files. Features are as many, so only the list tells the runs apart.
one="--topology ring:2 --set data.partition=iid --set model.name=softmax --set run.round_timeout=never --set run.link_timeout=2s"
all="0 1"
site zeros.svm "0 1"
all="1 2"
site ones.svm "1 2"
# shellcheck disable=SC2086 # words
{
	expect 0 "$starling" init zeros $one --data libsvm:zeros.svm --test zeros.svm --set run.name=sites
	expect 0 "$starling" init ones $one --data libsvm:ones.svm --test ones.svm --set run.name=sites
}
cp zeros/roster zeros/session ones/ && cp zeros/keys/* ones/keys/
sed -i "s/^operator_key = .*/$(grep '^operator_key' zeros/run.conf)/; s/^id = .*/$(grep '^id = ' zeros/run.conf)/; s/^train = .*//; s/^test = .*//" ones/run.conf
refuses() { # RUN NEIGHBOUR
	gives "$1/history.db" 1 "SELECT count(*) FROM event WHERE kind = 'frame-refused'
		AND detail LIKE 'peer $2 has another configuration: data.classes differs%'"
}
start_peer zeros 0
start_peer ones 1
within 20 refuses zeros 1
within 20 refuses ones 0
kill -TERM "$(cat zeros/0.pid)" "$(cat ones/1.pid)"
peers_end 0 20 zeros 0
peers_end 0 20 ones 1
for run in zeros ones; do
	query $run/history.db 0 "SELECT coalesce(sum(payload_rx), 0) FROM link"
done
ok "sites with {0,1} and {1,2} refuse each other"

refused() { # TEXT COMMAND...
	text=$1
	shift
	expect 2 "$@"
	says err "$text"
	one_line err
}
cp ones/data/train-1.shard zeros/data/
refused "zeros/data/train-1.shard was prepared with the classes 1,2" "$build/starlingd" -n -r zeros/run.conf -p 1
says err "zeros/run.conf:$(grep -n '^classes = ' zeros/run.conf | cut -d : -f 1): [data] classes = 0,1: "
refused "[data] classes = 1,2: zeros/data/test.shard was prepared with the classes 0,1" \
	"$build/starlingd" -n -r zeros/run.conf -p 0 --set data.classes=1,2
ok "a shard of other classes is refused at the start, with the key"

init() { "$starling" init made --topology ring:2 --set data.partition=iid --set model.name=softmax "$@"; }
made() { # TEXT ARGUMENT...: on standard output
	text=$1
	shift
	expect 0 init "$@"
	says out "$text"
	rm -r made
}
refused "every label in $work/site-1.svm is 1" init --data libsvm:site-1.svm
says err "--set data.classes="
made "2 classes (-1,1)" --data libsvm:site-1.svm --set data.classes=-1,+1
says err "no training sample of class -1: no peer can learn it"
refused "site-0.svm:2: label 2 is not in [data] classes = -1,1" init --data libsvm:site-0.svm --set data.classes=-1,1
made "2 classes (1,2)" --data libsvm:site-1.svm --test test.svm
says err "no training sample of class 2 (20 test samples)"
refused "test.svm:2: label 2 is not in [data] classes = 0,1" init --data libsvm:zeros.svm --test test.svm --set data.classes=0,1
made "2 classes (cat,dog)" --data libsvm:one:ones.svm --set data.classes=cat,dog
refused "labels=zero or libsvm:labels=one" init --data libsvm:ones.svm --set data.classes=cat,dog
made "2 classes (1,2)" --data libsvm:labels=one:ones.svm
printf 'cat\ndog\n' > names
made "2 classes (cat,dog)" --data libsvm:zero:zeros.svm --set data.classes=file:names
refused "[data] classes = a,a: 'a' is listed twice" init --data libsvm:ones.svm --set data.classes=a,a
refused "the list names 3" init --data synthetic:100,10 --set data.classes=a,b,c
refused "[data] classes = none" init --data synthetic:100,10 --set data.classes=none
made "10 features, 10 test samples" --data regression:100,10,10 --set model.name=ridge
seq -f 'class %g' 100 > names
made "100 classes (class 1,class 2" --data synthetic:2000,10,8,100 --set data.classes=file:names
ok "declared lists, and labels outside them"

expect 0 init --data synthetic:2000,10,8,100 --set data.classes=file:names --set run.rounds=2
grep -qE '^classes = list:100:[0-9a-f]{32}$' made/run.conf || fail "no digest of a long list"
expect 0 "$starling" sim made
seq -f 'class %g' 2 101 > names
expect 0 "$starling" init other --topology ring:2 --data synthetic:2000,10,8,100 --set data.partition=iid --set data.classes=file:names
cp other/data/train-0.shard made/data/
refused "made/data/train-0.shard was prepared with the classes list:100:" "$starling" sim made
ok "a list too long for the line stands there by its digest"
