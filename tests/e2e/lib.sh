# Helpers of the end-to-end scripts, which are POSIX sh, get the build directory in BUILD, and start with
#   . "$(dirname "$0")/lib.sh"
# Everything lives in $work, a folder that is removed at the end together with every process in $pids.
# shellcheck shell=sh disable=SC2034 # used by those who read this
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
starling=$build/starling
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/starling-e2e-XXXXXX") || exit 1
pids=
cleanup() {
	code=$?
	trap - EXIT
	# shellcheck disable=SC2086 # one word a process
	[ -z "$pids" ] || kill -KILL $pids 2> /dev/null
	rm -rf "$work"
	exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work" || exit 1

# ok WHAT / fail WHAT: one line a case, as cmocka prints it, for scripts/run-tests to count.
ok() { echo "[       OK ] $*"; }
fail() {
	echo "[  FAILED  ] $*"
	for f in "$work/out" "$work/err"; do
		[ ! -s "$f" ] || sed "s|^|    $(basename "$f"): |" "$f" | tail -n 20
	done
	exit 1
}

# expect CODE COMMAND...: runs it with its output in $work/out and $work/err; the exit code must be CODE.
expect() {
	wanted=$1
	shift
	"$@" > "$work/out" 2> "$work/err"
	found=$?
	[ "$found" -eq "$wanted" ] || fail "exit code $found instead of $wanted: $*"
}

# says out|err TEXT...: what the last command printed holds each text.
says() {
	where=$1
	shift
	for text in "$@"; do
		grep -qF -- "$text" "$work/$where" || fail "std$where lacks '$text'"
	done
}

# one_line out|err: exactly one line was printed, notes not counted.
one_line() { [ "$(grep -vc ' note: ' "$work/$1")" -eq 1 ] || fail "std$1 is not one line"; }

# within SECONDS COMMAND...: repeats the command until it succeeds.
within() {
	deadline=$(($(date +%s) + $1))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "$(date +%s)" -lt "$deadline" ] || fail "not in time: $*"
		sleep 0.05
	done
}

# background COMMAND...: starts it with its output in $work/background; its number is in $pid.
background() {
	"$@" > "$work/background" 2>&1 &
	pid=$!
	pids="$pids $pid"
}
