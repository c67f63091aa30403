#!/bin/sh
# tests/bench/compare: medians of what was measured of two commits, and a flag on what became slower.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
compare() { RESULTS=$work/results sh "$root/tests/bench/compare" "$@"; }
expect 2 compare
says err "nothing was measured yet"
mkdir results
printf '# one machine\n2\ta round\n9\ta round\n3\ta round\n1.5\tthe other\n' > results/old
touch -d '1 minute ago' results/old
expect 2 compare
says err "only old was measured"
printf '# one machine\n3.2\ta round\n1.0\tthe other\n7\tnew\n' > results/new
expect 0 compare
says out "new beside old" "    3.00     3.20    +6.7 %  a round" "    1.50     1.00   -33.3 %  the other"
LIMIT=5 expect 1 compare old new
says out "a round   <- slower"
printf '# another machine\n4\ta round\n' >> results/new
expect 1 compare old new
says out "measured on unlike machines" "    3.00     3.60   +20.0 %  a round   <- slower"
expect 2 compare nosuch
says err "there is no nosuch" "new old"
ok "medians, differences and what is slower"
