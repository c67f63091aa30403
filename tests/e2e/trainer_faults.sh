#!/bin/sh
# Every fault of a trainer is survived or refused, with one clear line and an event; then a good one attaches, and the run
# ends as if nothing had been.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
python=${PYTHON:-/usr/bin/python3}
PYTHONPATH=$root/lib/trainer/python
PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE
faults=$root/tests/trainer/faults.py
rounds=6
expect 0 "$starling" init run --topology path:2 --trainer "$python $faults none" --set run.rounds=$rounds \
	--set run.round_timeout=never --set history.evaluate=0 --set history.sketch=0 --set algorithm.lambda=0 --set algorithm.name=choco
# fault K NAME [ROUND]: such a trainer beside peer K; its words go to NAME.out.
trainer() {
	k=$1
	name=$2
	shift 2
	STARLING_TRAINER=$work/run/trainer/$k "$python" "$faults" "$name" "$@" > "$name.out" 2>&1 &
	pid=$!
	pids="$pids $pid"
}
# refused NAME TEXT: it is sent away with these words, which are in an event, too (all are looked for at once, later).
refused() {
	trainer 0 "$1"
	within 20 gone "$pid"; wait "$pid"; [ $? -eq 3 ] || { cat "$1.out"; fail "$1 was not refused"; }
	grep -qF -- "$2" "$1.out" || { cat "$1.out"; fail "$1: not told '$2'"; }
	echo "$2" >> words
}
told() {
	while read -r text; do
		event_like trainer-refused "$text"
	done < words
}
event_like() {
	within 20 gives run/history.db 1 "SELECT count(*) > 0 FROM event WHERE peer = 0 AND kind = '$1'
		AND detail LIKE '%$(echo "$2" | sed "s/'/''/g")%' AND run_id = $(newest daemon)"
}
event() { within 20 gives run/history.db "$1" "SELECT count(*) FROM event WHERE peer = 0 AND kind = '$2' AND detail LIKE '%$3%' AND run_id = $(newest daemon)"; }

background "$starling" up run --plain --trainer none
up=$pid
within 20 field_is run 0 trainer absent
[ "$(status_of run 0 round)" = 0 ] || fail "it began without a trainer"
ok "a peer without a trainer waits, and says so"

refused shape "tensor 'w' has shape [20, 3] here and [20, 4] there"
refused name "tensor 1 is 'b' here and 'bias' there"
refused fewer "tensor 'b' is missing there"
refused more "tensor 'c' is not known here"
refused torn-start "bytes of values, and its tensors need"
refused nan-start "the start is not finite"
refused unsealed "sealed against writing"
refused no-start "without a descriptor"
refused protocol "it speaks protocol 99"
refused no-steps "it makes no steps of its own"
refused garbage "no such kind of message"
refused result-before-ready "a message out of turn"
ok "a foreign layout, a torn start, another protocol, garbage"

for fault in before-hello before-ready; do
	trainer 0 $fault
	ends 137 20 "$pid"
done
event 1 trainer-lost "before it said who it is"
event 1 trainer-lost "before it was ready"
ok "an end before READY"

trainer 1 none
trainer 0 in-task 0
ends 137 20 "$pid"
event 1 trainer-lost "in the middle of a task"
trainer 0 hang 0
hung=$pid
within 20 grep -q hangs hang.out
refused second "another trainer (pid $hung) is attached already"
kill -KILL "$hung"
trainer 0 after-result 0
ends 137 20 "$pid"
ok "an end in the middle of a task and after its result; a second one; one that hangs"

refused short "too short or too long"
refused out-of-turn "a message out of turn"
trainer 0 late
within 20 grep -q late late.out
kill -KILL "$pid"
event 3 trainer-late "refused an answer to round"
told
ok "a short answer, one out of turn, those to another round, time and attempt"

trainer 0 nan-once 3
event 1 trainer-answer "attempt 1: it is not finite; the same task again"
ends 0 30 $up
query run/history.db "0|6|0.5
1|6|0.5" "SELECT peer, count(*), avg(train_loss) FROM round WHERE run_id = $(newest daemon) GROUP BY peer ORDER BY peer"
query run/history.db 12 "SELECT count(*) FROM metric WHERE run_id = $(newest daemon) AND name = 'rounds' AND value = round"
expect 0 "$starling" sim run
same_models run/history.db 2
ok "after all of that, the same models as if nothing had been"

background "$starling" up run --plain --trainer none
up=$pid
within 20 field_is run 0 trainer absent
trainer 1 none
trainer 0 nan 3
ends 1 40 $up
event 1 trainer-answer "again, and it is taken as it is"
ok "answers that are never finite end the peer, as for every model"

# One number of the start is another: neither peer takes the other, and both say which tensor it is in.
cp -r run other
printf '\0\0\200\77' | dd of=other/start bs=1 seek=$(($(wc -c < other/start) - 4)) conv=notrunc 2> /dev/null
start_peer run 0 --set trainer.absent=relay
start_peer other 1 --set trainer.absent=relay
for run in run other; do
	k=$([ $run = run ] && echo 0 || echo 1)
	within 20 grep -qF "peer $((1 - k)) has another model or start: tensor 'b' differs" $run/$k.out
done
ok "peers with other starts refuse each other, and name the tensor"
kill -TERM "$(cat run/0.pid)" "$(cat other/1.pid)"
peers_end 0 20 run 0
peers_end 0 20 other 1

# Without trainers, and without waiting for one: the models are mixed, and no step is made.
expect 0 "$starling" up run --plain --trainer none --set trainer.absent=relay
query run/history.db "12|0.0" "SELECT count(*), max(disagreement) FROM round WHERE run_id = $(newest daemon)"
ok "absent = relay: rounds without local steps"

# A trainer that ends in every task is a mistake in it: its last lines are shown, and the run does not go on for ever.
cat > unfit.py <<'PY'
import numpy as np, starling
with starling.attach({"w": np.zeros(6, "f4")}) as peer:
    for task in peer:
        task.done(loss=no_such_name)
PY
expect 0 "$starling" init unfit --topology path:2 --trainer "$python $work/unfit.py" --set run.rounds=5
expect 1 "$starling" up unfit --plain
says err "6 times in round 0" "name 'no_such_name' is not defined" "(the whole log is unfit/log/trainer-"
ok "a trainer that ends again and again ends the run, with the end of its log"
