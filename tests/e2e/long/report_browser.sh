#!/bin/sh
# Pages of `starling report` in a real browser (headless Chromium): no script error, nothing fetched, every figure drawn and within
# its page, in light and dark, on a screen and on a phone; and every number on it is what SQL gives. Of one run, of several, and
# of one with a crash, a blocked port and a peer that sends garbage.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
	echo "skipped: chromium is not here (chromium)"
	exit 0
}
command -v nft > /dev/null || {
	echo "skipped: nft is not here (nftables)"
	exit 0
}
command -v gnuplot > /dev/null || {
	echo "skipped: gnuplot is not here (gnuplot-nox)"
	exit 0
}
apart -n
ip link set lo up || exit 1
hostile=$build/tests/e2e/hostile

# A peer is killed and comes back, the port of another is blocked for some seconds, the last one sends garbage under its own key.
make_run run complete:6 --set algorithm.robust=trim:1 --set run.rounds=700 --set run.period=20ms --set run.round_timeout=1s \
	--set run.link_timeout=3s
for k in 0 1 2 3 4; do start_peer run $k; done
within 20 round_over run 2 40
kill -9 "$(cat run/2.pid)"
within 20 round_over run 1 80
start_peer run 2
within 20 gives run/history.db 1 "SELECT count(*) FROM event WHERE peer = 2 AND kind = 'recovered-from-neighbours'"
expect 0 "$hostile" flood run 5 0 garbage 200
port=$(endpoint_of run 3 | sed 's/.*://')
nft "add table ip cut; add chain ip cut in { type filter hook input priority 0; };
	add rule ip cut in tcp dport $port drop; add rule ip cut in tcp sport $port drop" || fail "nft"
within 20 gives run/history.db 1 "SELECT count(*) > 0 FROM event WHERE kind = 'link-down' AND detail LIKE '%from peer 3 %'"
nft delete table ip cut
peers_end 0 120 run 0 1 2 3 4
expect 0 "$starling" report run -o troubled.html
grep -q 'Peer 2 was started again' troubled.html || fail "nobody was away"
grep -q 'put peer <data class="quarantine-peer" value="5">' troubled.html || fail "nobody was in quarantine"

for seed in 1 2; do
	for algorithm in malcom dpsgd; do
		expect 0 "$starling" sim --topology ring:6 --history all.db --set data.format=synthetic:400,100 --set model.name=mlp:8 \
			--set run.name="$algorithm" --set algorithm.name=$algorithm --set run.seed=$seed --set run.rounds=60 --set history.evaluate=5
	done
done
sqlite3 all.db "INSERT INTO event SELECT run_id, 1, started_at + 9000, 5, 'warning', 'edge-late', '<script>throw 1</script>' FROM run;
	UPDATE round_data SET compute_us = 1000, compress_us = 100, wait_us = 10 * peer"
first=$(sql all.db "SELECT run_id FROM run LIMIT 1")
expect 0 "$starling" report all.db -o several.html
expect 0 "$starling" report all.db --run "$first" -o one.html
for page in "troubled.html run/history.db" "several.html all.db"; do
	# shellcheck disable=SC2086 # two arguments
	expect 0 /usr/bin/python3 "$root/tests/e2e/report.py" $page
done

# The page with a script that looks at it; its own policy would not let that run.
cat > look.js << 'EOF'
var problems = [];
addEventListener("error", function (e) { problems.push("error: " + e.message); });
addEventListener("load", function () {
  var drawn = 0;
  document.querySelectorAll("figure").forEach(function (figure) {
    var name = figure.querySelector("figcaption").firstChild.textContent, svg = figure.querySelector("svg");
    var place = svg.getBoundingClientRect(), shapes = 0;
    svg.querySelectorAll("path, polygon, circle").forEach(function (shape) {
      var box = shape.getBoundingClientRect();
      if (box.width > 0 || box.height > 0) shapes++;
      if (box.left < place.left - 2 || box.right > place.right + 2 || box.top < place.top - 2 || box.bottom > place.bottom + 2)
        problems.push(name + ": a shape leaves the figure");
    });
    svg.querySelectorAll("text").forEach(function (text) {
      var box = text.getBoundingClientRect();
      if (box.width > 0 && (box.left < place.left - 2 || box.right > place.right + 2)) problems.push(name + ": a text is cut off: " + text.textContent);
      /* numbers of peers are white on their circles */
      if (!text.closest("[fill^='rgb(255']") && getComputedStyle(text).fill === getComputedStyle(document.body).backgroundColor) problems.push(name + ": a text has the colour of the page");
    });
    if (place.width < 100 || place.height < 60 || shapes < 3) problems.push(name + ": not drawn");
    else drawn++;
  });
  if (document.documentElement.scrollWidth > innerWidth + 1) problems.push("the page is wider than the window");
  if (performance.getEntriesByType("resource").length) problems.push("something was fetched");
  document.querySelectorAll("pre.copy").forEach(function (text) {
    var button = text.parentNode.querySelector("button");
    if (!button) problems.push("no button to copy");
    else button.click();
  });
  document.title = drawn + " drawn; " + (problems.length ? problems.join("; ") : "no problem") + "; dark " +
    matchMedia("(prefers-color-scheme: dark)").matches;
});
EOF
for page in one several troubled; do
	{
		sed '/Content-Security-Policy/d; /<\/head>/d; /^<body>/,$d' $page.html
		echo '<script>' && cat look.js && echo '</script></head>'
		sed -n '/^<body>/,$p' $page.html
	} > look-$page.html
	figures=$(grep -c '<figcaption>' $page.html)
	for window in 1280,900 500,844; do
		for light in '' --force-dark-mode; do
			# shellcheck disable=SC2086 # no flag, or one
			"$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/browser" --window-size=$window $light \
				--enable-logging=stderr --virtual-time-budget=5000 --dump-dom "file://$work/look-$page.html" > out 2> log ||
				fail "the browser failed: $(tail -n 3 log)"
			title=$(sed -n 's:.*<title>\([^<]*\)</title>.*:\1:p' out | head -n 1)
			dark=false
			[ -z "$light" ] || dark=true
			[ "$title" = "$figures drawn; no problem; dark $dark" ] || fail "$page, $window $light: $title"
			grep 'CONSOLE' log > err && fail "$page, $window $light: the browser complains"
		done
	done
	# As it is sent, policy and all: its own script runs.
	"$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/browser" --enable-logging=stderr --virtual-time-budget=5000 \
		--dump-dom "file://$work/$page.html" > out 2> log || fail "the browser failed: $(tail -n 3 log)"
	grep 'CONSOLE' log > err && fail "$page: the browser complains"
	grep -q '<button>copy</button>' out || fail "$page: its script did not run"
	ok "$page.html: $figures figures drawn, in light and dark, wide and narrow; no error, nothing fetched"
done
