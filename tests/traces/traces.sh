#!/bin/sh
# traces.sh [--accept] [NAME...]: runs the scenarios of tests/traces and compares what they tell with the texts kept beside them;
# --accept replaces these. BUILD is the build folder.
set -u
here=$(cd "$(dirname "$0")" && pwd)
trace=$(cd "$here/../.." && cd "${BUILD:-build}" && pwd)/tests/traces/trace
accept=
[ "${1-}" != --accept ] || { accept=yes; shift; }
[ $# -gt 0 ] || set -- "$here"/*.scenario
now=$(mktemp -d) || exit 1
trap 'rm -rf "$now"' EXIT
bad=0
for scenario; do
	name=$(basename "$scenario" .scenario)
	"$trace" "$here/$name.scenario" > "$now/$name" 2> "$now/error"
	code=$?
	if [ $code -ne 0 ]; then
		cat "$now/error"
		tail -n 5 "$now/$name"
		echo "[  FAILED  ] $name: code $code"
		bad=1
	elif [ -n "$accept" ]; then
		cmp -s "$now/$name" "$here/$name.trace" || echo "accepted   $name"
		cp "$now/$name" "$here/$name.trace"
	elif diff -u "$here/$name.trace" "$now/$name"; then
		echo "[       OK ] $name"
	else
		echo "[  FAILED  ] $name: another trace than the kept one (- kept, + now). If that is meant: make traces-accept"
		bad=1
	fi
done
exit $bad
