#!/bin/sh
# Asked to stop, a peer stops, with exit code 0, whatever its neighbours do: with round_timeout = never, one that waited for
# any of them would never end. The rows of every round that it has finished stay; and the run goes on where it was.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
rounds=300
make_run alone ring:4 --set run.rounds=$rounds
start_peer alone 0
within 20 phase_is alone 0 greeting
kill -TERM "$pid"
ends 0 20 "$pid"
query alone/history.db "0|" "SELECT exit, model_digest FROM peer"
ok "SIGTERM while no neighbour is there"

for k in 0 1 2 3; do start_peer alone $k --set run.rounds=100000; done
within 60 round_over alone 2 20
for k in 0 1 3; do kill -KILL "$(cat alone/$k.pid)"; done
within 20 phase_is alone 2 waiting
pid=$(cat alone/2.pid)
kill -INT "$pid"
ends 0 20 "$pid"
last=$(sed -n 's/.* ended in round \([0-9]*\): asked to stop$/\1/p' alone/2.out)
query alone/history.db "$last|0|$((last - 1))" "SELECT count(*), min(round), max(round) FROM round WHERE peer = 2
	AND run_id = $(newest daemon)"
ok "SIGINT when all neighbours have died, and every finished round is there"

# pids RUN: the processes of the newest run, as the history has them.
pids_of() { sql "$1/history.db" "SELECT pid FROM peer WHERE run_id = $(newest daemon)"; }
all_gone() { for process in $1; do gone "$process" || return 1; done; }
long="--set run.rounds=$rounds --set algorithm.local_steps=60 --set history.evaluate=50 --set checkpoint.every=5"

# shellcheck disable=SC2086 # words
make_run run ring:6 $long
background "$starling" up run --plain
up=$pid
within 60 round_over run 3 20
processes=$(pids_of run)
[ "$(echo "$processes" | wc -l)" -eq 6 ] || fail "not six processes"
kill -INT "$up"
ends 0 30 "$up"
for process in $processes; do gone "$process" || fail "$process lives on"; done
cp background err
says err "stopping the peers" "starling up run --resume continues"
for k in 0 1 2 3 4 5; do
	last=$(sed -n 's/.* ended in round \([0-9]*\): asked to stop$/\1/p' run/log/$k.log)
	query run/history.db "$last|0|$((last - 1))" "SELECT count(*), min(round), max(round) FROM round WHERE peer = $k"
done
query run/history.db "6|6|0" "SELECT count(stopped_at), count(exit), max(exit) FROM peer"
ok "^C of starling up: no process is left, every finished round is"

expect 0 "$starling" sim run
expect 0 "$starling" up run --resume --plain
query run/history.db 1 "SELECT count(*) FROM run WHERE driver = 'daemon'"
query run/history.db 6 "SELECT count(DISTINCT peer) FROM event WHERE kind = 'resumed-from-checkpoint'"
same_models run/history.db 6
same_rows run/history.db $((6 * rounds))
ok "--resume goes on, and ends as if there had been no stop"

# shellcheck disable=SC2086
make_run dead ring:4 $long
background "$starling" up dead --plain
up=$pid
within 60 round_over dead 3 10
processes=$(pids_of dead)
kill -KILL "$up"
wait "$up"
within 20 all_gone "$processes"
query dead/history.db "4|4|0" "SELECT count(stopped_at), count(exit), max(exit) FROM peer"
expect 0 "$starling" up dead --resume --plain
query dead/history.db "$rounds|4" "SELECT count(DISTINCT round), count(DISTINCT peer) FROM round"
ok "kill -9 of starling up: its peers stop by themselves, and can go on"
