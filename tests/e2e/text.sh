#!/bin/sh
# doc/examples/text: how texts are prepared, and, in `make trainers` (TORCH=1), the whole example at a tiny size.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
python=${PYTHON:-/usr/bin/python3}
example=$root/doc/examples/text
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

expect 0 "$python" "$example/prepare.py" --made texts 60000
expect 0 "$python" "$example/prepare.py" --made again 60000
expect 0 diff -r texts again
expect 0 "$python" - texts <<'PY'
import sys
folder, names = sys.argv[1], "bible anarchism gcide fortunes foldoc linux perl manpages".split()
for name in names:
    train, held = (open(f"{folder}/{name}.{part}", "rb").read() for part in ("train", "held"))
    assert set(train + held) <= {10, *range(32, 127)}, name
    assert 50000 < len(train) + len(held) <= 60000 and 0.05 < len(held) / len(train) < 0.15, name
    assert not any(held[i:i + 200] in train for i in range(0, len(held) - 200, 200)), f"{name}: held-out text is learnt from"
PY
ok "texts: the same each time, in 96 characters; what is held out is not learnt from"

PYTHONPATH=$example expect 0 "$python" - <<'PY'
from prepare import ascii_only, man_page, pod
assert ascii_only("caf\u00e9 \u201cx\u201d\u2014y\r\n\n \n\nz\u4e2d\t.") == 'cafe "x"--y\n\nz    .'
page = '.\\" by\n.TH READ 2\n.SH NAME\nread \\- read from a file\n.PP\n.BR read ()\n\\fBfd\\fP, \\(aqa\\(aq.\n'
assert man_page(page) == "\nNAME\nread - read from a file\n\nread ()\nfd, 'a'.\n", man_page(page)
assert pod("=head1 NAME\n\n=over 4\n\nC<< $a->b >> B<and I<c>> E<lt>\n") == "NAME\n\n\n\n$a->b and c <\n"
PY
ok "markup of manual pages and Perl's documentation is stripped"

[ -n "${TORCH:-}" ] || exit 0
STARLING=$starling PYTHON=$python ROUNDS=12 STEPS=5 WIDTH=32 WINDOWS=8
export STARLING PYTHON ROUNDS STEPS WIDTH WINDOWS
mkdir small && mv texts small/texts
expect 0 "$example/run.sh" "$work/small" ring:8
says out "perplexity of" "7 manpages" "MB sent per peer"
cp out table
[ -s small/ring-8/loss.png ] || fail "no plot"
query small/ring-8/history.db "32|32" "SELECT sum(name = 'own'), sum(name = 'others') FROM metric WHERE peer < 8"
# Letters of one alphabet in all libraries: who learns anything gets below the 96 of a guess, and the peers help one another.
query small/ring-8/history.db "1|1" "SELECT max(value) < 40, min(value) > 1 FROM metric WHERE round = 11"
expect 0 awk '/^mean / { exit !(NF == 7 && $2 > 1 && $4 > 1 && $6 > 1) }' table
ok "eight peers learn a transformer by daemons, beside pooled texts and each library alone"
