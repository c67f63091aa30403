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
