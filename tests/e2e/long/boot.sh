#!/bin/sh
# The units booted for real: systemd in namespaces of its own, over a minimal Debian, and in it every line of starlingd(8) as it is
# typed there: four peers learn, take a new roster, stop, and are back after a reboot, from their checkpoints.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../machine.sh
. "$root/tests/e2e/machine.sh"
make --no-print-directory -C "$root" B="$build" DESTDIR="$work/upper" PREFIX=/usr install > out 2> err || fail "make install"
manual() { sed -n "/^$1/,/^\.Ed/p" "$root/daemon/man/starlingd.8.in" | sed '1,2d; /^\.Ed/d'; } # HEADING: the lines below it
round_of() { typed "starling status --json" && sed -n "s/.*\"peer\":$1,.*\"round\":\([0-9]*\),.*/\1/p" out; }
learns() { [ "$(round_of "$1")" -gt "$2" ]; }
all_learn() { for k in 0 1 2 3; do learns $k "$1" || return; done; }

boot
must "starling init RUN --topology ring:4 --data synthetic:1000,200 --set model.name=mlp:32 --set run.rounds=100000000 --set checkpoint.every=50 --set history.every=50"
manual "Run peer 3 of a run as a service" > lines
[ "$(wc -l < lines)" -ge 8 ] || fail "the manual has no lines for a service"
for k in 0 1 2 3; do
	sed "s/3/$k/g" lines > "lines.$k"
	while read -r line; do must "$line"; done < "lines.$k"
done
within 60 all_learn 100
must "starling status"
[ "$(grep -c "2/2" out)" -eq 4 ] || fail "not all links are up"
ok "as typed in the manual: four peers are started, and learn"

must "systemctl show -p NRestarts --value starlingd@3"
[ "$(cat out)" = 0 ] || fail "peer 3 was started again"
must "systemctl status --no-pager -l starlingd@3"
must "systemd-analyze security --no-pager starlingd@3"
must "ls -la /var/lib/starling /var/lib/starling/3 /etc/starling /etc/starling/data"
[ -z "$(find upper/var/lib/starling/ -type f -perm /077)" ] || fail "state that others may read"
must "starlingd -n -r /etc/starling -p 3"
[ -s err ] && ! grep -q "keys/3.key" err && fail "a warning about what the manual says"
typed "setpriv --reuid 65534 --regid 65534 --clear-groups starling status" && fail "nobody may ask the peers"
says out "permission denied: run as root or starling"
typed "setpriv --reuid starling --regid starling --clear-groups starling status" || fail "the peers' account may not ask"
ok "state is closed to others, status says so"

manual "Rotate the key of peer 3" | sed 's/ *#.*//' > lines
[ "$(wc -l < lines)" -ge 4 ] || fail "the manual has no lines for another key"
while read -r line; do must "$line"; done < lines
must "starling status --json"
[ "$(grep -c '"serial":2,' out)" -eq 4 ] || fail "not every peer has the new roster"
must "starling roster RUN --remove 4"
must "install -m 644 RUN/roster /etc/starling/"
must "systemctl reload 'starlingd@*'"
reached=$(round_of 0)
within 60 all_learn $((reached + 50))
must "cp /etc/starling/roster roster.good; sed 's/^serial 3/serial 4/' roster.good > /etc/starling/roster"
typed "systemctl reload starlingd@3" && fail "a roster that is not signed was taken"
must "journalctl --no-pager -q -n 20 -u starlingd@3"
says out "signature"
must "cp roster.good /etc/starling/roster; systemctl reload starlingd@3"
ok "as typed in the manual: another key, another peer; a bad roster fails the reload, and the journal says why"

must "systemctl kill -s STOP starlingd@3"
must "starling status"
says out "not answering (process"
must "systemctl kill -s CONT starlingd@3"
must "systemctl stop starling.target"
typed "systemctl is-active starlingd@0 starlingd@1 starlingd@2 starlingd@3" && fail "peers go on without the target"
typed "starling status" && fail "somebody answers"
must "systemctl show -p Result --value starlingd@0"
[ "$(cat out)" = success ] || fail "a stopped peer has failed"
must "systemctl start starling.target"
within 60 all_learn "$reached"
ok "stopped and started with the target; a peer that hangs is not answering"

typed "systemctl start starlingd@9" && fail "a peer without a key was started"
typed "systemctl is-failed starlingd@9" || fail "a peer without a key is started again"
must "systemctl show -p NRestarts --value starlingd@9"
[ "$(cat out)" = 0 ] || fail "a peer without a key was started again"
must "cp RUN/keys/1.key /etc/starling/keys/5.key"
typed "systemctl start starlingd@5" && fail "a peer with another's key was started"
typed "systemctl is-failed starlingd@5" || fail "a misconfigured peer is started again"
must "systemctl kill -s KILL starlingd@1"
within 30 inside "systemctl is-active starlingd@1"
reached=$(round_of 0)
within 60 all_learn $((reached + 20))
ok "a misconfigured peer is not started again, a killed one is"

reached=$(round_of 0)
typed "systemctl poweroff"
within 30 gone "$booted"
echo "(the machine is started again)" >> "$transcript"
boot
within 60 all_learn $((reached + 50))
must "starling status"
must "journalctl --no-pager -q -b -u 'starlingd@*'"
[ "$(grep -c "resumed-from-checkpoint" out)" -ge 4 ] || fail "not all peers went on from a checkpoint"
must "systemctl show -p NRestarts --value starlingd@3"
[ "$(cat out)" = 0 ] || fail "peer 3 was started again"
must "systemctl disable --now starlingd@3"
typed "systemctl poweroff"
within 30 gone "$booted"
boot
within 60 learns 2 1
typed "systemctl is-active starlingd@3" && fail "a disabled peer was started"
typed "systemctl poweroff"
within 30 gone "$booted"
ok "after a reboot they are back, from their checkpoints; a disabled one is not"
