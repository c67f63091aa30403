#!/bin/sh
# starling watch: lines into a pipe and with TERM=dumb, JSON, and on a terminal of any size a picture that fits, changes with
# the edges, and leaves the terminal as it was.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

expect 2 "$starling" watch nothing
says err "run.conf"
make_run run ring:4 --set run.rounds=100000000 --set run.period=5ms --set run.round_timeout=1s --set run.link_timeout=1s --set 'run.name=odd "\" name' \
	--set algorithm.local_steps=20 --set history.every=1000
expect 1 "$starling" watch run --plain --count 1
says out "no peer answers"
says err "no peer of run answers"
for k in 0 1 2 3; do start_peer run $k; done
for k in 0 1 2 3; do within 30 round_over run $k 60; done
expect 0 "$starling" watch run --count 2 --interval 100ms
says out "4 of 4 peers, 4 of 4 edges up" "rounds/s"
[ "$(wc -l < out)" -eq 2 ] || fail "not a line per look"
grep -q "$(printf '\033')" out && fail "escape sequences in a pipe"
ok "into a pipe: a line per look"

expect 0 "$starling" watch run --json --count 3 --interval 100ms
while read -r line; do
	printf '%s' "$line" > line
	sqlite3 :memory: "SELECT json_valid(readfile('line')) AND json_extract(readfile('line'), '\$.run') = 'odd \"\\\" name'
		AND json_array_length(readfile('line'), '\$.peers') = 4 AND json_extract(readfile('line'), '\$.edges[0].state') IN ('up', 'awaited')" |
		grep -qx 1 || fail "no JSON: $line"
done < out
[ "$(wc -l < out)" -eq 3 ] || fail "not an object per line"
ok "--json: an object per line, valid for odd names"

# On a terminal, which python makes: what is written to it, and whether its settings are restored.
cat > terminal.py << 'end'
"""terminal.py ROWS COLUMNS SECONDS COMMAND...: runs it on a terminal, presses q SECONDS after it began to write; prints what it wrote."""
import fcntl, os, pty, select, struct, sys, termios, time
rows, columns, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.execv(sys.argv[4], sys.argv[4:])
before = termios.tcgetattr(fd)
until, pressed, text = None, False, b""
while True:
    if not pressed and until and time.time() > until:
        os.write(fd, b"q")
        pressed = True
    if select.select([fd], [], [], 0.05)[0]:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        text += piece
        until = until or time.time() + seconds
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(text)
sys.exit(os.waitstatus_to_exitcode(status))
end
# What a terminal would show in the end: each frame begins at the top, so the last one is what counts.
cat > last.py << 'end'
import re, sys
text = sys.stdin.buffer.read().decode()
assert text.startswith("\033[?1049h") and text.endswith("\033[?1049l"), "another screen"
assert text.count("\033[?25l") == text.count("\033[?25h") == 1, "the cursor"
frames = text.replace("\033[?7h\033[?25h\033[?1049l", "").split("\033[H")[1:]
assert "\033[2J" not in text, "flicker"
rows, columns = int(sys.argv[1]), int(sys.argv[2])
for frame in frames:
    assert frame.endswith("\033[J"), "what is below is not cleared"
    lines = frame.split("\r\n")
    assert len(lines) <= rows, (len(lines), rows)
    for line in lines:
        assert line.endswith("\033[K") or line.endswith("\033[K\033[J"), repr(line)
        assert len(re.sub(r"\033\[[0-9;]*[A-Za-z]", "", line)) <= columns, line
print(re.sub(r"\033\[[HJK]", "", frames[-1]).replace("\r\n", "\n"))
print(len(frames), "frames")
end
on_terminal() { # ROWS COLUMNS SECONDS [NAME=VALUE...]
	rows=$1 columns=$2 seconds=$3
	shift 3
	env TERM=xterm LC_ALL=C.UTF-8 "$@" /usr/bin/python3 terminal.py "$rows" "$columns" "$seconds" "$starling" watch run --interval 200ms > raw 2> err ||
		fail "watch ended with $? on a terminal of $rows x $columns"
	/usr/bin/python3 last.py "$rows" "$columns" < raw > out 2> err || fail "a terminal of $rows x $columns: $(tail -n 1 err)"
}
for size in "24 80" "50 200" "10 80" "24 40" "3 10" "1 1"; do
	# shellcheck disable=SC2086 # two words
	on_terminal $size 0.4
done
on_terminal 24 80 1
says out "malcom on ring:4" "round " "accuracy " "sending " "edges: 4 up" "peer  round" "q ends"
LC_ALL=C grep -q "$(printf '\342[\240-\243]')" out || fail "no graph"
ok "on terminals of many sizes every frame fits, and is written over the one before"

on_terminal 24 80 0.5 NO_COLOR=1
grep -q "$(printf '\033')\[[0-9;]*m" out && fail "colours in spite of NO_COLOR"
on_terminal 24 80 0.5 LC_ALL=C
LC_ALL=C grep -q "$(printf '[\200-\377]')" out && fail "not ASCII"
env TERM=dumb /usr/bin/python3 terminal.py 24 80 0.5 "$starling" watch run --interval 100ms --count 3 > out
grep -q "$(printf '\033')" out && fail "escape sequences with TERM=dumb"
[ "$(grep -c '^q\{0,1\}round ' out)" -eq 3 ] || fail "TERM=dumb: not a line per look"
ok "NO_COLOR, other locales, TERM=dumb"

"$starling" watch run --interval 100ms > lines 2> err &
pid=$!
pids="$pids $pid"
within 30 grep -q "4 of 4 edges up" lines
kill -KILL "$(cat run/2.pid)"
within 30 grep -q "^edge 1-2: down" lines
within 30 grep -q "^edge 2-3: down" lines
"$starling" watch run --json --count 1 > out
says out '{"a": 1, "b": 2, "state": "down"}' '{"peer": 2, "answers": false}'
on_terminal 24 80 0.5
says out "2 down (1-2 2-3)" "no answer"
start_peer run 2
within 30 grep -q "^edge 1-2: up" lines
for k in 0 1 2 3; do kill -TERM "$(cat run/$k.pid)"; done
peers_end 0 30 run 0 1 2 3
ends 0 60 $pid
ok "a line when the state of an edge changes; the end of the run is the end of watch"
