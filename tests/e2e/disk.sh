#!/bin/sh
# Disks that become full, or hold what is no good: learning goes on where it can, says so, and
# the last good state stays. Needs to mount a small tmpfs; skipped where that is not allowed.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
mkdir disk
if ! mount -t tmpfs -o size=12m,mode=755 none disk 2> /dev/null; then
	echo "skipped: no tmpfs can be mounted here"
	exit 0
fi
code=0
trap 'code=$?; umount -l "$work/disk"; (exit "$code"); cleanup' EXIT # cleanup ends with the code that it finds
fill() { dd if=/dev/zero of=disk/filler bs=4096 2> /dev/null; }
start_disk() { # [RUN]
	STATE_DIRECTORY=$work/disk start_peer "${1:-run}" 0 --set checkpoint.every=20 --set run.roster="$work/${1:-run}/roster"
}
said() { grep -q "$1" run/0.out; }

make_run run path:2 --set run.round_timeout=30s --set run.rounds=1000000 --set algorithm.local_steps=50 --set history.evaluate=100000
start_disk
start_peer run 1
within 20 test -e disk/checkpoint/0.1
fill
within 20 said "history: .*rows are kept"
within 20 said "checkpoint: "
now=$(status_of run 1 round)
within 20 round_over run 1 $((now + 50))
kept=$(cat disk/checkpoint/0.0 disk/checkpoint/0.1 | cksum)
within 20 round_over run 1 $((now + 100))
[ "$(cat disk/checkpoint/0.0 disk/checkpoint/0.1 | cksum)" = "$kept" ] || fail "a full disk changed a checkpoint"
[ ! -e disk/checkpoint/0.0.tmp ] || [ ! -e disk/checkpoint/0.1.tmp ] || fail "temporary files are left on a full disk"
ok "a full disk: learning goes on, the checkpoints stay"

rm disk/filler
within 30 said "history: writing again"
touch mark
within 30 sh -c 'find disk/checkpoint -newer mark -name "0.[01]" | grep -q .'
ok "and is forgotten when there is room again"

# Not before the history has found it: what its log has room for would be written.
fill
within 20 sh -c '[ "$(grep -c "history: .*rows are kept" run/0.out)" -ge 2 ]'
kill -TERM "$(cat run/0.pid)"
ends 1 20 "$(cat run/0.pid)"
said "rows and the record of this peer's end are lost" || fail "nothing was said of the lost rows: $(tail -3 run/0.out)"
ok "rows that were lost at the end make it fail"

rm disk/filler
for g in 0 1; do cp disk/checkpoint/0.$g good.$g; done
: > run/0.out
head -c 100 good.0 > disk/checkpoint/0.0
head -c 100 good.1 > disk/checkpoint/0.1
start_disk
within 20 said "checkpoint-refused"
within 20 said "recovered-from-neighbours"
kill -KILL "$(cat run/0.pid)"
wait "$(cat run/0.pid)" 2> /dev/null
ok "both generations cut: the neighbour's copy is the way on"

: > run/0.out
printf 'no database at all, but long enough to be one by its size alone' > disk/history.db
dd if=/dev/urandom bs=4096 count=4 2> /dev/null >> disk/history.db
rm -f disk/history.db-wal disk/history.db-shm
sum=$(cksum < disk/history.db)
start_disk
within 20 gone "$(cat run/0.pid)"
said "history.db" || fail "nothing was said of a history that is none: $(cat run/0.out)"
[ "$(cksum < disk/history.db)" = "$sum" ] || fail "what is no history was written to"
rm disk/history.db
: > run/0.out
start_disk
within 20 sh -c 'sqlite3 -readonly disk/history.db "SELECT 1 FROM round" 2> /dev/null | grep -q 1'
kill -TERM "$(cat run/0.pid)"
ends 0 20 "$(cat run/0.pid)"
sqlite3 disk/history.db 'PRAGMA user_version = 999'
: > run/0.out
start_disk
within 20 gone "$(cat run/0.pid)"
said "use a newer starling" || fail "nothing was said of a newer schema: $(cat run/0.out)"
ok "a foreign file and a newer schema are refused and left alone"

# What may pass keeps nobody from learning, neither at the start.
doing() { STATE_DIRECTORY=$work/disk "$starling" status run 2> /dev/null | grep -q "^ *0 .*$1"; }
learns() { # the other peer waits for this one in every round
	now=$(status_of run 1 round)
	within 20 round_over run 1 $((now + 20))
}
disk_sql() { sqlite3 -readonly disk/history.db "$1" 2> /dev/null; }
falls="SELECT count(*) FROM (SELECT wire_tx, lag(wire_tx, 1, 0) OVER (ORDER BY round) AS before FROM round)
	WHERE (wire_tx >= before) IS NOT TRUE"
rm disk/history.db
: > run/0.out
start_disk
within 20 sh -c 'sqlite3 -readonly disk/history.db "SELECT 1 FROM round WHERE wire_tx > 0" 2> /dev/null | grep -q 1'
kill -TERM "$(cat run/0.pid)"
ends 0 20 "$(cat run/0.pid)"
sent=$(disk_sql "SELECT max(wire_tx) FROM round")
rm -f disk/checkpoint/*
mount -o remount,ro disk
: > run/0.out
start_disk
within 20 said "warning: history: .*the run starts without it"
learns
gone "$(cat run/0.pid)" && fail "a read-only disk ended it: $(cat run/0.out)"
[ "$(grep -c "warning: history: " run/0.out)" = 1 ] || fail "not one line: $(cat run/0.out)"
mount -o remount,rw disk
within 20 said "history: writing again"
within 20 gives disk/history.db 1 "SELECT count(*) FROM event WHERE kind IN ('rows-late', 'rows-dropped') AND detail LIKE '%since 20%'"
within 20 gives disk/history.db 1 "SELECT max(wire_tx) > $sent FROM round"
query disk/history.db 0 "$falls"
within 20 doing "links\|computing\|waiting"
doing "no history" && fail "status says that the history is not written"
ok "a read-only disk at the start: learning goes on, the history comes when it can be written"

kill -TERM "$(cat run/0.pid)"
ends 0 20 "$(cat run/0.pid)"
dd if=/dev/urandom of=disk/history.db bs=4096 seek=1 count=8 conv=notrunc 2> /dev/null
: > run/0.out
start_disk
within 20 said "warning: history: .*malformed.*rows are kept"
sum=$(cksum < disk/history.db)
learns
within 10 doing "no history since 20.*: .*malformed"
STATE_DIRECTORY=$work/disk "$starling" status run --json > out
says out '"history_error":"' '"history_since_us":' '"rows_lost":'
[ "$(cksum < disk/history.db)" = "$sum" ] || fail "a corrupt history was written to"
mv disk/history.db disk/corrupt.db
within 20 said "history: writing again"
# Its reason is that of the last try, which may have been while the file was moved.
within 20 gives disk/history.db 1 "SELECT count(*) FROM event WHERE kind IN ('rows-late', 'rows-dropped') AND detail LIKE '%since 20%'"
kill -TERM "$(cat run/0.pid)"
ends 0 20 "$(cat run/0.pid)"
query disk/history.db 0 "SELECT exit FROM peer WHERE peer = 0"
ok "a corrupt history: learning goes on without it, until it is moved away"
kill -TERM "$(cat run/1.pid)"

# An exact run waits for checkpoints, before a neighbour has to drop what this peer would need after a kill.
rm -rf disk/*
make_run exact path:2 --set run.rounds=1000000 --set algorithm.local_steps=50 --set history.evaluate=100000
held() { STATE_DIRECTORY=$work/disk "$starling" status exact 2> /dev/null | grep -q "^ *0 .*saving.*checkpoints fail"; }
start_disk exact
start_peer exact 1
within 20 test -e disk/checkpoint/0.1
fill
within 40 held
within 20 sh -c "'$starling' status exact | grep -q '^ *1 .*for 0 (it must write a checkpoint first)'"
within 20 grep -q "checkpoint-awaited: round .* waits" exact/0.out
now=$(status_of exact 1 round)
rm disk/filler
within 60 round_over exact 1 $((now + 50))
kill -TERM "$(cat exact/0.pid)" "$(cat exact/1.pid)"
ok "a full disk in an exact run: rounds wait, status says for what, and go on"
