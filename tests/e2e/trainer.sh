#!/bin/sh
# A trainer in numpy beside each peer: it learns what the built-in model learns, daemons and simulator end with the same
# bits, and neither kill -9 of daemons nor of trainers changes one.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
python=${PYTHON:-/usr/bin/python3}
PYTHONPATH=$root/lib/trainer/python
PYTHONDONTWRITEBYTECODE=1
DATA=$work/data
TMPDIR=$work/temporary
export PYTHONPATH PYTHONDONTWRITEBYTECODE DATA TMPDIR
peers=4
kills=${KILLS:-6}
rounds=${ROUNDS:-60}
mkdir data temporary
expect 0 "$python" "$root/tests/trainer/data.py" data $peers
train="$python $root/tests/trainer/softmax.py"
# All data in each batch: then both compute the same, but for the order of sums.
common="--set run.round_timeout=never --set history.evaluate=20 --set algorithm.batch=1000000 --set algorithm.eta=0.5"

# shellcheck disable=SC2086 # words
expect 0 "$starling" init built --topology ring:$peers --data "libsvm:$work/data/train-%d" --test "$work/data/test" \
	--set data.partition=own --set model.name=softmax --set run.rounds=60 $common
expect 0 "$starling" up built --plain
# shellcheck disable=SC2086
expect 0 "$starling" init whole --topology ring:$peers --trainer "$train gradient,evaluate whole" --set run.rounds=60 $common
says out "2 tensors, of which 2 are learnt" "trainer:gradient, 63 parameters"
expect 0 "$starling" up whole --plain
for k in 0 1 2 3; do
	accuracy=$(sql built/history.db "SELECT test_accuracy FROM round WHERE peer = $k AND round = 59")
	query whole/history.db 1 "SELECT abs(test_accuracy - $accuracy) < 0.011 AND test_accuracy > 0.8 FROM round WHERE peer = $k AND round = 59"
done
query whole/history.db "12|1" "SELECT count(*), min(value) >= 0 FROM metric WHERE name = 'slope'"
ok "softmax by a trainer ends where the built-in one does"

expect 0 "$starling" sim whole --trainers 2
same_models whole/history.db $peers
same_rows whole/history.db $((60 * peers))
query whole/history.db 12 "SELECT count(*) FROM metric AS a JOIN metric AS b USING (peer, round, name)
	WHERE a.value = b.value AND a.run_id = $(newest daemon) AND b.run_id = $(newest sim)"
expect 0 "$starling" sim whole --threads 3
same_models whole/history.db $peers
same_rows whole/history.db $((60 * peers))
ok "daemons and simulator end with the same bits, with a trainer for all peers of a part or for each"

# shellcheck disable=SC2086
expect 0 "$starling" init steps --topology ring:$peers --trainer "$train steps,evaluate" --set run.rounds=40 $common
says out trainer:steps
expect 0 "$starling" up steps --plain
expect 0 "$starling" sim steps
# What a trainer keeps is one peer's, so nobody gets fewer of them unasked.
# shellcheck disable=SC2086
expect 0 "$starling" init crowd --topology ring:65 --trainer "$train steps,evaluate" --set run.rounds=1 $common
expect 2 "$starling" sim crowd
says err "65 peers would have as many trainers: --trainers N"
[ ! -e crowd/history.db ] || fail "a history of a run that did not begin"
# There are no data for peers from 4 on.
expect 1 "$starling" sim crowd --trainers 1
says err "trainer 0 was started again and again and never answered" "No such file or directory"
# Nor does one that hangs keep anybody.
"$starling" sim whole --set "trainer.command=echo begins > $work/began; exec sleep 1000" > out 2> err &
simulator=$!
within 60 [ -s began ]
kill "$simulator"
wait "$simulator"
[ $? -eq 1 ] || fail "exit code of a simulation that was asked to end"
says err "starling sim: interrupted"
[ -z "$(ls temporary)" ] || fail "left: $(ls temporary)"
ok "trainers that never answer end a simulation, or do not keep it from ending"
same_models steps/history.db $peers
query steps/history.db 1 "SELECT min(test_accuracy) > 0.8 FROM round WHERE round = 39"
for name in m.safetensors m.npz; do
	expect 0 "$starling" export steps -o $name
done
"$python" - > out 2> err <<'PY' || fail "the exported models"
import json, numpy as np
one, raw = np.load("m.npz"), open("m.safetensors", "rb").read()
n = int.from_bytes(raw[:8], "little")
head = json.loads(raw[8:8 + n])
names = [k for k in head if k != "__metadata__"]
assert sorted(names) == sorted(k for k in one if not k.startswith("__")), names
for k in names:
    begin, end = head[k]["data_offsets"]
    other = np.frombuffer(raw[8 + n + begin:8 + n + end], "f4").reshape(head[k]["shape"])
    assert one[k].shape == other.shape and (one[k] == other).all() and np.abs(other).max() > 0, k
PY
ok "the same with steps of the trainer's own, and its tensors come out by their names"
expect 2 "$starling" init no --topology ring:$peers --trainer "$train steps" --set algorithm.name=beer
says err "use mode gradient, or one of c-led, choco, deepsqueeze, dpsgd, gasloc, malcom, push-sum, sparseloco, sparseloco-gossip"
ok "a method that is no steps from the model names those that are"

# Methods made for many local steps: where every batch is all data, and nothing is lost, the steps of a trainer are those of gradient mode.
while read -r method graph; do
	for mode in steps gradient; do
		# shellcheck disable=SC2086
		expect 0 "$starling" init many --topology "$graph" --trainer "$train $mode,evaluate whole" --set model.name=trainer:$mode \
			--set run.rounds=20 $common --set algorithm.name=$method --set algorithm.local_steps=3 \
			--set "compress.pipeline=topk:0.5 | dither:16 | golomb"
		expect 0 "$starling" sim many --history many-$mode.db
		rm -r many
	done
	query many-steps.db "1|1" "ATTACH 'many-gradient.db' AS other; SELECT max(abs(a.test_loss - b.test_loss)) < 1e-5, min(a.test_loss) < 0.9
		FROM main.round AS a JOIN other.round AS b USING (peer, round) WHERE round = 19"
	rm many-*.db
done << END
gasloc:0.3 ring:$peers
sparseloco complete:$peers
sparseloco-gossip ring:$peers
END
ok "gasloc and sparseloco: a trainer's own steps end where its gradients do"

# Steps that are not interrupted, between the halves of a dual: the sites' own minima no longer pull the peers apart.
for method in choco c-led:0.1; do
	# shellcheck disable=SC2086
	expect 0 "$starling" init dual --topology ring:$peers --trainer "$train steps,evaluate whole" --set run.rounds=200 $common \
		--set algorithm.name=$method --set "compress.pipeline=all | float32 | raw" --set algorithm.eta_schedule=constant
	expect 0 "$starling" sim dual --history dual-$method.db
	rm -r dual
done
query dual-choco.db 1 "ATTACH 'dual-c-led:0.1.db' AS led; SELECT (SELECT error FROM led.consensus WHERE round = 199) < error / 100
	FROM main.consensus WHERE round = 199"
ok "c-led with steps of a trainer: peers agree in spite of unequal sites"

# Killed again and again, at moments of chance: trainers and daemons in turn. Rounds of 100 ms: the run must not be over before.
# shellcheck disable=SC2086
expect 0 "$starling" init killed --topology ring:$peers --trainer "$train gradient,evaluate" --set run.rounds="$rounds" \
	--set checkpoint.every=3 --set run.round_timeout=never --set history.evaluate=20 --set run.period=100ms
background "$starling" up killed --plain --restart
up=$pid
killed=0
last=0
while [ $killed -lt "$kills" ]; do
	k=$((($(od -An -N2 -tu2 /dev/urandom)) % peers))
	within 60 round_over killed $k $((last > rounds - 8 ? rounds - 8 : last))
	what=pid
	[ $((killed % 2)) -eq 0 ] || what=trainer_pid
	target=$(status_of killed $k $what)
	[ "${target:-null}" = null ] || [ "$target" -lt 2 ] || kill -KILL "$target" 2> /dev/null || :
	killed=$((killed + 1))
	last=$((killed * (rounds - 8) / kills))
done
ends 0 200 $up
query killed/history.db 1 "SELECT count(*) > 0 FROM event WHERE kind = 'trainer-lost'"
query killed/history.db 1 "SELECT count(*) > 0 FROM event WHERE kind = 'resumed-from-checkpoint'"
expect 0 "$starling" sim killed --trainers 2
same_models killed/history.db $peers
same_rows killed/history.db $((rounds * peers))
ok "$kills kills of daemons and trainers change no bit and no row"
