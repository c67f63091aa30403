#!/bin/sh
# The Ansible role of starling deploy, with Debian's ansible-core, on a host with a systemd that is booted for real: the package, three
# peers; a second time nothing changes; another roster is read by peers that run, another setting restarts them; an upgrade.
# DEBS: a folder with packages that are built already (make deb); else they are built here.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck disable=SC2034 # of machine.sh
machine_packages=python3
# shellcheck source=../machine.sh
. "$root/tests/e2e/machine.sh"
command -v ansible-playbook > /dev/null || skip "there is no ansible-playbook (apt-get install ansible-core)"
[ -x "$base/usr/bin/python3" ] || skip "the Debian in $base has no python3"
package_here
next_package ""
boot

# What ssh would do, with what it gets: OPTION... HOST COMMAND.
cat > ssh << END
#!/bin/sh
while :; do case \$1 in -[oEpli]) shift 2 ;; -*) shift ;; *) break ;; esac; done
exec nsenter -t $init -m -u -i -n -p -- env -i PATH=/usr/sbin:/usr/bin HOME=/root sh -c "cd; \$2"
END
chmod +x ssh
export ANSIBLE_SSH_EXECUTABLE="$work/ssh" ANSIBLE_SSH_TRANSFER_METHOD=piped ANSIBLE_PIPELINING=True ANSIBLE_HOST_KEY_CHECKING=no ANSIBLE_LOCAL_TEMP="$work/tmp" \
	ANSIBLE_NOCOLOR=1 ANSIBLE_HOME="$work/ansible" PATH="$build:$PATH" LC_ALL=C.UTF-8
# play OPTION...: runs the playbook, which must not fail.
play() {
	expect 0 ansible-playbook -i d/ansible/inventory.yml d/ansible/site.yml -e starling_become=false "$@"
	cat out >> "$transcript"
}
counts() { grep '^gateway ' out | grep -o "$1=[0-9]*" | cut -d = -f 2; }
unchanged() { [ "$(counts changed)" -eq 0 ] || fail "a second time $(counts changed) tasks changed something: $(grep -B 9 '^changed:' out)"; }
round_of() { inside "starling status --json" 2> err | sed -n "s/.*\"peer\":$1,.*\"round\":\([0-9]*\),.*/\1/p"; }
learns() { [ "$(round_of "$1")" -gt "$2" ]; }
all_learn() { for k in 0 1 2; do learns $k "$1" || return; done; }
started() { for k in 0 1 2; do inside "systemctl show -p ExecMainStartTimestampMonotonic --value starlingd@$k"; done; }

make_run run ring:3 --set run.rounds=100000000 --set checkpoint.every=50 --set history.every=50
echo "gateway 0 1 2" > hosts
expect 0 "$starling" deploy run --hosts hosts -o d
play -e starling_package="$package"
[ "$(counts changed)" -gt 10 ] || fail "nothing was done"
within 60 all_learn 100
[ "$(inside "find /etc/starling/keys -type f -perm 600" | wc -l)" -eq 3 ] || fail "keys that others may read"
[ "$(inside "find /etc/starling/data -name 'train-*' -perm 640 -group starling" | wc -l)" -eq 3 ] || fail "samples that others may read"
ok "package, keys, samples, bundles and units: three peers learn"

before=$(started)
play -e starling_package="$package"
unchanged
expect 0 "$starling" deploy run --hosts hosts -o d
play -e starling_package="$package"
unchanged
[ "$(started)" = "$before" ] || fail "peers were restarted"
ok "a second time nothing changes, nor after starling deploy again"

expect 0 "$starling" roster run --unlink 0:2
expect 0 "$starling" deploy run --hosts hosts -o d
play -e starling_package=
[ "$(inside "starling status --json" | grep -c '"serial":2,')" -eq 3 ] || fail "not all peers have the new roster"
[ "$(started)" = "$before" ] || fail "peers were restarted for a roster"
ok "another roster: read by all peers, none restarted"

sed -i 's/^link_timeout = .*/link_timeout = 7s/' run/run.conf
expect 0 "$starling" deploy run --hosts hosts -o d
reached=$(round_of 0)
play -e starling_package=
[ "$(started)" != "$before" ] || fail "peers were not restarted for another run.conf"
within 60 all_learn $((reached + 20))
play -e starling_package=
unchanged
ok "another run.conf: restarted, from their checkpoints, and a second time not"

reached=$(round_of 0)
play -e starling_package="$work/next.deb"
typed "dpkg-query -W starling"
says out "+next"
within 60 all_learn $((reached + 20))
must "journalctl --no-pager -q -b -u 'starlingd@*'"
[ "$(grep -c "resumed-from-checkpoint" out)" -ge 6 ] || fail "the peers were not started again from checkpoints"
ok "an upgrade"

expect 0 "$starling" roster run --remove 1
expect 0 "$starling" deploy run --hosts hosts -o d
play -e starling_package=
typed "systemctl is-active starlingd@1" && fail "a removed peer still runs"
typed "systemctl is-enabled starlingd@1" && fail "a removed peer would start again"
reached=$(round_of 0)
within 60 learns 0 $((reached + 50))
play -e starling_package=
unchanged
ok "a peer that the roster has removed is stopped; a second time nothing changes"

echo "gateway 0 1 2 late tcp://127.0.0.1:7999" > hosts
expect 0 "$starling" deploy run --hosts hosts -o d
play -e starling_package=
grep -q '^starling-request 1 late tcp://127.0.0.1:7999 ' d/requests/late || fail "no request came: $(cat d/requests/late)"
play -e starling_package=
unchanged
typed "systemctl poweroff"
within 30 gone "$booted"
ok "a host that is not in the roster makes its key, and its request comes here"
