#!/bin/sh
# Eight libraries learn one character transformer by daemons; then the same network on all texts together, and on each library
# alone, for as many characters. Needs python3-torch, sqlite3 and gnuplot-nox; some minutes of two cores.
# usage: run.sh FOLDER [TOPOLOGY]: FOLDER/texts is prepared if it is not there; the run is FOLDER/TOPOLOGY
# Environment: ROUNDS, STEPS per round, WIDTH, WINDOWS: smaller for tests. STARLING, PYTHON: programs
set -eu
here=$(cd "$(dirname "$0")" && pwd)
starling=${STARLING:-starling}
python=${PYTHON:-/usr/bin/python3}
rounds=${ROUNDS:-80}
steps=${STEPS:-10}
texts=$1/texts
graph=${2:-ring:8}
run=$1/$(echo "$graph" | tr -c 'a-z0-9\n' -)
PYTHONPATH=$here/../../../lib/trainer/python${PYTHONPATH:+:$PYTHONPATH}
export PYTHONPATH OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1

[ -s "$texts/manpages.held" ] || "$python" "$here/prepare.py" "$texts"
"$starling" init "$run" --topology "$graph" --trainer "$python $here/joined.py $(realpath "$texts")" \
	--set "run.rounds=$rounds" --set "algorithm.local_steps=$steps" --set algorithm.name=gasloc:0.5 \
	--set algorithm.eta=0.003 --set algorithm.eta_end=0.0006 --set "compress.pipeline=all | rounding:2 | golomb" \
	--set "history.evaluate=$((rounds / 4))" --set run.round_timeout=never
BATCH=2 "$starling" up "$run"
"$starling" plot "$run" --x payload --y test_loss -o "$run/loss.png"

# The references: as many characters of all texts, and of each library alone.
if ! [ -s "$1/references" ]; then
	BATCH=4 "$python" "$here/plain.py" "$texts" "$rounds" $((4 * steps)) 0.002 0.0004 > "$1/references.new"
	for name in bible anarchism gcide fortunes foldoc linux perl manpages; do
		BATCH=2 "$python" "$here/plain.py" "$texts" "$rounds" "$steps" 0.002 0.0004 $name >> "$1/references.new"
	done
	mv "$1/references.new" "$1/references"
fi
"$here/table.py" "$run/history.db" "$1/references"
