#!/bin/sh
# Storms of kill -9 on an exact run: a ring of five, a checkpoint every seven rounds, rounds of well under a millisecond.
# Each storm kills one to three peers at a time, several times, and some more as peers finish. All models are those of an
# undisturbed run, and nobody stands still. STORMS=2: how many; FIRST=1: the first, each is drawn from its number.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
rounds=1200

make_run new ring:5 --set run.rounds=$rounds --set checkpoint.every=7 --set model.name=softmax --set history.evaluate=400 \
	--set history.every=100
expect 0 "$starling" sim new

draw() { # LIMIT: a number below it, in $drawn
	state=$(((state * 1103515245 + 12345) % 2147483648))
	drawn=$((state / 65536 % $1))
}
forth() { [ "$(status_of run "$1" round)" -ge "$2" ] || gone "$(cat "run/$1.pid")"; }
kill_some() { # one to three of them, then all that were killed start again
	draw 3
	count=$((drawn + 1))
	killed=
	while [ "$count" -gt 0 ]; do
		draw 5
		count=$((count - 1))
		case $killed in *$drawn*) continue ;; esac
		killed="$killed $drawn"
		kill -KILL "$(cat run/$drawn.pid)" 2> /dev/null
	done
	for k in $killed; do wait "$(cat "run/$k.pid")" 2> /dev/null; done
	for k in $killed; do start_peer run "$k"; done
}

storm=${FIRST:-1}
last=$((storm + ${STORMS:-2} - 1))
while [ "$storm" -le "$last" ]; do
	state=$((storm * 7919 + 17))
	rm -rf run
	cp -r new run
	for k in 0 1 2 3 4; do start_peer run $k; done
	kills=0
	at=0
	while [ "$kills" -lt 7 ]; do
		draw 300
		at=$((at + drawn))
		draw 5
		within 30 forth "$drawn" "$((at < rounds ? at : rounds))"
		kill_some
		kills=$((kills + 1))
	done
	peers_end 0 60 run 0 1 2 3 4
	pids=
	query run/history.db 0 "SELECT count(*) FROM event WHERE kind IN ('mean-shift', 'backlog-dropped', 'halted')"
	same_models run/history.db 5
	[ "${STORMS:-2}" -le 10 ] || echo "storm $storm: $(sql run/history.db "SELECT count(*) FROM event WHERE kind = 'resumed-from-checkpoint'") resumed, $(sql run/history.db "SELECT count(*) FROM event WHERE kind = 'fresh-start' AND round = 0") from the start"
	storm=$((storm + 1))
done
ok "${STORMS:-2} storms of kill -9: the models of an undisturbed run"
