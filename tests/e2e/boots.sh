#!/bin/sh
# The unit under a systemd that is booted for it, in namespaces, over this machine's own programs: two peers are started as the
# manual says, learn, are killed and back from their checkpoints, and stop in order. long/boot.sh types all of the manual, over a
# minimal Debian.
[ ! -w /dev/shm ] || TMPDIR=/dev/shm # what is laid over / cannot lie below it
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
case $build in *build-*) echo "skipped: the plain build's check does this" && exit 0 ;; esac
excuse="systemd does not boot here"
# shellcheck disable=SC2034 # read by machine.sh
MINBASE=/
# shellcheck source=machine.sh
. "$root/tests/e2e/machine.sh"
# Nothing of this machine's own is started, mounted or set: a device 0/0 in the upper layer says that there is no such file.
mkdir -p upper/etc/systemd
for hidden in systemd/system fstab rc.local init.d rc0.d rc1.d rc2.d rc3.d rc4.d rc5.d rc6.d rcS.d sysctl.d modules modules-load.d starling; do
	[ ! -e "/etc/$hidden" ] || mknod "upper/etc/$hidden" c 0 0 || skip "no file can be hidden here"
done
install -D "$build/starlingd" upper/usr/sbin/starlingd
install -D "$starling" upper/usr/bin/starling
install -D -m 644 -t upper/usr/lib/sysusers.d "$root/scripts/systemd/starling.conf"
install -D -m 644 -t upper/usr/lib/systemd/system "$root/scripts/systemd/starling.target"
sed 's|@SBINDIR@|/usr/sbin|' "$root/scripts/systemd/starlingd@.service" > "upper/usr/lib/systemd/system/starlingd@.service"
boot
excuse=
must "rm -rf /var/lib/starling RUN && ! test -e /etc/starling"
must "starling init RUN --topology ring:2 --data synthetic:1000,200 --set model.name=mlp:32 --set run.rounds=100000000 --set run.period=5ms --set checkpoint.every=50 --set history.every=50"
sed -n '/^Run peer 3 of a run as a service/,/^\.Ed/p' "$root/daemon/man/starlingd.8.in" | sed '1,2d; /^\.Ed/d' > lines
[ "$(wc -l < lines)" -ge 8 ] || fail "the manual has no lines for a service"
for k in 0 1; do
	sed "s/3/$k/g" lines > "lines.$k"
	while read -r line; do must "$line"; done < "lines.$k"
done
round_of() { typed "starling status --json" && sed -n "s/.*\"peer\":$1,.*\"round\":\([0-9]*\),.*/\1/p" out; }
both_over() {
	for k in 0 1; do [ "$(round_of $k)" -gt "$1" ] || return; done
}
within 60 both_over 100
must "systemctl show -p NRestarts -p StatusText --value starlingd@1"
grep -qx 0 out || fail "peer 1 was started again"
ok "as typed in the manual: two peers are started by a booted systemd, and learn"

must "systemctl kill -s KILL starlingd@1"
within 30 inside "journalctl -u starlingd@1 | grep -q resumed-from-checkpoint"
past=$(round_of 0)
within 60 both_over $((past + 50))
must "systemctl stop starling.target"
must "systemctl show -p Result -p ActiveState --value starlingd@0"
[ "$(sort out | tr '\n' ' ')" = "inactive success " ] || fail "it did not stop in order: $(cat out)"
ok "a killed peer is started again, from its checkpoint; the target stops both"
must "systemctl poweroff"
