#!/bin/sh
# Who may see what: status of a peer that hangs and of another user's peers, data that everybody may read, secrets of old keys.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

make_run run ring:3 --set run.rounds=100000000 --set run.period=5ms --set checkpoint.every=20 --set run.record=fed
for k in 0 1 2; do start_peer run $k; done
for k in 0 1 2; do within 20 round_over run $k 50; done
within 10 test -s run/checkpoint/0.1
open=$(find run ! -type l ! -name roster ! -name '*.out' ! -name '*.pid' -perm /007)
[ -z "$open" ] || fail "other users may read $open"
ok "what a run writes is closed to other users"

kill -STOP "$pid"
expect 0 "$starling" status run
says out "not answering (process $pid)"
expect 0 "$starling" status run --json
says out "{\"peer\": 2, \"phase\": \"not answering\", \"pid\": $pid}"
kill -KILL "$pid"
within 10 gone "$pid"
expect 0 "$starling" status run
says out "not running"
ok "a peer that hangs is not answering, one that was killed is not running"

if [ "$(id -u)" -eq 0 ] && command -v setpriv > /dev/null; then
	nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
	chmod 755 . run
	chmod 644 run/run.conf
	cp "$starling" starling # the build may lie where others may not look
	expect 1 nobody ./starling status run
	says out "permission denied: run as root"
	! grep -q "not running" out || fail "peers that may not be asked are said not to run"
	chmod 755 run/status
	expect 1 nobody ./starling status run
	says out "permission denied: run as root"
	ok "another user's peers: permission denied"
fi
kill -STOP "$(cat run/0.pid)"
kill -TERM "$(cat run/1.pid)"
peers_end 0 20 run 1
expect 1 "$starling" up run
says err "peer 0 of run is already running"
kill -CONT "$(cat run/0.pid)"
kill -TERM "$(cat run/0.pid)"
peers_end 0 20 run 0
ok "up starts nobody beside a peer that hangs"

expect 0 "$build/starlingd" -n -r run -p 0
[ ! -s err ] || fail "a warning without a reason"
chmod 644 run/data/train-0.shard run/data/test.shard
expect 0 "$build/starlingd" -n -r run -p 0
says err "run/data/train-0.shard: every user may read these samples (mode 0644)" "run/data/test.shard"
expect 0 "$build/starlingd" -n -r run -p 1
says err "test.shard"
one_line err
ok "data that everybody may read: a warning for each file"

expect 0 "$starling" keygen -o elsewhere
new=$(cat out)
expect 0 "$starling" roster run --rotate 1 --key "$new"
says out "destroyed  the old secret key of peer 1 in run/keys/1.key"
[ ! -e run/keys/1.key ] || fail "the old secret stays"
chmod 644 run/keys/0.key
expect 0 "$starling" roster run --rotate 0
says out "destroyed  the old secret key of peer 0"
[ "$(ls run/keys)" = "0.key
2.key" ] || fail "in keys are $(ls run/keys)"
expect 0 "$starling" keygen -o another
cp -p another run/keys/2.key
expect 0 "$starling" roster run --rotate 2 --key "$("$starling" keygen --public another)"
cmp -s another run/keys/2.key || fail "the new secret, already in place, was destroyed"
cp -p elsewhere run/keys/1.key
expect 0 "$starling" roster run --remove 1
says out "destroyed  the old secret key of peer 1"
ok "rotated or removed: the old secret is destroyed, a new one is not"

# Secret keys are in its memory, and in that of libzmq.
make_run alone ring:3 --set run.rounds=1000000 --set run.period=5ms
cat > crash.pl <<'END'
# Starts a peer, ends it as a crash would, and says whether the kernel dumped its memory.
my ($socket, @command) = @ARGV;
my $pid = fork();
exec @command unless $pid;
for (1 .. 600) { last if -S $socket; select undef, undef, undef, 0.1; }
kill 'ABRT', $pid;
waitpid $pid, 0;
print $? & 128 ? "dumped\n" : "not dumped\n";
END
case $build in *-address*) exit 0 ;; esac # a sanitizer looks for leaks where a debugger would
# shellcheck disable=SC3045 # dash and bash have it
(ulimit -c unlimited && perl crash.pl alone/status/0 "$build/starlingd" -r alone -p 0 > dumps 2> err)
grep -q '^not dumped' dumps || fail "a peer that crashed left a core: $(cat dumps)"
ok "a crash leaves no core, in which secret keys would be"
