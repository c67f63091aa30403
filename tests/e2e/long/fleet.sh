#!/bin/sh
# A fleet from bare hosts to learning, and its life: five hosts with a systemd each and the Debian package, in network namespaces of
# their own, joined by a bridge; the operator is this machine, and sees neither keys nor data. Each host is replaced, added, rotated,
# renamed, moved or removed with the lines that README.md has for it; then all are upgraded, one by one, to the next package, and to
# one that speaks another wire version, also in a run whose rounds wait for everybody. MINBASE and TRANSCRIPT as in machine.sh, DEBS as
# for package.sh, NEXT as in lib.sh.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../machine.sh
. "$root/tests/e2e/machine.sh"
command -v nft > /dev/null || skip "there is no nft (apt-get install nftables)"
package_here
next_wire starling starlingd
if [ -z "${APART:-}" ]; then # what needs a network has been done
	unshare -mn ip link set lo up 2> err || skip "no namespaces can be made here: $(cat err)"
	cd "$root" || exit 1
	APART=1 BUILD=$build MINBASE=$base DEBS=$debs NEXT=$newer unshare -mn sh -c 'ip link set lo up && exec sh tests/e2e/long/fleet.sh'
	exit
fi
dpkg-deb -x "$package" installed # the operator's
ip link add bridge type bridge && ip link set bridge up || skip "no bridge can be made here"
fleet=$work

# machine NAME ADDRESS: a bare host that was never used; a name of every host leads to it.
machine() {
	mkdir -p "$fleet/$1/upper/etc" "$fleet/$1/overlay" "$fleet/$1/new" "$fleet/$1/control"
	cp "$fleet/init" "$fleet/$1/init"
	{
		echo "127.0.0.1 localhost"
		for h in 0 1 2 3 4 5; do echo "10.7.0.1$h site-$h.example"; done
		echo "10.7.0.22 site-2b.example"
		echo "10.7.0.30 site-0b.example"
	} > "$fleet/$1/upper/etc/hosts"
	mkdir "$control/$1"
	# shellcheck disable=SC2016 # of the inner shell
	sh -c 'echo $$ > "$1/cgroup.procs" && shift && exec unshare --kill-child -muipCnf sh "$@"' boot "$control/$1" init \
		"$fleet/$1" "$base" "$kind" > "$fleet/$1/console" 2>&1 &
	booted="$booted $!"
	pids="$pids $!"
	echo $! > "$fleet/$1/booted"
	within 20 grep -q . "/proc/$!/task/$!/children"
	tr -d ' ' < "/proc/$!/task/$!/children" > "$fleet/$1/init.pid"
	at "$1"
	ip link add "to-$1" type veth peer name lan netns "$init" || fail "no link to $1"
	ip link set "to-$1" master bridge up
	nsenter -t "$init" -n ip link set lo up
	nsenter -t "$init" -n ip link set lan up
	nsenter -t "$init" -n ip address add "$2/24" dev lan
	within 60 inside "systemctl is-active multi-user.target"
	copy_to "$package" starling.deb
	must "apt-get install -y ./starling.deb"
}
at() { # HOST: what is typed next, is typed there
	init=$(cat "$fleet/$1/init.pid")
	echo "
[$1]" >> "$transcript"
}
operator() { # LINE: typed at the operator's
	echo "
[operator]
$ $1" >> "$transcript"
	(cd "$fleet/op" && PATH=$fleet/installed/usr/bin:$PATH sh -c "$1") > out 2> err
	answer=$?
	cat out err >> "$transcript"
	[ $answer -eq 0 ] || fail "exit code $answer at the operator: $1"
}
copy_to() { inside "cat > $2" < "$1" || fail "copying $1"; } # FILE PATH: to the host
round_of() { inside "starling status --json" 2> /dev/null | sed -n "s/.*\"peer\":$1,.*\"round\":\([0-9]*\),.*/\1/p"; }
learns() { [ "$(round_of "$1")" -gt "$2" ]; } # K ROUND, at the host
shows() { inside "starling status" 2> /dev/null | grep -q "$1"; }
# goes_on K...: every one of these peers, each at its host site-K, gets 30 rounds further than it is now. (A peer that was alone for a
# while is ahead of the others, and stays so.)
goes_on() {
	for k; do
		quiet "site-$k"
		within 60 learns "$k" -1
		round_of "$k" > "$fleet/reached.$k"
	done
	for k; do
		quiet "site-$k"
		within 120 learns "$k" $(($(cat "$fleet/reached.$k") + 30))
	done
}
quiet() { init=$(cat "$fleet/$1/init.pid"); }
enrol_at() { # HOST ENDPOINT [ARGUMENT]
	at "$1"
	must "starling enrol --name $1 --endpoint $2 ${3:-}> request"
	inside "cat request" > "$fleet/op/requests/$1"
}
# hand_out K...: the new bundles to hosts that run.
hand_out() {
	for k; do
		at "site-$k"
		copy_to "$fleet/op/RUN/bundles/$(named "$k")" bundle
		must "starling install bundle"
		must "systemctl reload starlingd@$k"
	done
}
named() { sed -n "s/^peer $1 \([^ ]*\) .*/\1/p" "$fleet/op/RUN/roster"; }
data_of() { # K: rows of the classes that this host has
	awk -v seed="$1" 'BEGIN { srand(seed + 1); print "label,height,weight,age"; split("red green blue", c, " ")
		for (i = 0; i < 400; i++) { k = 1 + int((seed == 1 ? 2 : 3) * rand())
			printf "%s,%.3f,%.3f,%.3f\n", c[k], 170 + 10 * k + 6 * rand(), 78 - 8 * k + 6 * rand(), 40 + 9 * rand() } }'
}
start_at() { # K HOST: from the bundle to learning
	at "$2"
	copy_to "$fleet/op/RUN/bundles/$(named "$1")" bundle
	data_of "$1" | inside "cat > own.csv"
	must "starling install bundle"
	must "starling shard --data csv:own.csv"
	typed "systemctl enable --now starlingd@$1" || {
		typed "journalctl --no-pager -n 30 -u starlingd@$1"
		fail "peer $1 does not start"
	}
}

mkdir -p op/requests
printf 'height\t193\t10\nweight\t65\t8\nage\t44\t3\n' > op/columns.txt
operator "starling init RUN --remote 5 --classes red,green,blue --columns columns.txt --set model.name=softmax \
	--set run.rounds=100000000 --set run.round_timeout=5s --set run.period=20ms --set checkpoint.every=50 --set history.every=50"
for h in 0 1 2 3 4; do machine "site-$h" "10.7.0.1$h"; done
for h in 0 1 2 3 4; do enrol_at "site-$h" "tcp://site-$h.example:7000"; done
operator "starling roster RUN --admit requests/*"
for h in 0 1 2 3 4; do start_at "$h" "site-$h"; done
goes_on 0 1 2 3 4
at site-1
must "starling status"
says out "2/2"
ok "from bare hosts to learning: four commands per host, two at the operator"

# A firewall cuts the way in to site-4: either end names it; as dial-only it needs no way in, and the port stays closed.
quiet site-4
for rule in "add table inet cut" "add chain inet cut in { type filter hook input priority 0 ; }" "add rule inet cut in tcp dport 7000 drop"; do
	nsenter -t "$init" -n nft "$rule" || fail "nft $rule"
done
echo "
[site-4]
# nft add rule inet cut in tcp dport 7000 drop" >> "$transcript"
at site-0
within 60 shows "link to 4: cannot connect to tcp://10.7.0.14:7000: timed out, since"
must "starling status"
at site-4
within 60 shows "link to 0: it is not connected to us, though it was, since"
must "starling status"
enrol_at site-4 dial-only
operator "starling roster RUN --admit requests/site-4"
hand_out 0 1 2 3 4
goes_on 0 1 2 3 4
at site-0
within 60 shows "^ *0 .* 2/2 "
at site-4
echo "# ss -tnH | sort" >> "$transcript" # a minimal Debian has no ss
nsenter -t "$init" -n ss -tnH | sort > out
cat out >> "$transcript"
[ "$(grep -c ':7000' out)" -eq 2 ] || fail "the connections of a dial-only host are not its own two"
ok "a closed port is named by both ends; dial-only, the host learns behind it"

# A host dies, and another one takes its place: a new key under the old number.
quiet site-2
typed "systemctl poweroff --force --force"
within 30 gone "$(cat site-2/booted)"
machine site-2b 10.7.0.22
enrol_at site-2b tcp://site-2b.example:7000
key=$(cut -d ' ' -f 5 op/requests/site-2b)
operator "starling roster RUN --rotate 2 --key $key --endpoint 2=tcp://site-2b.example:7000 --rename 2=site-2b"
hand_out 0 1 3 4
start_at 2 site-2b
cp site-2b/init.pid site-2/init.pid
goes_on 0 1 2 3 4
ok "a dead host is replaced, and the others have not stopped"

machine site-5 10.7.0.15
enrol_at site-5 tcp://site-5.example:7000
operator "starling roster RUN --admit requests/site-5"
hand_out 0 1 2 3 4
start_at 5 site-5
goes_on 0 1 2 3 4 5
ok "a host is added"

at site-1
must "starling enrol --key new.key --name site-1 --endpoint tcp://site-1.example:7000 > request"
key=$(inside "cut -d ' ' -f 5 request")
operator "starling roster RUN --rotate 1 --key $key"
hand_out 0 2 3 4 5
at site-1
copy_to op/RUN/bundles/site-1 bundle
must "starling install bundle --key new.key"
must "systemctl restart starlingd@1"
goes_on 0 1 2 3 4 5
ok "a key is rotated; the new one was made on its host"

operator "starling roster RUN --remove 3"
hand_out 0 1 2 4 5
at site-3
within 60 shows "^ *3 .* 0/[0-9] "
must "starling status"
must "systemctl disable --now starlingd@3"
goes_on 0 1 2 4 5
ok "a host is removed"

operator "starling roster RUN --rename 4=gate"
hand_out 0 1 2 4 5
goes_on 0 1 2 4 5
ok "a host is renamed"

quiet site-0
nsenter -t "$init" -n ip address del 10.7.0.10/24 dev lan
nsenter -t "$init" -n ip address add 10.7.0.30/24 dev lan
enrol_at site-0 tcp://site-0b.example:7000
operator "starling roster RUN --admit requests/site-0"
hand_out 1 2 4 5
at site-0
copy_to op/RUN/bundles/site-0 bundle
must "starling install bundle"
must "systemctl reload starlingd@0"
goes_on 0 1 2 4 5
ok "a host has moved to another address"

# Upgrades. What a peer has done stays done: no row is missing except where a peer says that it skipped rounds, and nothing had to be
# fetched from neighbours.
upgrade() { # K HOST: with next.deb; told line by line
	at "$2"
	copy_to "$work/next.deb" starling.deb
	must "apt-get install -y ./starling.deb"
	within 60 learns "$1" -1
	must "starling status"
	echo "    $2: starling $(version_there), wire $(wire_there):$(grep "^ *$1 " out)"
}
version_there() { inside "dpkg-query -W -f '\${Version}' starling"; }
wire_there() { inside "starlingd -V" | sed -n 's/^wire format //p'; }
exported() { inside "starling history /var/lib/starling/$1/history.db --csv --table $2"; } # K TABLE
events() { # K KIND SINCE: their rows
	exported "$1" event | awk -F, -v kind="$2" -v since="$3" 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
		$column["at_us"] > since && $column["kind"] == kind'
}
nothing_lost() { # SINCE K...: in microseconds
	since=$1
	shift
	for k; do
		quiet "site-$k"
		events "$k" skipped "$since" | sed -n 's/.*from round \([0-9]*\) to \([0-9]*\),.*/\1 \2/p' > gaps
		sed "s/\(.*\) \(.*\)/    peer $k has skipped from round \1 to \2/" gaps
		exported "$k" round | awk -F, -v since="$since" 'FILENAME == "gaps" { split($0, s, " "); from[++n] = s[1]; to[n] = s[2]; next }
			FNR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
			function was_skipped(round,  i) { for (i = 1; i <= n; i++) if (round >= from[i] && round < to[i]) return 1; return 0 }
			$column["round"] % 50 { next } # an evaluation
			$column["at_us"] > since { for (r = last + 50; r < $column["round"]; r += 50) if (!was_skipped(r)) {
				print "no row of round " r; bad = 1; exit } }
			{ last = $column["round"]; at = $column["at_us"] } END { if (at < since) print "no row"; exit bad || at < since }' gaps - > out ||
			fail "peer $k: $(cat out)"
		for kind in checkpoint-refused checkpoint-unsound recovered-from-neighbours fresh-start halted ${strictly:+skipped}; do
			events "$k" "$kind" "$since" > out
			[ ! -s out ] || fail "peer $k: $(cat out)"
		done
		events "$k" resumed-from-checkpoint "$since" > out
		[ -s out ] || fail "peer $k was not started again from its checkpoint"
	done
}
next_package ""
since=$(date +%s%6N)
for k in 0 1 2 4 5; do
	upgrade $k site-$k
	goes_on 0 1 2 4 5
done
strictly=1 nothing_lost "$since" 0 1 2 4 5
ok "upgraded one by one: the run goes on throughout, and nothing is lost"

# Another wire version, as VERSIONS.md has it. Of every edge whose ends have different versions, both ends say so.
refused() { # K NEIGHBOUR THEIRS OWN
	events "$1" frame-refused "$since" |
		grep -qF "peer $2 sends version $3 of the wire format, and this peer version $4: they need the same version of starling"
}
has_wire() { case " $upgraded " in *" $1 "*) echo "$new" ;; *) echo "$old" ;; esac; } # K
# refusals RUN K...: waits for them; $together are those that have a neighbour of their own version.
refusals() {
	run=$1
	shift
	together=
	for k; do
		quiet "$(host_of "$k")"
		mate=
		for j in $(neighbours "$run" "$k"); do
			if [ "$(has_wire "$k")" -eq "$(has_wire "$j")" ]; then
				mate=yes
			else
				within 60 refused "$k" "$j" "$(has_wire "$j")" "$(has_wire "$k")"
			fi
		done
		[ -z "$mate" ] || together="$together $k"
		learns "$k" -1 || fail "peer $k does not answer"
	done
}
host_of() { echo "site-$1"; }
all_up() { # RUN K...: all links of these
	run=$1
	shift
	for k; do
		quiet "$(host_of "$k")"
		links=$(neighbours "$run" "$k" | wc -l)
		within 120 shows "^ *$k .* $links/$links "
	done
}

# Here a round waits five seconds at most: each side goes on among its own, and they meet again.
next_package "$newer"
since=$(date +%s%6N) upgraded=
for k in 0 1 2 4 5; do
	upgrade $k site-$k
	[ "$(wire_there)" = "$new" ] || fail "site-$k has not the next wire version"
	upgraded="$upgraded $k"
	refusals op/RUN 0 1 2 4 5
	# shellcheck disable=SC2086 # one word a peer
	goes_on $together
	echo "    wire $new:$upgraded; go on among their own:$together"
done
all_up op/RUN 0 1 2 4 5
goes_on 0 1 2 4 5
nothing_lost "$since" 0 1 2 4 5
ok "another wire version: both ends refuse by name, each side goes on among its own, and they meet again after the last"

# What the operator has: no secret of a host, and no row of its data.
for h in 0 1 2 4 5; do
	quiet "site-$h"
	secret=$(inside "grep -o '[0-9a-f]\{64\}' /etc/starling/keys/$h.key")
	[ -n "$secret" ] || fail "site-$h has no key"
	if grep -rq "$secret" op; then fail "the secret key of site-$h is at the operator's"; fi
	row=$(inside "sed -n 5p own.csv")
	if grep -rqF "$row" op; then fail "data of site-$h are at the operator's"; fi
done
[ -z "$(find op -name 'train-*')" ] || fail "samples at the operator's"
ok "no secret and no data at the operator's"

# A run whose rounds wait for everybody (round_timeout = never), on the same five hosts, from the first package to the next wire
# version: it goes on when the last host is upgraded, and ends with the models of a simulation.
host_of() { case $1 in 3) echo site-4 ;; 4) echo site-5 ;; *) echo "site-$1" ;; esac; }
mkdir op/exact
operator "starling init EXACT --remote 5 --classes red,green,blue --columns columns.txt --set model.name=mlp:16 \
	--set run.rounds=10000 --set run.round_timeout=never --set run.period=5ms --set checkpoint.every=20 --set history.every=50"
k=0
for reach in tcp://site-0b.example:7000 tcp://site-1.example:7000 tcp://site-2b.example:7000 dial-only tcp://site-5.example:7000; do
	host=$(host_of $k)
	at "$host"
	must "systemctl disable --now starlingd@${host#site-} && rm -rf /etc/starling/* /var/lib/starling/*"
	copy_to "$package" starling.deb
	must "apt-get install -y --allow-downgrades ./starling.deb"
	[ "$(wire_there)" = "$old" ] || fail "$host has another wire version than the first"
	must "starling enrol --name peer-$k --endpoint $reach > request"
	inside "cat request" > "op/exact/$k"
	k=$((k + 1))
done
operator "starling roster EXACT --admit exact/0 exact/1 exact/2 exact/3 exact/4"
cp -r op/EXACT exact
since=$(date +%s%6N) upgraded=
for k in 0 1 2 3 4; do
	at "$(host_of $k)"
	copy_to "op/EXACT/bundles/peer-$k" bundle
	must "starling install bundle"
	must "starling shard --data csv:own.csv"
	inside "cat /etc/starling/data/train-$k.shard" > "exact/data/train-$k.shard" # for the simulation
	must "systemctl enable --now starlingd@$k"
done
all_up exact 0 1 2 3 4
waits_at=0
for n in 0 1 2 3 4; do
	upgrade $n "$(host_of $n)"
	upgraded="$upgraded $n"
	refusals exact 0 1 2 3 4
	# A lockstep of five ends at most two rounds from the one that nobody hears, on either side.
	[ $n -lt 4 ] || continue
	for k in 0 1 2 3 4; do
		quiet "$(host_of $k)"
		within 60 learns $k -1
		round=$(round_of $k)
		[ $n -gt 0 ] || [ "$round" -le $waits_at ] || waits_at=$round
		[ $n -eq 0 ] || [ "$round" -le $((waits_at + 4)) ] || fail "peer $k is in round $round, though all waited in round $waits_at"
	done
done
ended() { [ "$(inside "systemctl show -p ActiveState,Result starlingd@$1" | sort | tr '\n' ' ')" = "ActiveState=inactive Result=success " ]; }
for k in 0 1 2 3 4; do
	at "$(host_of $k)"
	within 300 ended $k
	must "journalctl --no-pager -q -n 3 -u starlingd@$k"
	inside "cat /var/lib/starling/$k/history.db" > "exact/$k.db"
done
expect 0 "$starling" collect all.db exact/[0-4].db
query all.db "" "SELECT peer, kind, detail FROM event WHERE kind IN ('checkpoint-refused', 'recovered-from-neighbours', 'mean-shift', 'skipped',
	'edge-late')"
query all.db "5|5" "SELECT count(DISTINCT peer), count(*) FROM event WHERE kind = 'resumed-from-checkpoint'"
query all.db "5|5" "SELECT count(DISTINCT peer), count(*) FROM event WHERE kind = 'fresh-start'"
expect 0 "$starling" sim exact --set history.path="$work/all.db"
same_models all.db 5
query all.db 2000 "SELECT count(*) FROM round AS a JOIN round AS b USING (peer, round) WHERE a.run_id = $(newest daemon)
	AND b.run_id = $(newest sim) AND a.train_loss IS b.train_loss AND a.nonzero IS b.nonzero AND a.disagreement IS b.disagreement
	AND a.penalty IS b.penalty AND a.payload_tx = b.payload_tx AND a.payload_rx = b.payload_rx" # all but tests: each host has its own
ok "rounds that wait for everybody go on after the last upgrade, and end with the models and rows of a simulation, bit for bit"
