#!/bin/sh
# A model of more than a million parameters: its passes are shared by threads, with the bits of one thread and of the simulator;
# and while a pass is under way, status, metrics and the watchdog are served.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-8}
expect 0 "${CC:-cc}" -std=c99 -O1 -I "$root/lib/trainer" -o trainer "$root/tests/trainer/large.c" -lm
DIMENSION=1200000
export DIMENSION
train() { # RUN K
	STARLING_TRAINER=$work/$1/trainer/$2 ./trainer > "$1/$2.trainer" 2>&1 &
	pids="$pids $!"
}
settings="--set algorithm.lambda=1e-6 --set run.round_timeout=never"

# The frames of the second one are long, too: as many bytes as the model has.
for pipeline in "topk:0.01|dither:16|golomb" "all|float32|raw"; do
	# shellcheck disable=SC2086 # words
	expect 0 "$starling" init run --topology ring:3 --trainer "$work/trainer" --set run.rounds="$rounds" $settings \
		--set checkpoint.every=3 --set compress.pipeline="$pipeline"
	for k in 0 1 2; do
		start_peer run $k --set limits.threads=$((k + 1))
		train run $k
	done
	peers_end 0 120 run 0 1 2
	expect 0 "$starling" sim run --trainers 1
	same_models run/history.db 3
	same_rows run/history.db $((3 * rounds))
	rm -r run
	ok "$pipeline: peers with one, two and three threads, and the simulator, end with the same bits"
done

# A built-in model of 1.1 million parameters, since a recording holds no answers of a trainer.
expect 0 "$starling" init fed --topology ring:3 --data synthetic:640,160 --set model.name=mlp:30000 --set run.rounds=9 \
	--set run.round_timeout=never --set history.evaluate=4 --set checkpoint.every=2 --set run.record=recorded --set limits.threads=2
for k in 0 1 2; do start_peer fed $k; done
within 60 test -s fed/checkpoint/1.0
kill -KILL "$(cat fed/1.pid)"
wait "$(cat fed/1.pid)"
start_peer fed 1
peers_end 0 120 fed 0 1 2
expect 0 "$starling" sim fed
same_models fed/history.db 3
for recording in fed/recorded-*; do
	expect 0 "$starling" sim fed --replay "$recording"
	says out "all actions are identical"
done
ok "a kill -9 changes no bit, and recordings replay"

# shellcheck disable=SC2086
expect 0 "$starling" init held --topology ring:3 --trainer "$work/trainer" --set run.rounds=100000 $settings
# shellcheck disable=SC2016 # perl's variables
background perl -MIO::Socket::UNIX -MSocket -e '$| = 1; $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die;
	print "$m\n" while defined $s->recv($m, 4096)' "$work/notify"
within 5 test -S notify
ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 LD_PRELOAD=$build/tests/pass.so PASS=$work/pass WATCHDOG_USEC=200000 \
	NOTIFY_SOCKET=$work/notify start_peer held 0 --set metrics.listen="unix:$work/metrics"
for k in 1 2; do start_peer held $k; done
for k in 0 1 2; do train held $k; done
within 60 round_over held 0 1
touch pass
within 60 test -e pass.reached
# From here on the peer is in the middle of a pass, until the file is removed.
fed() { grep -cx WATCHDOG=1 background; }
fed_more() { [ "$(fed)" -gt "$1" ]; }
before=$(fed)
within 10 fed_more "$before"
first=$(round_of held 0)
for _ in 1 2 3; do [ "$(round_of held 0)" = "$first" ] || fail "its rounds go on"; done
/usr/bin/python3 - "$work/metrics" > out <<'END' || fail "no metrics"
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect(sys.argv[1])
s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
while piece := s.recv(65536):
    sys.stdout.write(piece.decode())
END
says out "HTTP/1.1 200 OK" "starling_parameters{" 'starling_phase{run="held",peer="0",phase="computing"} 1'
test -e pass || fail "the pass was not held until then"
before=$(fed)
within 10 fed_more "$before"
ok "in the middle of a pass status and metrics are served, and the watchdog is fed"

rm pass
within 60 round_over held 0 "$first"
ok "and the pass goes on"

rm pass.reached
touch pass
within 60 test -e pass.reached
asked() {
	kill -TERM "$1" 2> /dev/null
	gone "$1"
}
within 20 asked "$(cat held/0.pid)"
ends 1 10 "$(cat held/0.pid)"
for k in 1 2; do kill -TERM "$(cat held/$k.pid)"; done
peers_end 0 60 held 1 2
ok "a second signal for the end is heeded in the middle of a pass"
