#!/bin/sh
# The Python package by itself: against a peer of its own, and as it is installed.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
python=${PYTHON:-/usr/bin/python3}
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
expect 0 env PYTHONPATH="$root/lib/trainer/python" "$python" -m unittest discover -s "$root/lib/trainer/python/tests"
says err OK
ok "the package's own tests"
for file in __init__ _peer _wire torch; do
	[ -s "$root/lib/trainer/python/starling/$file.py" ] || fail "$file.py is missing"
	"$python" -c "import ast, sys
for n in ast.walk(ast.parse(open(sys.argv[1]).read(), feature_version=(3, 9))):
    if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and not n.name.startswith('_') and not ast.get_docstring(n):
        if n.name not in ('close', 'pack_hello', 'pack_ready', 'pack_saved', 'number', 'Accepted', 'Asked', 'add'):
            sys.exit(f'{n.name} has no docstring')" "$root/lib/trainer/python/starling/$file.py" 2> err || fail "$file.py"
done
ok "every public name has its text, in the words of Python 3.9"

# A trainer in C, with the header alone, in both modes; four peers that pull to 0, 1, 2 and 3 meet at 1.5.
cc=${CC:-cc}
expect 0 $cc -std=c99 -Wall -Wextra -Werror -O1 -I "$root/lib/trainer" -o plain "$root/tests/trainer/plain.c"
for mode in steps gradient; do
	expect 0 "$starling" init $mode --topology complete:4 --trainer "MODE=$mode $work/plain" --set "model.name=trainer:$mode" \
		--set algorithm.name=dpsgd --set 'compress.pipeline=all | float32 | raw' --set run.rounds=40 \
		--set history.evaluate=20 --set algorithm.lambda=0 --set algorithm.eta_schedule=constant
	says out "3 tensors, of which 2 are learnt" "7 parameters"
	expect 0 "$starling" sim $mode --trainers 2
	query $mode/history.db "4|1" "SELECT count(*), max(abs(value - 1.5)) < 0.9 AND abs(avg(value) - 1.5) < 0.001
		FROM metric WHERE name = 'first' AND round = 39"
done
ok "a trainer in C, by the header alone"
