#!/bin/sh
# A neighbour whose key is good and whose messages are not: refused, counted, said once a burst, forgotten; nothing that
# it sends costs memory, and the run ends with the models it would have ended with.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
hostile=$build/tests/e2e/hostile
# A sanitizer keeps what was freed for a while: not for long, here.
export ASAN_OPTIONS="quarantine_size_mb=4:thread_local_quarantine_size_kb=64:${ASAN_OPTIONS:-}"
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(cat "run/$1.pid")/status"; }
flood() { expect 0 "$hostile" flood run 3 2 "$@"; }
refused() { echo "SELECT coalesce(sum(refused), 0) FROM link WHERE run_id = $(newest daemon) AND peer = $1 AND neighbour = $2"; }

make_run run ring:6 --set run.rounds=60 --set run.link_timeout=2s --set limits.refusals=0 --set limits.frames=0
for k in 0 1 2 4 5; do start_peer run $k; done
within 20 phase_is run 1 waiting # for peer 2, which waits for peer 3, whose seat is taken by somebody else
flood garbage 1
within 10 gives run/history.db 1 "SELECT count(*) FROM event WHERE peer = 2 AND kind = 'frame-refused' AND level = 'warning'"
query run/history.db "peer 3 sent bytes that are not a frame of this version" \
	"SELECT detail FROM event WHERE peer = 2 AND kind = 'frame-refused'"
[ "$(grep -c 'frame-refused: ' run/2.out)" -eq 1 ] || fail "not one line: $(cat run/2.out)"
ok "a refused frame is an event row and a line"

flood garbage 2000
before=$(resident 2)
for what in garbage empty header cut foreign greeting long; do flood $what 4000; done
flood parts 2000
flood garbage 2000
after=$(resident 2)
case $build in *-address*) most=65536 ;; *) most=2048 ;; esac
[ $((after - before)) -le $most ] || fail "32,000 refused frames cost $((after - before)) kB"
lines=$(grep -c 'frame-refused: ' run/2.out)
[ "$lines" -le 3 ] || fail "$lines lines about one neighbour: $(cat run/2.out)"
phase_is run 2 greeting || fail "peer 2 does not wait any more"
ok "a flood is counted, not told; 32,000 frames cost $((after - before)) kB"

flood huge 3
within 10 gives run/history.db 1 "SELECT count(*) FROM event WHERE peer = 2 AND kind = 'cut-off'"
[ "$(grep -c 'cut-off: ' run/2.out)" -eq 1 ] || fail "not one line: $(cat run/2.out)"
[ $(($(resident 2) - before)) -le $most ] || fail "three huge frames cost $(($(resident 2) - before)) kB"
ok "a huge frame ends the connection that it came on"

background sh -c "for what in garbage cut foreign greeting header long empty huge; do
	'$hostile' flood run 3 2 \$what 500 || exit; '$hostile' flood run 3 4 \$what 500 || exit; done 2> /dev/null"
start_peer run 3
peers_end 0 60 run 0 1 2 3 4 5
expect 0 "$starling" sim run
same_models run/history.db 6
same_rows run/history.db 360
counted=$(sql run/history.db "$(refused 2 3) AND round = 59")
[ "$counted" -ge 20000 ] || fail "$counted refused frames were counted"
query run/history.db 0 "$(refused 2 1)"
query run/history.db 0 "$(refused 3 2)"
query run/history.db 0 "$(refused 0 1)"
query run/history.db "" "SELECT peer, kind, detail FROM event WHERE level IN ('error', 'warning') AND peer NOT IN (2, 4)
	AND run_id = $(newest daemon) AND detail NOT LIKE 'a connection ended %'"
ok "the true neighbour takes its seat, and the run ends with the models it would have ended with"
