#!/bin/sh
# Metrics of real daemons: both text formats over a UNIX socket and TCP, the file for node_exporter, requests that are no
# requests, and clients that hang. Prometheus itself scrapes them in tests/e2e/long/prometheus.sh.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

cat > ask.py << 'end'
"""ask.py ADDRESS [TEXT]: sends TEXT (default: a request for metrics), prints what comes until the end."""
import socket, sys
address = sys.argv[1]
if address.startswith("/"):
    s = socket.socket(socket.AF_UNIX)
    s.connect(address)
else:
    host, port = address.rsplit(":", 1)
    s = socket.create_connection((host, int(port)))
s.settimeout(60)
text = sys.argv[2] if len(sys.argv) > 2 else "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
s.sendall(text.encode().decode("unicode_escape").encode())
answer = b""
while True:
    piece = s.recv(65536)
    if not piece:
        break
    answer += piece
sys.stdout.write(answer.decode().replace("\r\n", "\n"))
end
ask() { /usr/bin/python3 ask.py "$@"; }

make_run run ring:3 --set run.rounds=100000000 --set run.period=5ms --set 'run.name=odd "name"' --set history.every=1000 --set history.evaluate=50
for wrong in listen=localhost:9464 listen=10.1.2.3:9464 listen=unix: listen=127.0.0.1:70000 textfile=metrics.txt; do
	expect 2 "$build/starlingd" -n -r run/run.conf -p 0 --set "metrics.$wrong"
	says err "--set metrics.${wrong%%=*}: [metrics] ${wrong%%=*} = ${wrong#*=}: "
	one_line err
done
expect 0 "$build/starlingd" -n -r run/run.conf -p 0 --set metrics.listen=10.1.2.3:9464 --set metrics.remote=yes
ok "addresses that cannot be, or that others reach, are refused"

# By default nothing listens but the peers' own sockets.
for k in 0 1 2; do start_peer run $k --set metrics.listen="unix:$work/%d.sock" --set metrics.textfile="$work/%d.prom"; done
for k in 0 1 2; do within 30 test -S "$work/$k.sock" -a -s "$work/$k.prom"; done
within 30 round_over run 1 100
ask "$work/1.sock" > out
says out "HTTP/1.1 200 OK" "Content-Type: text/plain; version=0.0.4; charset=utf-8" "Connection: close" \
	'starling_links_up{run="odd \"name\"",peer="1"} 2' 'starling_link_up{run="odd \"name\"",peer="1",neighbour="0"} 1' \
	"# TYPE starling_rounds_total counter" 'starling_phase{run="odd \"name\"",peer="1",phase="halted"} 0'
[ "$(sed '1,/^$/d' out | wc -c)" -eq "$(sed -n 's/^Content-Length: //p' out)" ] || fail "the length is not that of the body"
sed '1,/^$/d' out > body
rounds=$(sed -n 's/^starling_rounds_total{.*} //p' body)
[ "$rounds" -gt 100 ] || fail "$rounds rounds"
ask "$work/1.sock" 'GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n' > out
says out "application/openmetrics-text; version=1.0.0; charset=utf-8" "# TYPE starling_rounds counter" "starling_rounds_total{" \
	"# TYPE starling_run info"
tail -n 1 out | grep -qx '# EOF' || fail "OpenMetrics ends with # EOF"
[ "$(stat -c %a 0.prom)" = 644 ] || fail "node_exporter cannot read the file"
grep -q '^starling_rounds_total{' 0.prom || fail "the file holds no metrics"
[ ! -e 0.prom.tmp ] || fail "a temporary file was left"
# Every family has a text and a type, once, before its samples, and every name begins with ours or process_.
awk '/^# HELP / { help[$3]++; next } /^# TYPE / { type[$3]++; name = $3; next }
	{ n = $1; sub(/{.*/, "", n); if (n != name || !help[n] || help[n] > 1 || type[n] > 1 || n !~ /^(starling|process)_[a-z_]+$/) { print; bad = 1 } }
	END { exit bad }' body > err || fail "samples without a family of their own"
sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' body | while read -r name; do
	grep -qw "$name" "$root/daemon/man/starlingd.8.in" || echo "$name"
done > err
[ ! -s err ] || fail "metrics that starlingd(8) does not name"
# Alert rules and dashboard ask for nothing that starlingd(8) does not name, and rules are documented.
grep -oh 'starling_[a-z_]*' "$root"/scripts/monitoring/* | sort -u | while read -r name; do
	grep -qw "$name" "$root/daemon/man/starlingd.8.in" || echo "$name"
done > err
sed -n 's/.*alert: //p' "$root/scripts/monitoring/starling.rules.yml" | while read -r name; do
	grep -qw "$name" "$root/daemon/man/starlingd.8.in" && grep -q "alertname: $name$" "$root/tests/monitoring/starling.rules.test.yml" || echo "$name"
done >> err
[ ! -s err ] || fail "alerts or metrics of the rules and the dashboard that are not documented, or not tested"
ok "both formats, over a UNIX socket; the file for node_exporter"

if command -v promtool > /dev/null; then
	expect 0 promtool check metrics < body
	expect 0 promtool check metrics < 0.prom
	[ ! -s out ] && [ ! -s err ] || fail "promtool has something to say"
	cp "$root/scripts/monitoring/starling.rules.yml" "$root/tests/monitoring/starling.rules.test.yml" .
	expect 0 promtool check rules starling.rules.yml
	expect 0 promtool test rules starling.rules.test.yml
	ok "promtool finds nothing to improve in metrics and alert rules; each alert fires and resolves in its test"
else
	echo "skipped: no promtool (package prometheus) to check the metrics with"
fi

for request in 'GET / HTTP/1.1\r\n\r\n=404' 'POST /metrics HTTP/1.1\r\n\r\n=405' 'nonsense\r\n\r\n=400' 'GET /metrics HTTP/3.0\r\n\r\n=505'; do
	ask "$work/0.sock" "${request%=*}" > out
	says out "HTTP/1.1 ${request##*=} " "GET /metrics"
done
long=$(head -c 5000 /dev/zero | tr '\0' a)
ask "$work/0.sock" "GET /metrics HTTP/1.1\r\nA: $long" > out 2> err
says out "HTTP/1.1 431 "
ok "what is no request for metrics is refused"

# Clients that say nothing do not keep out one that asks, and rounds go on.
cat > hang.py << 'end'
import socket, sys
all = []
for _ in range(12):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(b"GET /metr")
    all.append(s)
print("hanging", flush=True)
sys.stdin.read()
end
mkfifo end
/usr/bin/python3 hang.py "$work/0.sock" < end > hanging &
pids="$pids $!"
exec 3> end
within 30 test -s hanging
before=$(round_of run 0)
ask "$work/0.sock" > out
says out "HTTP/1.1 200 OK"
within 30 round_over run 0 $((before + 100))
exec 3>&-
ok "silent clients keep out nobody"

# A killed peer leaves its socket's name, which the next start replaces; a port that is taken is tried again.
kill -KILL "$(cat run/2.pid)"
within 30 gone "$(cat run/2.pid)"
[ -S 2.sock ] || fail "no name was left"
/usr/bin/python3 -c '
import socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1], flush=True)
sys.stdin.readline()' < /dev/null > port
port=$(cat port)
start_peer run 2 --set metrics.listen="unix:$work/%d.sock"
within 30 sh -c "/usr/bin/python3 ask.py '$work/2.sock' | grep -q starling_rounds_total"
kill -TERM "$(cat run/2.pid)"
peers_end 0 30 run 2
[ ! -e 2.sock ] || fail "an orderly end leaves the socket"
start_peer run 2 --set metrics.listen="127.0.0.1:$((port - 2))+%d"
within 30 sh -c "/usr/bin/python3 ask.py 127.0.0.1:$port | grep -q starling_rounds_total"
ok "a socket that was left is replaced; TCP, with a port per peer"

for k in 0 1 2; do kill -TERM "$(cat run/$k.pid)"; done
peers_end 0 30 run 0 1 2
[ ! -e 0.prom ] && [ ! -e 1.prom ] || fail "the file outlives its peer"
ok "stale numbers are removed at the end"
