#!/bin/sh
# A roster is what the operator signed, to the byte, or no peer starts: exit code 2 and one line.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
make_run run ring:4 --set run.rounds=5
cp run/roster good

# refused TEXT: neither a daemon nor up nor sim starts with the roster as it is now.
refused() {
	for command in "$build/starlingd -r run/run.conf -p 1" "$build/starlingd -n -r run/run.conf -p 1" "$starling up run" \
		"$starling sim run"; do
		ls -AR run > before
		# shellcheck disable=SC2086 # words
		expect 2 timeout 60 $command
		says err "run/roster" "$1"
		one_line err
		[ ! -s out ] || fail "output in spite of a refused roster: $command"
		ls -AR run > after
		cmp -s before after || fail "something was made: $command"
	done
}
tamper() { sed "$1" good > run/roster; }

tamper 's/^serial 1$/serial 2/'
refused "signature"
ok "a changed serial"
tamper 's/^\(peer 2 .*\)0$/\11/;t;s/^\(peer 2 .*\)[0-9a-f]$/\10/'
refused "signature"
ok "a changed key"
tamper 's/^\(peer 1 [^ ]* tcp:..127.0.0.1:\)[0-9]*/\11/'
refused "signature"
ok "a changed endpoint"
tamper 's/^\(edge 0 1\) .*/\1 0.5/'
refused "signature"
ok "a changed weight"
sed '$d' good > run/roster
refused "signature"
ok "no signature"
head -c 300 good > run/roster
refused "run/roster:"
ok "a cut roster"
expect 0 "$starling" init other --topology ring:4 --data synthetic:640,160
cp other/roster run/roster
refused "signature"
ok "a roster that another operator signed"
rm run/roster
refused "No such file"
ok "no roster"

cp good run/roster
key=$(sed -n 's/^operator_key = //p' run/run.conf)
cp run/run.conf conf
sed "s/^operator_key = .*/operator_key = $(echo "$key" | tr 0-9 1-90)/" conf > run/run.conf
refused "signature"
cp conf run/run.conf
expect 0 "$starling" up run --plain
ok "the true one"

# What leads nowhere is not signed.
# unsigned WHY ENDPOINT...
unsigned() {
	why=$1
	shift
	for endpoint; do
		expect 2 "$starling" roster run --endpoint "1=$endpoint"
		says err "--endpoint: endpoint '$endpoint' $why"
		one_line err
		expect 2 "$starling" roster run --add "$endpoint"
		says err "--add: endpoint '$endpoint' $why"
		one_line err
	done
}
cp run/roster good
unsigned "is an address to listen at, not one to connect to; give the address or name of this host, such as tcp://192.0.2.7:7000" 'tcp://*:7000'
unsigned "means all addresses of a host" tcp://0.0.0.0:7000 'tcp://[::]:7000'
unsigned "needs brackets around its IPv6 address, such as tcp://[::1]:7000" tcp://::1:7000
unsigned "contains an interface or a source address" 'tcp://eth0;127.0.0.1:7000'
unsigned "must be tcp://ADDRESS:PORT, ipc://PATH or dial-only, at most 191 characters" 127.0.0.1:7000
expect 2 "$starling" roster run --add "tcp://$(printf '%0200d' 1):7000"
says err "at most 191 characters"
cmp -s run/roster good || fail "something was signed"
for key in run/keys/*; do
	case ${key##*/} in *[!0-9]*.key | .key) fail "a key was left over: $key" ;; [0-9]*.key) ;; *) fail "left over: $key" ;; esac
done
ok "endpoints that lead nowhere are refused when signing"

# Advice that can be followed.
expect 0 "$starling" keygen -o elsewhere.key
expect 0 "$starling" keygen --public elsewhere.key
expect 0 "$starling" roster run --add tcp://192.0.2.9:7000 --key "$(cut -d ' ' -f 1 out)"
says out "added      peer 4 at tcp://192.0.2.9:7000: copy its data (data/train-4.shard) to its host, and start it with the key file of this public key"
expect 0 "$starling" roster run --add tcp://192.0.2.10:7000
says out "added      peer 5 at tcp://192.0.2.10:7000: copy keys/5.key and its data (data/train-5.shard) to its host, and start it"
[ ! -e run/keys/4.key ] && [ -e run/keys/5.key ] || fail "not the keys that it names"
ok "who was added is told of the key that there is"

# A roster is for one run, and none is followed by an older one.
refused_start() { # TEXT: of peer 0, and exit code 2
	expect 2 "$build/starlingd" -r old/run.conf -p 0
	says err "$1"
	one_line err
}
make_run old ring:4 --set run.rounds=1000000 --set run.period=5ms --set run.link_timeout=1s
cp old/roster serial-1
expect 0 "$starling" roster old --rotate 1
cp old/roster serial-2
start_peer old 0
within 20 test -s old/serial.0
kill -TERM "$pid"
peers_end 0 20 old 0
cp serial-1 old/roster
refused_start "roster: its serial 1 is below 2, which was in force here (old/serial.0): an older roster was restored"
[ ! -e old/checkpoint ] || fail "there is a checkpoint: it would have refused too"
cp serial-2 old/roster
expect 0 "$starling" roster old --sign
cp old/roster serial-3
start_peer old 0
within 20 grep -q '^serial 3 ' old/serial.0
cp serial-2 old/roster
kill -HUP "$pid"
within 20 grep -q 'its serial 2 is below 3' old/0.out
cp serial-3 old/roster
expect 0 "$starling" roster old --sign
kill -HUP "$pid"
within 20 grep -q '^serial 4 ' old/serial.0
kill -TERM "$pid"
peers_end 0 20 old 0
cp serial-3 old/roster
refused_start "its serial 3 is below 4"
ok "an older roster is refused, also without checkpoints"

cp -r old other-run
rm other-run/serial.*
sed -i 's/^id = .*/id = 00112233445566778899aabbccddeeff/' other-run/run.conf
for command in "$build/starlingd -r other-run/run.conf -p 0" "$starling up other-run" "$starling roster other-run --sign" "$starling sim other-run"; do
	# shellcheck disable=SC2086 # words
	expect 2 $command
	says err "roster: is the roster of run " "but [run] id = 00112233445566778899aabbccddeeff: another run's roster, signed by the same operator"
done
sed -i '/^id = /d' other-run/run.conf
expect 2 "$starling" up other-run
says err "[run] id is missing: add id = $(sed -n 's/^id = //p' old/run.conf) if this is that run"
ok "the roster of another run is refused, though operator and keys are the same"
