#!/bin/sh
# A neighbour whose key is good and whose messages are not is shut out for a while, with one event row; nothing that it or
# a crowd at the door sends costs memory; and the run ends with the models it would have ended with.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
hostile=$build/tests/e2e/hostile
# A sanitizer keeps what was freed for a while: not for long, here.
export ASAN_OPTIONS="quarantine_size_mb=4:thread_local_quarantine_size_kb=64:${ASAN_OPTIONS:-}"
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(cat "run/$1.pid")/status"; }
highest() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(cat "run/$1.pid")/status"; }
event() { echo "SELECT count(*) FROM event WHERE peer = 1 AND kind = '$1'"; }

make_run run ring:4 --set run.rounds=60 --set run.link_timeout=2s --set limits.quarantine=1s
for k in 0 1 3; do start_peer run $k; done
within 20 phase_is run 0 waiting # for peer 1 or 3, which wait for peer 2, whose seat is taken by somebody else
expect 0 "$hostile" flood run 2 1 garbage 200
within 10 gives run/history.db 1 "$(event quarantine)"
query run/history.db "peer 2 for 1 s: it sent bytes that are not a frame of this version" \
	"SELECT substr(detail, 1, 66) FROM event WHERE peer = 1 AND kind = 'quarantine'"
query run/history.db warning "SELECT level FROM event WHERE peer = 1 AND kind = 'quarantine'"
within 10 gives run/history.db 1 "$(event quarantine-over)"
ok "garbage leads to quarantine, and out of it again"

"$hostile" flood run 2 1 garbage 200 > out 2>&1
within 10 gives run/history.db 2 "$(event quarantine)"
"$starling" status run > out
grep -q '2 in quarantine (shape, ' out || "$starling" status run --json | grep -q '"quarantine_ms"' || gives run/history.db 2 "$(event quarantine-over)" ||
	fail "status does not say who is in quarantine"
"$hostile" flood run 2 1 garbage 1 > out 2>&1 && [ "$(sql run/history.db "$(event quarantine-over)")" -lt 2 ] && fail "let in during quarantine"
ok "the second is longer, status tells of it, and the key is refused meanwhile"

# Greetings of this session and of another in turn: each other one is an event of level error, and none is refused as a frame.
expect 0 "$hostile" flood run 2 3 session 1000
refused="SELECT count(*) FROM event WHERE peer = 3 AND kind = 'neighbour-refused'"
some_refused() { [ "$(sql run/history.db "$refused")" -ge 64 ]; }
within 10 some_refused
ok "1,000 greetings of two sessions: rows have a budget"

before=$(resident 3)
case $build in *-address*) most=65536 ;; *) most=8192 ;; esac
expect 0 "$hostile" loris run 3 200
[ $(($(resident 3) - before)) -le $most ] || fail "a crowd at the door costs $(($(resident 3) - before)) kB"
[ "$(grep -c 'crowd: ' run/3.out)" -eq 1 ] || fail "not one line a burst: $(cat run/3.out)"
ok "a crowd at the door is thinned out; it costs $(($(resident 3) - before)) kB"

expect 0 "$hostile" endless run 2 3 400
within 10 grep -q 'cut-off: ' run/3.out
[ $(($(highest 3) - before)) -le 262144 ] || fail "it cost $(($(highest 3) - before)) kB"
ok "a message of 12,800 parts is cut off at $(($(highest 3) - before)) kB"

start_peer run 2
peers_end 0 60 run 0 1 2 3
expect 0 "$starling" sim run
same_models run/history.db 4
same_rows run/history.db 240
[ "$(sql run/history.db "$refused")" -le 70 ] || fail "$(sql run/history.db "$refused") rows of one kind"
query run/history.db 1 "SELECT sum(CAST(detail AS INTEGER)) > 400 FROM event WHERE peer = 3 AND kind = 'rows-left-out' AND detail LIKE '%neighbour-refused%'"
ok "the run ends with the models that it would have ended with"
