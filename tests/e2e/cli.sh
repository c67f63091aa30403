#!/bin/sh
# The command line: help, exit codes, and what is said about mistakes.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

expect 0 "$starling" --help
says out "usage: starling" "init" "keygen"
commands=$(sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' out)
expect 0 "$starling" --version
says out "starling " "OpenBLAS " "matrix kernel "
expect 2 "$starling"
says err "usage: starling"
ok "starling --help, --version"

for command in $commands; do
	expect 0 "$starling" "$command" --help
	says out "usage: starling $command"
	[ ! -s err ] || fail "$command --help writes to stderr"
	expect 2 "$starling" "$command" --no-such-option
	says err "starling $command:" "--no-such-option"
	[ ! -s out ] || fail "a misuse of $command writes to stdout"
done
ok "every command has --help, and refuses unknown options with 2"

expect 2 "$starling" stats
says err "unknown command 'stats'" "did you mean status?"
expect 2 "$starling" --halp
says err "unknown option '--halp'"
expect 2 "$starling" keygen --pulbic x
says err "did you mean --public?"
expect 2 "$starling" list modles
says err "did you mean models?"
expect 2 "$starling" up
says err "RUN is missing"
expect 2 "$starling" status a b
says err "unexpected argument 'b'"
ok "misuse: exit code 2 and what would be right"

expect 2 "$starling" sim --topology ring:4 --rate 12
says err "--rate" "must be a number and bit, kbit, Mbit or Gbit"
expect 2 "$starling" sim --topology ring:4 --rate 1mbit --queue 0kB
says err "--queue" "must be between 1B and 1000GB"
expect 2 "$starling" sim --topology ring:4 --bottleneck
says err "--bottleneck needs --rate"
expect 2 "$starling" sim --topology ring:4 --rate 1Mbit --loss 0.1
says err "cannot be used with --jitter, --loss"
expect 2 "$starling" sim --faults swarm --rate 1Mbit
says err "draws its own links"
ok "links of a rate: units, and options that exclude each other"

expect 0 "$starling" keygen -o key
one_line out
public=$(cat out)
[ "$(stat -c %a key)" = 600 ] || fail "a key file that others can read"
expect 0 "$starling" keygen --public key
says out "$public"
expect 2 "$starling" keygen -o key
says err "never overwritten"
expect 0 "$starling" keygen --public key
says out "$public"
chmod 644 key
expect 2 "$starling" keygen --public key
one_line err
ok "keygen makes keys, shows them, and never replaces one"

expect 0 "$starling" list
says out malcom topk dither golomb mlp idx dirichlet torus
for kind in algorithms compressors coders models datasets partitions topologies settings; do
	expect 0 "$starling" list $kind
	[ "$(wc -l < out)" -gt 2 ] || fail "list $kind is empty"
	expect 0 "$starling" list $kind --json
	sqlite3 :memory: "SELECT json_valid(readfile('out'))" | grep -qx 1 || fail "list $kind --json is no JSON"
done
ok "list, as text and as JSON"

expect 0 "$starling" list settings
cp out defaults.conf
grep -q '^eta = ' defaults.conf || fail "list settings prints no configuration"
ok "list settings prints a configuration"

chmod 600 key
expect 0 "$starling" init run --topology ring:3 --data synthetic:400,100 --set run.rounds=2 --set model.name=softmax
expect 0 "$starling" up run
full() { # COMMAND...: its output cannot be written, and it says so
	"$@" > /dev/full 2> err
	found=$?
	[ $found -eq 1 ] || fail "exit code $found instead of 1 with a full standard output: $*"
	says err "standard output: "
}
if [ -c /dev/full ]; then
	for command in $commands; do full "$starling" "$command" --help; done
	full "$starling" --help
	full "$starling" --version
	full "$starling" list
	full "$starling" list settings --json
	full "$starling" topology ring:4
	full "$starling" keygen --public key
	full "$starling" keygen -o another
	full "$starling" status run
	full "$starling" roster run
	full "$starling" roster run --rotate 1
	full "$starling" history run/history.db
	full "$starling" sim run
	full "$starling" up run
	full "$starling" init other --topology ring:3 --data synthetic:400,100
	full "$build/starlingd" -V
	full "$build/starlingd" --help
	full "$build/starlingd" -n -r run/run.conf -p 0
	ok "output that cannot be written is a failure, of every command"
fi

"$starling" keygen -o closed >&- 2> err
[ $? -eq 1 ] || fail "a closed standard output goes unnoticed"
expect 0 "$starling" keygen --public closed
"$starling" init quiet --topology ring:3 --data synthetic:400,100 >&- 2>&-
expect 0 "$starling" sim quiet --set run.rounds=2
ok "with closed standard descriptors no file is written over"
