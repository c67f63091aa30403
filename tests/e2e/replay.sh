#!/bin/sh
# What a peer was fed is recorded, and makes it do the same again, to the bit: before a kill -9, after it, with and
# without a checkpoint, with a new roster in between.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
digest_of() { sql "$1/history.db" "SELECT model_digest FROM peer WHERE peer = $2"; }
replays() { # RUN FILE TEXT...
	folder=$1
	file=$2
	shift 2
	expect 0 "$starling" sim "$folder" --replay "$folder/$file"
	says out "all actions are identical" "$@"
}
rounds=500
make_run run ring:3 --set run.rounds=$rounds --set algorithm.local_steps=100 --set checkpoint.every=5 --set run.record=fed \
	--set run.round_timeout=20s
for k in 0 1 2; do start_peer run $k; done
within 20 round_over run 1 20
kill -KILL "$(cat run/1.pid)"
wait "$(cat run/1.pid)" 2> /dev/null
start_peer run 1
within 20 grep -q resumed-from-checkpoint run/1.out
expect 0 "$starling" roster run --rotate 1
kill -HUP "$(cat run/0.pid)" "$(cat run/1.pid)" "$(cat run/2.pid)" || fail "the run was over too soon"
peers_end 0 60 run 0 1 2
replays run fed-1-0 "was killed"
replays run fed-1-1 "to round $rounds, where it ended" "$(digest_of run 1)"
replays run fed-0-0 "to round $rounds, where it ended" "$(digest_of run 0)"
replays run fed-2-0 "$(digest_of run 2)"
ok "three peers, one of them killed and back from its checkpoint"

expect 1 "$starling" sim run --replay run/fed-0-0 --set run.link_timeout=7s
says err "was recorded with 'link_timeout = 5s'"
one_line err
size=$(($(wc -c < run/fed-0-0) / 2))
head -c "$size" run/fed-0-0 > cut.fed
expect 0 "$starling" sim run --replay cut.fed
says out "was killed"
# Wherever a byte is another: in the time of the first event (behind 16 bytes, the head with its 9, and 10), in a
# length, in a message, in the last record.
first=$((16 + 9 + $(od -An -tu4 -j 17 -N 4 run/fed-0-0) + 10))
for at in "$first" "$((size - 4097))" "$size" "$((size + 1))" "$((2 * size - 3))"; do
	cp run/fed-0-0 bent
	old=$(od -An -tu1 -j "$at" -N 1 bent | tr -d ' ')
	# shellcheck disable=SC2059
	printf "\\$(printf %o $((255 - old)))" | dd of=bent bs=1 seek="$at" conv=notrunc 2> /dev/null
	expect 1 "$starling" sim run --replay bent
	one_line err
done
cp run/fed-0-0 bent
head -c 4096 /dev/zero | tr '\000' '\377' | dd of=bent bs=1 seek="$size" conv=notrunc 2> /dev/null
expect 1 "$starling" sim run --replay bent
one_line err
mv run/data/train-0.shard kept
cp run/data/train-1.shard run/data/train-0.shard
expect 1 "$starling" sim run --replay run/fed-0-0
says err "the first difference is at event"
one_line err
mv kept run/data/train-0.shard
echo nonsense > bent
expect 1 "$starling" sim run --replay bent
says err "is not a recording"
expect 2 "$starling" sim --replay cut.fed
ok "other settings, cut and damaged recordings are told from true ones"
