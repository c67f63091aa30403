#!/bin/sh
# A dial-only peer, which nobody can reach: it opens all its connections, both directions use them, and no bit of a run changes.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

make_run run ring:4 --set run.rounds=200 --set checkpoint.every=10
expect 0 "$starling" roster run --endpoint 1=dial-only
[ "$(head -n 1 run/roster)" = "starling-roster 3" ] || fail "the roster's text has not the version that knows dial-only"
expect 2 "$starling" roster run --endpoint 2=dial-only
says err "peers 1 and 2 are neighbours, and both dial-only: one end of a link must be reachable"
expect 0 "$starling" roster run --endpoint 3=dial-only
expect 0 "$starling" up run --plain
expect 0 "$starling" sim run
same_models run/history.db 4
same_rows run/history.db 800
query run/history.db 0 "SELECT count(*) FROM link WHERE run_id = $(newest daemon) AND round = (SELECT max(round) FROM link) AND (wire_tx IS NULL OR wire_tx = 0)"
ok "peers 1 and 3 only dial, and all models are those of the simulator, bit for bit"

# One connection a link: both ends of it listen nowhere else.
make_run live ring:3 --set run.rounds=1000000 --set run.period=5ms --set checkpoint.every=20
expect 0 "$starling" roster live --endpoint 1=dial-only
for k in 0 1 2; do start_peer live "$k"; done
for k in 0 1 2; do within 30 round_over live "$k" 50; done
sockets() { find "/proc/$(cat "live/$1.pid")/fd" -lname 'socket:*' -printf '%l\n' 2> /dev/null | tr -dc '0-9\n' | sort -u; }
states() { sockets "$1" | while read -r inode; do awk -v i="$inode" '$10 == i { print $4 }' /proc/net/tcp /proc/net/tcp6; done | sort | uniq -c | tr -s ' \n' ' '; }
[ "$(states 1)" = " 2 01 " ] || fail "the dial-only peer has other connections than its two (state 0A: it listens): $(states 1)"
ok "it listens nowhere, and has one connection per link"

# It comes back by itself after a crash, at either end.
for k in 1 0; do
	kill -KILL "$(cat "live/$k.pid")"
	reached=$(round_of live 2)
	start_peer live "$k"
	for j in 0 1 2; do within 60 round_over live "$j" $((reached + 50)); done
done
ok "a crash of either end of its links heals"

# Reachable again, and dial-only again, while the run goes on.
make_run spare path:2 # for a port that is free
expect 0 "$starling" roster live --endpoint "1=$(endpoint_of spare 0)" --tell
for k in 0 1 2; do within 30 grep -q "serial 3" "live/$k.out"; done
for k in 0 1 2; do within 60 round_over live "$k" $((reached + 100)); done
expect 0 "$starling" roster live --endpoint 1=dial-only --tell
reached=$(round_of live 0)
for k in 0 1 2; do within 60 round_over live "$k" $((reached + 100)); done
[ "$(states 1)" = " 2 01 " ] || fail "connections of the dial-only peer: $(states 1)"
kill "$(cat live/0.pid)" "$(cat live/1.pid)" "$(cat live/2.pid)"
peers_end 0 30 live 0 1 2
ok "a roster changes it, and back"
