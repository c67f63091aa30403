#!/bin/sh
# What every command writes for programs: JSON that is valid whatever names hold, and no escape sequence into a pipe, with
# TERM=dumb, or without a terminal at all.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# A name with all that a text of JSON, a shell and a terminal could stumble over; a folder with more of it.
odd=$(printf 'q"b\\s \303\244 <b> $x `y` %%s \302\205')
folder=$(printf 'f "q" \\ \303\244 %%d')
expect 0 "$starling" init "$folder" --topology ring:3 --data synthetic:400,100 --set model.name=softmax --set run.rounds=20 \
	--set history.evaluate=5 --set "run.name=$odd" --set "history.path=h \"q\" \\ %d.db"
valid() { # COMMAND...: what it prints is JSON, a value or one per line
	valid_of 0 "$@"
}
valid_of() { # CODE COMMAND...
	expect "$@"
	shift
	/usr/bin/python3 -c '
import json, sys
text = open("out", encoding="utf-8").read()
try:
    json.loads(text)
except ValueError:
    [json.loads(line) for line in text.splitlines()]
assert text.strip()' 2> why || { cp why err; fail "no JSON: $*"; }
	LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]')" out && fail "control characters: $*"
	return 0
}
valid "$starling" up "$folder" --json
valid "$starling" sim "$folder" --json --history "$folder/sim.db"
valid "$starling" history "$folder/h \"q\" \\ %d.db" --json
valid "$starling" history "$folder/sim.db" --json
valid "$starling" topology ring:4 --json
valid "$starling" roster "$folder" --json
valid_of 1 "$starling" status "$folder" --json
for kind in algorithms compressors coders models datasets partitions topologies settings; do valid "$starling" list $kind --json; done
ok "JSON of commands about a run with an odd name, in an odd folder"
# Every command has --json, or is listed here with its reason; those that print something of their own run with it.
without="completion" # prints a script for a shell
for command in $("$starling" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p'); do
	case " $without " in *" $command "*) continue ;; esac
	"$starling" "$command" --help | grep -q -- '^ *--json' || fail "no --json: $command"
done
valid "$starling" init "$folder.2" --json --topology ring:3 --data synthetic:400,100 --set "run.name=$odd"
valid "$starling" init "$folder.3" --json --remote 3 --features 4 --classes "a\"b,c\\d"
valid "$starling" keygen --json -o "$odd.key"
valid "$starling" keygen --json --public "$odd.key"
valid "$starling" enrol --json --name site-1 --endpoint tcp://127.0.0.1:7000 --key "$odd.2key"
valid "$starling" collect --json "$odd.db" "$folder/sim.db"
cp -r "$folder" "$folder.4"
valid "$starling" sim "$folder.4" --json --models --history "$odd.sim.db"
valid "$starling" export --json "$folder.4" -o "$odd.npz"
valid "$starling" predict --json "$folder.4"
if command -v gnuplot > /dev/null; then
	valid "$starling" report --json "$folder/sim.db" -o "$odd.html"
	valid "$starling" plot --json "$folder/sim.db" -o "$odd.svg"
fi
printf 'gw-1 0 1 2\n' > hosts
expect 0 "$starling" init plain --topology ring:3 --data synthetic:400,100 --set "run.name=$odd"
valid "$starling" deploy plain --json --hosts hosts -o deployed
valid "$starling" install --json --to "$odd.etc" --key plain/keys/0.key deployed/bundles/0.bundle
awk 'BEGIN { print "u,label,v"; for (i = 0; i < 60; i++) print i % 7 ",c\\" i % 2 "," i % 5 }' > table.csv
expect 0 "$starling" init "$folder.5" --topology ring:3 --data csv:table.csv --set model.name=softmax
valid "$starling" shard --json "$folder.5" --peer 1 --data csv:table.csv
ok "--json of every command"
expect 2 "$starling" roster "$folder" --json --remove 1
says err "--json lists the peers"
for k in 0 1 2; do
	"$build/starlingd" -r "$folder" -p $k --set run.rounds=100000000 --set run.period=5ms --set metrics.listen="unix:$work/%d.sock" > $k.out 2>&1 &
	pids="$pids $!"
	echo $! > $k.pid
done
answers() { [ "$("$starling" status "$folder" --json | grep -c '"phase":"')" -eq 3 ]; }
within 30 answers
valid "$starling" status "$folder" --json
valid "$starling" watch "$folder" --json --count 2 --interval 100ms
valid "$starling" doctor "$folder" --json
ok "the same while it runs"

escapes() { # COMMAND...: none in what it prints, into files and on a terminal that is dumb
	"$@" > out 2> err < /dev/null
	LC_ALL=C grep -q "$(printf '\033')" out err && fail "escape sequences in a file: $*"
	env TERM=dumb /usr/bin/python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) > 256)' "$@" > out 2> err < /dev/null
	LC_ALL=C grep -q "$(printf '\033')" out && fail "escape sequences with TERM=dumb: $*"
	return 0
}
escapes "$starling" status "$folder"
escapes "$starling" watch "$folder" --count 2 --interval 100ms
escapes "$starling" doctor "$folder"
for k in 0 1 2; do kill -TERM "$(cat $k.pid)"; done
for k in 0 1 2; do ends 0 30 "$(cat $k.pid)"; done
escapes "$starling" up "$folder"
escapes "$starling" sim "$folder" --history "$folder/sim.db"
escapes "$starling" history "$folder/sim.db"
escapes "$starling" roster "$folder"
printf '[axes]\nseed = 1, 2\n[set]\ntopology = ring:3\ndata.format = synthetic:400,100\ndata.train = synthetic\nmodel = softmax\nrounds = 5\n' > plan.ini
escapes "$starling" sweep plan.ini
for command in $("$starling" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p'); do escapes "$starling" "$command" --help; done
ok "no escape sequences into files, or with TERM=dumb, of any command"
