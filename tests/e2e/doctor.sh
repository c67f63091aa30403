#!/bin/sh
# starling doctor: a healthy run has no fault; each planted misconfiguration is named.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
apart -n
ip link set lo up
doctor() { "$starling" doctor run "$@" > out 2> err; }
# finds WHAT CODE TEXT [ARGUMENT...]: doctor exits with CODE and says TEXT.
finds() {
	what=$1 code=$2 text=$3
	shift 3
	expect "$code" "$starling" doctor run "$@"
	says out "$text"
	ok "$what"
}
fresh() { rm -rf run; make_run run ring:3; }

fresh
start_peer run 0
within 20 answers run 0
expect 0 "$starling" doctor run -p 0
says out "ok       configuration" "ok       roster" "ok       session" "ok       key 0" "ok       samples 0" "ok       disk 0" \
	"warning  peer 0" "cannot connect to"
expect 0 "$starling" doctor run --json
python3 -c 'import json, sys; sys.exit(len(json.load(open("out"))) < 10)' 2> err || command -v python3 > out && [ ! -s err ] || fail "not JSON"
stop_peers() { kill "$(cat run/0.pid)" && within 10 gone "$(cat run/0.pid)"; }
stop_peers
ok "a healthy peer has no fault; a neighbour that does not run is a warning"

sed -i 's/^eta = .*/eta = -1/; s/^# *eta = .*/eta = -1/' run/run.conf
grep -q "^eta = -1" run/run.conf || sed -i 's/^\[algorithm\].*/&\neta = -1/' run/run.conf
finds "1 a value out of range" 1 "eta"
fresh; chmod 644 run/keys/1.key; finds "2 a key that others can read" 1 "run/keys/1.key" -p 1
fresh; cp run/keys/1.key run/keys/2.key; finds "3 the key of another peer" 1 "is not the key that the roster" -p 2
fresh; rm run/keys/1.key; finds "4 no key" 1 "fault    key 1" -p 1
fresh; rm run/data/train-1.shard; finds "5 no samples" 1 "fault    samples 1" -p 1
fresh; sed -i 's/^serial .*/serial 9/' run/roster; finds "6 a roster that is not signed" 1 "signature"
fresh; rm run/session; finds "7 no session" 0 "warning  session" -p 1
fresh; head -c 100 run/data/train-2.shard > short && cp short run/data/train-2.shard; finds "8 samples cut short" 1 "fault    samples 2" -p 2
fresh
expect 0 "$starling" roster run --endpoint 2=tcp://no-such-host.invalid:7000
finds "9 a name that does not resolve" 1 "does not resolve" -p 1
fresh
port=$(endpoint_of run 1 | sed 's/.*://')
# shellcheck disable=SC2016 # perl's variables
background perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => $ARGV[0]) or die;
	print "ready\n"; close STDOUT; sleep' "$port"
within 10 grep -q ready background
finds "10 a port that another process has" 1 "is used by another process" -p 1
kill "$pid"
fresh
expect 0 "$starling" roster run --endpoint 1=tcp://192.0.2.1:7000
finds "11 an address of another host, unreachable" 0 "is no address of this host" -p 1
finds "12 a neighbour without a route" 0 "cannot connect to tcp://192.0.2.1:7000: Network is unreachable" -p 2
expect 2 "$starling" doctor
says err "RUN is missing"
ok "without a run it says what is missing"
