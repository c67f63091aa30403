#!/bin/sh
# A fleet without secrets or data at the operator: init --remote, enrol, admit, install, shard; folders stand for hosts.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

umask 027 # as some hosts have it
# Tables of three columns in the order of each host; the classes of host 1 lack blue.
table() { # HOST CLASSES COLUMN COLUMN COLUMN
	awk -v seed="$1" -v classes="$2" -v columns="$3 $4 $5" 'BEGIN {
		srand(seed + 1); n = split(classes, class, " "); split(columns, c, " ")
		number["red"] = 0; number["green"] = 1; number["blue"] = 2
		print c[1] ",label," c[2] "," c[3]
		for (i = 0; i < 200; i++) {
			k = class[1 + int(n * rand())]
			v["height"] = 170 + 10 * number[k] + 6 * rand(); v["weight"] = 70 - 8 * number[k] + 6 * rand(); v["age"] = 40 + 9 * rand()
			printf "%.3f,%s,%.3f,%.3f\n", v[c[1]], k, v[c[2]], v[c[3]]
		}
	}' > "host$1/data.csv"
}
for h in 0 1 2 3; do mkdir "host$h"; done
table 0 "red green blue" height weight age
table 1 "red green" weight age height
table 2 "red green blue" age height weight
table 3 "red green blue" height weight age
bundles() { find op/bundles -type f -printf '%f\n' | LC_ALL=C sort | tr '\n' ' '; }
# Ports that are free here.
expect 0 "$starling" init ports --topology ring:4 --data synthetic:80,20
printf 'height\t183\t10\nweight\t65\t8\nage\n' > columns

expect 0 "$starling" init op --remote 3 --classes red,green,blue --columns columns --set model.name=softmax \
	--set run.rounds=1000000 --set history.every=50 --set checkpoint.every=50
says out "3 features, 3 classes (red,green,blue), columns by name" "starling enrol" "--admit"
[ -z "$(find op -name '*.key' ! -name operator.key)" ] || fail "init --remote made keys of peers"
[ -z "$(find op -name 'train-*')" ] || fail "init --remote made data"
if grep -rh '127\.0\.0\.1' op | grep -qv '^;'; then fail "localhost at the operator"; fi
ok "init --remote makes neither keys nor data"

refuse() { # TEXT COMMAND...
	text=$1
	shift
	expect 2 "$@"
	one_line err
	says err "$text"
}
refuse "--remote needs --classes" "$starling" init x --remote 3 --features 3
refuse "--remote needs --features" "$starling" init x --remote 3 --classes 0..2
refuse "topology ring:4 has 4 peers" "$starling" init x --remote 3 --topology ring:4 --features 3 --classes 0..2
refuse "columns names 3 columns" "$starling" init x --remote 3 --features 4 --columns columns --classes 0..2
refuse "cannot be given" "$starling" init x --remote 3 --data synthetic --features 3 --classes 0..2
printf 'a\nb\na\n' > twice
refuse "twice:3: column 'a' is in line 1 already" "$starling" init x --remote 3 --columns twice --classes 0..2
[ ! -e x ] || fail "a run was half-made"

for h in 0 1 2 3; do
	(cd "host$h" && "$starling" enrol --key identity.key --name "site-$h" --endpoint "$(endpoint_of ../ports "$h")" > request 2> /dev/null) || fail enrol
done
sed 's/ site-1 / site-9 /' host1/request > forged
refuse "forged:1: the signature is not that of this key" "$starling" roster op --admit forged
(cd host3 && "$starling" enrol --key other.key --name site-0 --endpoint tcp://site-0.example:7000 > clash 2> /dev/null) || fail enrol
expect 0 "$starling" roster op --admit host0/request
says out "admitted   site-0 at" "2 more hosts"
refuse "has the same name as site-0" "$starling" roster op --admit host3/clash
refuse "has no roster yet" "$starling" roster op --remove 0
for command in up status doctor; do
	"$starling" $command op > out 2> err && fail "$command with a roster that is not signed"
	cat out >> err
	says err "is signed when all hosts have asked to take part: starling roster op --admit"
done
expect 0 "$starling" roster op --admit host1/request host0/request
says out "1 more hosts"
[ ! -e op/roster ] || fail "a roster of two hosts"
expect 0 "$starling" roster op --admit - < host2/request
says out "signed     serial 1" "op/bundles"
[ "$(bundles)" = "site-0 site-1 site-2 " ] || fail "bundles: $(bundles)"
ok "requests are checked and collected, and the roster is signed when all are here"

install_on() { (cd "host$1" && "$starling" install "../op/bundles/site-$1" --to run --key identity.key); }
refuse "whose key is not that in identity.key" sh -c "cd host0 && '$starling' install ../op/bundles/site-1 --to run --key identity.key"
LC_ALL=C sed 's/^;eta = 0.15$/eta = 0.25 /' op/bundles/site-0 > changed
cmp -s changed op/bundles/site-0 && fail "the changed bundle is not changed"
refuse "the signature is not that of the operator" sh -c "cd host0 && '$starling' install ../changed --to run --key identity.key"
for h in 0 1 2; do
	expect 0 install_on "$h"
	says out "installed  peer $h (site-$h)" "next       starling shard"
	[ "$(stat -c %a "host$h/run" "host$h/run/keys" "host$h/run/data" "host$h/run/run.conf" | tr '\n' ' ')" = "755 700 750 644 " ] || fail "modes"
done
expect 0 "$starling" shard host0/run --data csv:host0/data.csv
says out "180 samples of 3 features, 3 classes (red,green,blue)" "20 samples held out"
expect 0 "$starling" shard host1/run --data csv:host1/data.csv
says err "note: peer 1 (data.csv) has no sample of class blue"
sed '1s/weight/mass/' host2/data.csv > mass.csv
refuse "column 'mass' is not among the 3 that the run declares" "$starling" shard host2/run --data csv:mass.csv
cut -d, -f1-3 host2/data.csv > lacks.csv
refuse "column 'weight' is missing, which the run declares as number 2 of 3" "$starling" shard host2/run --data csv:lacks.csv
sed 's/,blue,/,violet,/' host2/data.csv > violet.csv
refuse "label 'violet' is not in [data] classes" "$starling" shard host2/run --data csv:violet.csv
[ ! -e host2/run/data/train-2.shard ] || fail "refused data became a shard"
expect 0 "$starling" shard host2/run --data csv:host2/data.csv --all
says out "200 samples"
ok "each host cuts its own data: columns by name, classes that it lacks; others are refused by their names"

# The same table in another order of its columns is the same shard.
awk -F, -v OFS=, '{ print $4, $2, $1, $3 }' host0/data.csv > other.csv
cp host0/run/data/train-0.shard before
expect 0 "$starling" shard host0/run --data csv:other.csv
cmp -s before host0/run/data/train-0.shard || fail "another order of columns made another shard"
ok "the order of columns in a file does not matter"

for h in 0 1 2; do start_peer "host$h/run" "$h"; done
for h in 0 1 2; do within 60 gives "host$h/run/history.db" 1 "SELECT max(round) > 100 FROM round"; done
ok "hosts that were never at the operator's learn together"

# A fourth host, while they run; then site-1 gets another name.
expect 0 "$starling" roster op --admit host3/request
says out "admitted   site-3 as peer 3" "signed     serial 2"
expect 0 "$starling" roster op --rename 1=gate
[ "$(bundles)" = "gate site-0 site-2 site-3 " ] || fail "bundles: $(bundles)"
mv op/bundles/gate op/bundles/site-1 # install_on has one name per host
for h in 0 1 2 3; do expect 0 install_on "$h"; done
expect 0 "$starling" shard host3/run --data csv:host3/data.csv
for h in 0 1 2; do
	kill -HUP "$(cat "host$h/run/$h.pid")"
	within 30 grep -q "serial 3" "host$h/run/$h.out"
done
start_peer host3/run 3
within 60 gives host3/run/history.db 1 "SELECT max(round) > 100 FROM round"
for h in 0 1 2; do [ -s "host$h/run/data/train-$h.shard" ] || fail "install took the data of host $h away"; done
within 60 gives host1/run/history.db 1 "SELECT max(test_accuracy) > 0.8 FROM round"
ok "a host that asks later joins the run; bundles are installed over a run that goes on"

# An operator, or who has stolen that key, gets nothing run on a host, and no file read or written elsewhere.
cp op/run.conf honest.conf
for change in 's|^command = |&touch owned|' 's|^record = |&/tmp/elsewhere|' 's|^path = checkpoint|path = ../../etc|'; do
	sed "$change" honest.conf > op/run.conf
	cmp -s honest.conf op/run.conf && fail "run.conf is not changed by $change"
	expect 0 "$starling" roster op --sign
	cp host0/run/roster before
	expect 2 install_on 0
	says err "a bundle can"
	cmp -s before host0/run/roster || fail "a refused bundle changed the roster"
done
cp honest.conf op/run.conf
ok "a bundle with a command or with paths elsewhere is refused, and changes nothing"

# What the operator holds: no secret of a host, no sample.
for h in 0 1 2 3; do
	secret=$(grep -o '[0-9a-f]\{64\}' "host$h/run/keys/$h.key")
	[ -n "$secret" ] || fail "host $h has no key"
	if grep -rq "$secret" op; then fail "the secret key of host $h is at the operator's"; fi
done
[ -z "$(find op -name '*.key' ! -name operator.key)$(find op -name 'train-*')" ] || fail "keys or data at the operator's"
[ "$(stat -c %s op/data/test.shard)" -lt 200 ] || fail "samples at the operator's"
ok "no secret and no sample at the operator's"
for h in 0 1 2 3; do kill "$(cat "host$h/run/$h.pid")"; done
for h in 0 1 2 3; do peers_end 0 30 "host$h/run" "$h"; done
expect 0 "$starling" predict host0/run --peer 0 --data csv:host0/data.csv
cp out first
grep -q 'accuracy 0\.[89]\|accuracy 1,' err || fail "the model does not know this host's data: $(cat err)"
expect 0 "$starling" predict host0/run --peer 0 --data csv:other.csv
cmp -s first out || fail "predict depends on the order of columns"
expect 2 "$starling" predict host0/run --peer 0 --data csv:mass.csv
ok "predict puts samples into the same columns"

# A hosts file instead of a number: numbers of peers follow from its order, whoever asks first; two of the hosts are dial-only.
printf 'gw-0 site-0 tcp://a.example:7000 # as starling deploy takes it\ngw-1 north dial-only\nroot@gw-2 site-2 tcp://b.example:7000\ngw-3 south dial-only\n' > hosts
listed() { "$starling" init "$1" --remote "$2" --classes 0..1 --features 3 --set model.name=softmax; }
refuse "--remote nobody: neither a number of hosts nor a file that lists them" listed x nobody
refuse "--remote 1: must be 2 to" listed x 1
echo "gw-0 site-0 tcp://a.example:7000" > one
refuse "--remote one: must be 2 to" listed x one
echo "gw-0 0 tcp://a.example:7000" > number
refuse "number:1: '0': must be a name" listed x number
echo "gw-0 site-0" > bare
refuse "bare:1: peer 'site-0' has no endpoint: write HOST NAME ENDPOINT" listed x bare
sed 's/b.example/a.example/' hosts > shared
refuse "shared:3: 'site-2' has the same endpoint as 'site-0'" listed x shared
sort -k 3 hosts > unreachable
refuse "north and south are neighbours in ring:4, and both dial-only" listed x unreachable
[ ! -e x ] || fail "a run was half-made"
expect 0 listed run hosts
says out "ring:4: 4 peers" "ENDPOINT, both as listed"
expect 0 "$starling" deploy run --hosts run/hosts -o deployed
says out "4 hosts have yet to ask"
ask() { "$starling" enrol --key "$1.key" --name "$1" --endpoint "$2" > "$1.request" 2> err || fail "enrol $1"; }
ask south dial-only
ask north tcp://a.example:7001
ask site-9 tcp://c.example:7000
refuse "site-9: is not listed in run/hosts" "$starling" roster run --admit site-9.request
refuse "run/hosts lists dial-only: correct that line" "$starling" roster run --admit north.request
expect 0 "$starling" roster run --admit south.request
says out "3 more hosts (site-0, north, site-2)"
ask north dial-only
ask site-0 tcp://a.example:7000
ask site-2 tcp://b.example:7000
expect 0 "$starling" roster run --admit north.request site-2.request site-0.request
[ "$(sed -n 's/^peer \([0-9] [^ ]* [^ ]*\) .*/\1/p' run/roster | tr '\n' ',')" = \
	"0 site-0 tcp://a.example:7000,1 north dial-only,2 site-2 tcp://b.example:7000,3 south dial-only," ] || fail "$(cat run/roster)"
expect 0 "$starling" roster run --admit site-9.request
says out "admitted   site-9 as peer 4"
expect 0 "$starling" deploy run --hosts run/hosts -o deployed
says out "4 peers on 4 hosts, serial 2"
ok "a hosts file: only listed hosts, in its order, are in the first roster; starling deploy takes the same file"
