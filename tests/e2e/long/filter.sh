#!/bin/sh
# doc/examples/filter: eight sites learn one l1-sparse filter of hashed words, without Python. Three minutes on an idle core.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
[ "$(apt-cache dumpavail 2> /dev/null | grep -c '^Package: ')" -ge 50000 ] || {
	echo "skipped: apt knows of fewer than 50000 packages (apt-get update)"
	exit 0
}
STARLING=$starling
export STARLING
expect 0 "$root/doc/examples/filter/run.sh" "$work/filter"
says out accuracy "MB sent in all"
query filter/run/history.db "8|1|1" "SELECT count(*), avg(test_accuracy) > 0.83, avg(nonzero) < 0.1 * 65538 FROM round WHERE round = 599"
query filter/run/history.db 1 "SELECT payload_bytes < 12e6 FROM summary"
ok "a sparse filter for eight sites: over 83 % right, nine coordinates of ten exactly zero, under 1.5 MB per peer"
