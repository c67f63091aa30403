#!/bin/sh
# A neighbour that does its work and sends other things besides: older frames again, frames cut and foreign, differences
# with a bit turned over. The run ends with the models and rows that it would have ended with.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
hostile=$build/tests/e2e/hostile
make_run run ring:6 --set run.rounds=60 --set run.link_timeout=2s --set limits.refusals=0 --set limits.frames=0

told="FROM link WHERE (neighbour = 3 OR peer = 3) AND round = 59 AND run_id = $(newest daemon)"
for how in replay mangle corrupt; do
	rm -f run/*.out run/history.db*
	echo "$how" | md5sum | cut -c 1-16 > run/session
	for k in 0 1 2 4 5; do start_peer run $k; done
	"$hostile" peer run 3 $how > run/3.out 2>&1 &
	echo $! > run/3.pid
	pids="$pids $!"
	peers_end 0 60 run 0 1 2 3 4 5
	expect 0 "$starling" sim run
	same_models run/history.db 6
	same_rows run/history.db 360
	case $how in
	replay) query run/history.db 1 "SELECT sum(repeated) > 20 AND sum(refused) = 0 $told" ;;
	mangle) query run/history.db 1 "SELECT sum(refused) > 100 $told" ;;
	corrupt) query run/history.db 1 "SELECT sum(refused) > 10 AND sum(resent) > 10 $told" ;;
	esac
	ok "changes nothing: $how"
done
