#!/bin/sh
# Random absences and stops, COUNT times (10), JOBS (2) at once, each from a seed: one peer of three is killed and stays away
# for up to ROUNDS (20000) rounds of the others, longer than any journal reaches; meanwhile they are stopped or killed and
# started again, alone or both; then it comes back, and all stop and start. Every new start goes on from the newest
# checkpoint on the disk, none is refused, and everybody gets beyond where it was. SEED (1) is the first; each trial has a
# network of its own, where that can be made.
# shellcheck source=../lib.sh
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${TRIAL:-}" ]; then
	BUILD=$(cd "${BUILD:-build}" && pwd) || exit 1
	export BUILD
	alone="unshare -n"
	$alone true 2> /dev/null || alone=
	first=${SEED:-1}
	count=${COUNT:-10}
	seq "$first" $((first + count - 1)) | xargs -P "${JOBS:-2}" -I '{}' sh -c \
		"TRIAL={} $alone sh -c '[ -z \"$alone\" ] || ip link set lo up; sh \"$here/absences.sh\"' || exit 1" || exit 1
	exit 0
fi
. "$here/../lib.sh"

# What is drawn: lines of words, from the trial's number alone.
awk -v seed="$TRIAL" -v rounds="${ROUNDS:-20000}" 'BEGIN {
	srand(seed)
	split("lockstep staleness:2 free", pace, " "); split("5 20 50", every, " ")
	print pace[1 + int(3 * rand())], every[1 + int(3 * rand())], int(3 * rand())
	for (turn = 1 + int(3 * rand()); turn > 0; turn--)
		print int(30 * exp(rand() * log(rounds / 30))), rand() < 0.5 ? "TERM" : "KILL", int(3 * rand())
}' > drawn
read -r pace every victim < drawn
survivors=
for k in 0 1 2; do [ $k -eq "$victim" ] || survivors="$survivors $k"; done

make_run run ring:3 --set model.name=softmax --set run.rounds=100000000 --set run.pace="$pace" --set checkpoint.every="$every" \
	--set run.round_timeout=0.2s --set run.link_timeout=1s --set run.catch_up=100000000 --set history.every=100 \
	--set history.evaluate=0
number() {
	[ -s "run/checkpoint/$1.$2" ] || { echo 0; return; }
	od -An -tu8 -j16 -N8 "run/checkpoint/$1.$2" | tr -d ' '
}
newest() { if [ "$(number "$1" 0)" -gt "$(number "$1" 1)" ]; then echo 0; else echo 1; fi; }
both() { [ -s "run/checkpoint/$1.0" ] && [ -s "run/checkpoint/$1.1" ]; }
said() { grep -qF -- "$2" "run/$1.out"; }
starts=0
down() { # SIGNAL K...
	how=$1
	shift
	for k; do
		round_of run "$k" > "run/$k.reached"
		kill "-$how" "$(cat "run/$k.pid")"
		within 60 gone "$(cat "run/$k.pid")"
		wait "$(cat "run/$k.pid")" 2> /dev/null
	done
}
up() { # K...
	for k; do
		g=$(newest "$k")
		echo "resumed-from-checkpoint: generation $g, number $(number "$k" "$g"), at round " > "run/$k.wanted"
		: > "run/$k.out"
		start_peer run "$k"
	done
	for k; do
		within 60 said "$k" resumed-from-checkpoint
		said "$k" "$(cat "run/$k.wanted")" || fail "trial $TRIAL: not $(cat "run/$k.wanted"): $(cat "run/$k.out")"
		said "$k" checkpoint-refused && fail "trial $TRIAL: refused: $(cat "run/$k.out")"
		starts=$((starts + 1))
	done
	for k; do within 600 round_over run "$k" "$(cat "run/$k.reached")"; done
}

for k in 0 1 2; do start_peer run $k; done
for k in 0 1 2; do within 60 both $k; done
down KILL "$victim"
tail -n +2 drawn > turns
while read -r away how who; do
	# shellcheck disable=SC2086 # words
	set -- $survivors
	case $who in 0) set -- "$1" ;; 1) set -- "$2" ;; esac
	within 600 round_over run "$1" $(($(round_of run "$1") + away))
	down "$how" "$@"
	up "$@"
done < turns
up "$victim"
down TERM 0 1 2
up 0 1 2
query run/history.db 0 "SELECT count(*) FROM event WHERE kind IN ('halted', 'checkpoint-refused', 'checkpoint-unsound',
	'recovered-from-neighbours', 'skipped') OR (kind = 'fresh-start' AND round > 0)"
query run/history.db 3 "SELECT count(*) FROM event WHERE kind = 'fresh-start'"
ok "trial $TRIAL: pace=$pace every=$every, peer $victim away for $(awk '{ n += $1 } END { print n }' turns) rounds and more: $starts new starts"
