# Helpers of the end-to-end scripts, which are POSIX sh, get the build directory in BUILD, and start with
#   . "$(dirname "$0")/lib.sh"
# Everything lives in $work, a folder that is removed at the end (unless KEEP is set) together with every process in $pids.
# shellcheck shell=sh disable=SC2034 # used by those who read this
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
starling=$build/starling
self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
root=${self%/tests/*}
work=$(mktemp -d "${TMPDIR:-/tmp}/starling-e2e-XXXXXX") || exit 1
pids=
cleanup() {
	code=$?
	trap - EXIT
	# shellcheck disable=SC2086 # one word a process
	[ -z "$pids" ] || kill -KILL $pids 2> /dev/null
	if [ -n "${KEEP:-}" ]; then echo "kept: $work"; else rm -rf "$work"; fi
	exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work" || exit 1

# ok WHAT / fail WHAT: one line a case, as cmocka prints it, for scripts/run-tests to count. While $excuse is set, what fails is
# a reason to skip the rest.
ok() { echo "[       OK ] $*"; }
excuse=
fail() {
	[ -z "$excuse" ] || { echo "skipped: $excuse: $*" && exit 0; }
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

# within SECONDS COMMAND...: repeats the command until it succeeds; a $(...) in its arguments is expanded once, before. Only a
# failure takes so long: on a machine that is busy with other things there may be three times as many. The command may be a
# program that takes a while to start, so after the first tries it pauses for longer.
within() {
	deadline=$(($(date +%s) + 3 * $1))
	shift
	pause=0.05 tries=0
	until "$@" > /dev/null 2>&1; do
		[ "$(date +%s)" -lt "$deadline" ] || fail "not in time: $*"
		sleep $pause
		tries=$((tries + 1))
		[ $tries -lt 10 ] || pause=0.2
	done
}

# background COMMAND...: starts it with its output in $work/background; its number is in $pid.
background() {
	"$@" > "$work/background" 2>&1 &
	pid=$!
	pids="$pids $pid"
}

# apart UNSHARE-OPTIONS: the rest of the script goes on in namespaces of its own; where those are not permitted, it
# says "skipped" and is done.
apart() {
	[ -z "${APART:-}" ] || return 0
	if ! unshare "$1" ip link set lo up 2> /dev/null; then
		echo "skipped: no namespaces here"
		exit 0
	fi
	cd "$root" || exit 1
	APART=1 BUILD=$build unshare "$1" sh "$self"
	exit
}

# ---- runs of real daemons ----

# sql DB QUERY: rows on stdout, columns parted by |.
sql() { sqlite3 -batch -cmd '.timeout 10000' "$1" "$2" || fail "sqlite3 $1: $2"; }

# query DB WANTED QUERY: the one value that the query gives.
query() {
	got=$(sql "$1" "$3")
	[ "$got" = "$2" ] || fail "'$got' instead of '$2': $3"
}

# gives DB WANTED QUERY: as a condition, for within. Only a reader that may not write is safe while files are being replaced:
# another one that closes a database last copies the log beside it into it, whichever database that log belongs to.
gives() { [ "$(sqlite3 -batch -readonly -cmd '.timeout 10000' "$1" "$3" 2> /dev/null)" = "$2" ]; }

# make_run NAME TOPOLOGY [ARGUMENT...]: a small run of exact lockstep on synthetic data in $work/NAME.
make_run() {
	name=$1
	shape=$2
	shift 2
	expect 0 "$starling" init "$name" --topology "$shape" --data synthetic:640,160 --set model.name=mlp:16 \
		--set run.round_timeout=never --set history.evaluate=20 "$@"
}

# neighbours RUN K: their numbers, in ascending order.
neighbours() { sed -n "s/^edge $2 \([0-9]*\) .*/\1/p; s/^edge \([0-9]*\) $2 .*/\1/p" "$1/roster" | sort -n; }
endpoint_of() { sed -n "s/^peer $2 [^ ]* \([^ ]*\) .*/\1/p" "$1/roster"; }

# start_peer RUN K [ARGUMENT...]: a bare starlingd; its number is in $pid and in RUN/K.pid, its words go to RUN/K.out.
start_peer() {
	run=$1
	k=$2
	shift 2
	"$build/starlingd" -r "$run/run.conf" -p "$k" "$@" >> "$run/$k.out" 2>&1 &
	pid=$!
	pids="$pids $pid"
	echo "$pid" > "$run/$k.pid"
}

# gone PID: it ended, though nobody waited for it yet.
gone() { ! grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2> /dev/null; }

# runs PATTERN: some process has a command line with that pattern (procps, with pgrep, is not everywhere).
runs() {
	for command in /proc/[0-9]*/cmdline; do
		tr '\0' ' ' 2> /dev/null < "$command" | grep -q -- "$1" && return
	done 2> /dev/null
	return 1
}

# ends CODE SECONDS PID: it ends in time, with that exit code.
ends() {
	within "$2" gone "$3"
	wait "$3"
	found=$?
	[ "$found" -eq "$1" ] || fail "process $3 ended with $found instead of $1"
}

# peers_end CODE SECONDS RUN K...: the same for peers that start_peer started.
peers_end() {
	code_wanted=$1
	limit=$2
	run=$3
	shift 3
	for k; do
		within "$limit" gone "$(cat "$run/$k.pid")"
		wait "$(cat "$run/$k.pid")"
		found=$?
		[ "$found" -eq "$code_wanted" ] || {
			cp "$run/$k.out" "$work/err"
			fail "peer $k ended with $found instead of $code_wanted"
		}
	done
}

# status_of RUN K FIELD: a number or word of the peer's own answer, of its first link if it is no field of the peer; nothing
# while it does not answer.
status_of() {
	"$starling" status "$1" --json 2> /dev/null | sed "s/{\"peer\":/\n&/g" | grep "^{\"peer\":$2," |
		grep -o "\"$3\":\"\{0,1\}[^,\"}]*" | sed "s/^[^:]*:\"\{0,1\}//; 1q"
}

# field_is RUN K FIELD VALUE / phase_is RUN K PHASE / round_over RUN K ROUND: as conditions, for within.
field_is() { [ "$(status_of "$1" "$2" "$3")" = "$4" ]; }
phase_is() { field_is "$1" "$2" phase "$3"; }
round_over() { [ "$(status_of "$1" "$2" round)" -gt "$3" ]; }

# round_of RUN K: as the peer says itself; it may be too busy to answer at once.
answers() {
	status_of "$1" "$2" round > "$work/answer.$2"
	[ -s "$work/answer.$2" ]
}
round_of() {
	within 60 answers "$1" "$2"
	cat "$work/answer.$2"
}

# same_models DB PEERS: of the newest run of each driver, all peers ended with a model, and with the same one.
newest() { echo "(SELECT run_id FROM run WHERE driver = '$1' ORDER BY started_at DESC LIMIT 1)"; }
same_models() {
	query "$1" "" "SELECT a.peer, a.exit, a.model_digest, b.model_digest FROM peer AS a LEFT JOIN peer AS b ON b.peer = a.peer
		AND b.run_id = $(newest sim) WHERE a.run_id = $(newest daemon) AND (a.model_digest = b.model_digest) IS NOT TRUE"
	query "$1" "$2|$2" "SELECT (SELECT count(*) FROM peer WHERE run_id = $(newest daemon) AND length(model_digest) = 64),
		(SELECT count(*) FROM peer WHERE run_id = $(newest sim) AND length(model_digest) = 64)"
}

# same_rows DB ROWS: the same for everything in the round rows that does not depend on time; so many rows on either side.
same_rows() {
	for driver in daemon sim; do
		query "$1" "$2" "SELECT count(*) FROM round WHERE run_id = $(newest $driver)"
	done
	query "$1" "$2" "SELECT count(*) FROM round AS a JOIN round AS b USING (peer, round)
		WHERE a.run_id = $(newest daemon) AND b.run_id = $(newest sim) AND a.train_loss IS b.train_loss
		AND a.test_loss IS b.test_loss AND a.test_accuracy IS b.test_accuracy AND a.nonzero IS b.nonzero
		AND a.disagreement IS b.disagreement AND a.penalty IS b.penalty AND a.payload_tx = b.payload_tx AND a.payload_rx = b.payload_rx"
}

# next_wire PROGRAM...: builds these (starling, starlingd) as they speak the next wire version, in $newer; the two versions are $old and
# $new. NEXT: a folder that keeps them for the next time.
next_wire() {
	newer=${NEXT:-$work/newer}
	compiler=${CC:-cc}
	! command -v ccache > out || compiler="ccache $compiler"
	for program; do
		[ -x "$newer/$program" ] || make -C "$root" B="$newer" CC="$compiler" CPPFLAGS=-DSL_NEXT_WIRE "$newer/$program" > out 2>&1 ||
			fail "the next version does not build"
	done
	old=$("$build/starlingd" -V | sed -n 's/^wire format //p')
	new=$("$newer/starlingd" -V | sed -n 's/^wire format //p')
	[ "$new" -eq $((old + 1)) ] || fail "wire versions $old and $new"
}
