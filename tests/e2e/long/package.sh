#!/bin/sh
# The Debian package from installation to purge, under a systemd that is booted for real: install, enable, reboot, upgrade, remove, purge.
# DEBS: a folder with packages that are built already (make deb); else they are built here.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../machine.sh
. "$root/tests/e2e/machine.sh"
package_here
next_package ""
mkdir -p upper/root
cp "$package" upper/root/old.deb
cp next.deb upper/root/next.deb
round_of() { typed "starling status --json" && sed -n "s/.*\"peer\":$1,.*\"round\":\([0-9]*\),.*/\1/p" out; }
learns() { [ "$(round_of "$1")" -gt "$2" ]; }
both_learn() { learns 0 "$1" && learns 1 "$1"; }

boot
must "dpkg -i old.deb"
must "id starling"
must "systemctl is-enabled starling.target"
must "starling init RUN --topology complete:2 --data synthetic:1000,200 --set model.name=mlp:16 --set run.rounds=100000000 --set checkpoint.every=50 --set history.every=50"
must "install -d -m 700 /etc/starling/keys && install -m 600 RUN/keys/*.key /etc/starling/keys/"
must "install -d -m 750 -g starling /etc/starling/data && install -m 640 -g starling RUN/data/* /etc/starling/data/"
must "install -m 644 RUN/run.conf RUN/roster RUN/session /etc/starling/"
must "systemctl enable --now starlingd@0 starlingd@1"
within 60 both_learn 100
ok "installed: the account, the target and the units exist, and two peers learn"

reached=$(round_of 0)
typed "systemctl poweroff"
within 30 gone "$booted"
boot
within 60 both_learn $((reached + 50))
ok "they are back after a reboot"

reached=$(round_of 0)
must "dpkg -i next.deb"
must "dpkg-query -W starling"
says out "+next"
within 60 both_learn $((reached + 50))
must "journalctl --no-pager -q -b -u 'starlingd@*'"
[ "$(grep -c "resumed-from-checkpoint" out)" -ge 4 ] || fail "the upgrade has not started the peers again"
ok "an upgrade starts the peers again, from their checkpoints"

must "dpkg -r starling"
typed "systemctl is-active starlingd@0 starlingd@1" && fail "peers go on without the package"
must "test -s /etc/starling/keys/0.key && test -d /var/lib/starling/0"
must "dpkg -P starling"
must "test -s /etc/starling/keys/0.key && test -d /var/lib/starling/0"
typed "ls /etc/ufw/applications.d/starling /etc/apparmor.d/usr.sbin.starlingd /usr/bin/starling" && fail "files of the package are left"
typed "systemctl poweroff"
within 30 gone "$booted"
ok "removal stops the peers; a purge leaves keys, run and histories alone"
