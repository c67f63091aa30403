#!/bin/sh
# The daemon under the filters of its own unit, without systemd: two peers learn, write history and checkpoints, read a new roster,
# stop, and resume. long/boot.sh boots the unit for real.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
unit=$work/starlingd@.service
sed "s|@SBINDIR@|$build|" "$root/scripts/systemd/starlingd@.service" > "$unit"
inside() { "$build/tests/e2e/sandbox" "$unit" groups "$@"; }
if ! systemd-analyze syscall-filter > groups 2> /dev/null; then
	echo "skipped: systemd-analyze does not say which system calls its groups hold"
	exit 0
fi

inside true 2> err
case $? in 0) ;; 77) sed 's/^sandbox:/unit:/' err; exit 0 ;; *) fail "the sandbox does not start" ;; esac
# shellcheck disable=SC2016 # perl's variables
inside perl -e 'use Errno; $! = 0; socket($s, 17, 3, 0); exit !$!{EAFNOSUPPORT}' || fail "packet sockets are not refused"
# shellcheck disable=SC2016
inside perl -e 'use Errno; $! = 0; chroot("/"); exit !$!{EPERM}' || fail "a privileged call is not refused"
# shellcheck disable=SC2016
inside perl -e 'use Errno; $! = 0; setpriority(0, 0, 5); exit !$!{EPERM}' || fail "a resource may be changed"
ok "the filters of the unit are in force"

# What systemd would pass on. Leaks are looked for with ptrace, which the unit forbids.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS WATCHDOG_USEC=200000
start() { # K
	mkdir -p "state/$1" "credentials/$1"
	cp -p "run/keys/$1.key" "credentials/$1/identity"
	CREDENTIALS_DIRECTORY=$work/credentials/$1 STATE_DIRECTORY=$work/state/$1 NOTIFY_SOCKET=$work/notify \
		"$build/tests/e2e/sandbox" "$unit" groups "$build/starlingd" -r run/run.conf -p "$1" >> "run/$1.out" 2>&1 &
	pid=$!
	pids="$pids $pid"
	echo $pid > "run/$1.pid"
}
reload() { # K: as ExecReload does it
	STATE_DIRECTORY=$work/state/$1 MAINPID=$(cat "run/$1.pid") inside "$build/starlingd" -r run/run.conf -p "$1" --reload
}
over() { # K ROUND
	[ "$(STATE_DIRECTORY=$work/state/$1 status_of run "$1" round)" -gt "$2" ]
}
# shellcheck disable=SC2016
background perl -MIO::Socket::UNIX -MSocket -e '$| = 1; $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die;
	print "$m\n" while defined $s->recv($m, 4096)' "$work/notify"
within 5 test -S notify
heard() { grep -qxF "$1" background; }

make_run run complete:2 --set run.rounds=100000000 --set checkpoint.every=20 --set history.every=10
for k in 0 1; do start $k; done
for k in 0 1; do within 20 over $k 60; done
for k in 0 1; do
	within 10 gives "state/$k/history.db" 1 "SELECT count(*) > 2 FROM round WHERE peer = $k"
	within 10 test -s "state/$k/checkpoint/$k.1"
	[ ! -s "run/$k.out" ] || ! grep -i "warning\|error\|permitted" "run/$k.out" || fail "peer $k complains"
done
within 5 heard READY=1
within 5 heard WATCHDOG=1
ok "two peers learn, with history and checkpoints, and the service manager hears of it"

expect 0 "$starling" roster run --add auto --neighbours 0,1
expect 0 "$starling" roster run --remove 2
for k in 0 1; do
	expect 0 reload $k
	grep -q "serial 3 is in force" "run/$k.out" || fail "peer $k was reloaded, but has not the new roster"
done
grep -q '^RELOADING=1' background || fail "the service manager did not hear of the reload"
sed 's/^serial 3$/serial 4/' run/roster > roster.bad
cp run/roster roster.good
cp roster.bad run/roster
expect 2 reload 0
says err "signature"
cp roster.good run/roster
ok "reload: it ends when the new roster is in force, and refuses one that is not signed"

for k in 0 1; do kill -TERM "$(cat "run/$k.pid")"; done
peers_end 0 20 run 0 1
for k in 0 1; do start $k; done
for k in 0 1; do within 20 grep -q "resumed-from-checkpoint" "run/$k.out"; done
start_round=$(sed -n 's/.*resumed-from-checkpoint.*at round \([0-9]*\).*/\1/p' run/0.out)
[ "$start_round" -gt 20 ] || fail "peer 0 resumed at round $start_round"
within 20 over 0 $((start_round + 50))
for k in 0 1; do kill -TERM "$(cat "run/$k.pid")"; done
peers_end 0 20 run 0 1
ok "stopped and started again, they go on from their checkpoints"

sed 's/ AF_NETLINK//' "$unit" > no-netlink.service
expect 2 "$build/tests/e2e/sandbox" no-netlink.service groups "$build/starlingd" -r run -p 0
says err "RestrictAddressFamilies=AF_NETLINK"
one_line err
ok "a unit that does not let libzmq listen is named, not an abort"
