#!/bin/sh
# Crowds at a peer's port: with a good key, which has two connections however many it opens; and without one, from many
# addresses, which keep no neighbour out, however far away that is.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
hostile=$build/tests/e2e/hostile
door=$build/tests/e2e/door
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(cat "run/$1.pid")/status"; }
descriptors() { find "/proc/$(cat "run/$1.pid")/fd" -type l | wc -l; }
few_descriptors() { [ "$(descriptors 1)" -le $((before + 8)) ]; }
make_run run ring:4 --set run.rounds=60 --set run.link_timeout=2s --set history.evaluate=0
for k in 0 1 3; do start_peer run $k; done
within 20 phase_is run 0 waiting # for peer 1 or 3, which wait for peer 2

before=$(descriptors 1)
memory=$(resident 1)
mkfifo hold
"$hostile" crowd run 2 1 300 < hold > crowd.out 2>&1 &
pids="$pids $!"
exec 8> hold
within 60 grep -q open crowd.out
within 10 few_descriptors
case $build in *-address*) most=65536 ;; *) most=8192 ;; esac
[ $(($(resident 1) - memory)) -le $most ] || fail "300 connections of one key cost $(($(resident 1) - memory)) kB"
grep -q 'crowd: peer 2 has more than 2 connections to this peer' run/1.out || fail "nothing was said: $(cat run/1.out)"
answers run 1
exec 8>&-
ok "300 connections of one key cost $(($(descriptors 1) - before)) descriptors and $(($(resident 1) - memory)) kB"

port=$(endpoint_of run 1 | sed 's/.*://')
"$door" knock "$port" 40 3300 4 > knock.out 2>&1 &
knock=$!
pids="$pids $knock"
within 10 grep -q 'crowd: closed a connection from 127\.9\.' run/1.out
expect 0 "$door" far run 2 1 50 127.8.0.1 20
seconds=$(sed -n 's/let in after \([0-9]*\) ms/\1/p' out)
few_descriptors_of_guests() { [ "$(descriptors 1)" -le $((before + 8 + 2 * 128)) ]; }
within 10 few_descriptors_of_guests # beside those that are accepted and not yet closed
ends 0 30 $knock
ok "a neighbour 50 ms away is let in after $seconds ms, among $(cat knock.out)"

start_peer run 2
peers_end 0 60 run 0 1 2 3
expect 0 "$starling" sim run
same_models run/history.db 4
ok "the run is what it would have been without them"
