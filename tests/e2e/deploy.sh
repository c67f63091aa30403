#!/bin/sh
# starling deploy: hosts files, bundles, and the script for plain ssh with a stand-in for ssh: each host is a folder laid over /etc.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
export PATH="$build:$PATH"

make_run run ring:3
refused() { # LINE TEXT...
	printf '%s\n' "$1" > hosts
	shift
	expect 2 "$starling" deploy run --hosts hosts -o d
	says err "hosts:" "$@"
	one_line err
}
refused "gw-1 7" "hosts:1: the roster has no peer '7' (it has 3 peers)" "HOST NAME ENDPOINT"
refused "gw-1" "host 'gw-1' has no peer"
refused "gw-1 0 # one
gw-2 1 peer-0" "hosts:2: peer 'peer-0' is listed twice"
refused "gw-1 0
gw-1 1" "hosts:2: host 'gw-1' is listed twice"
refused "-oProxyCommand=x 0" "must be a host"
# shellcheck disable=SC2016 # nothing is to be expanded
refused 'gw-1 $(x) tcp://gw-1:7000' "must be a name of letters"
refused "gw-1 late tcp://*:7000" "must be an endpoint"
refused "# nobody" "lists no host"
expect 2 "$starling" deploy run --hosts missing -o d
expect 2 "$starling" deploy run
says err "--output DIR is missing"
mkdir "it's"
cp -r run "it's/run"
expect 2 "$starling" deploy "it's/run" -o d
says err "scripts cannot quote"
mv run/operator.key elsewhere
echo "gw-1 0" > hosts
expect 2 "$starling" deploy run --hosts hosts -o d
says err "operator.key"
mv elsewhere run/operator.key
ok "what is wrong with a hosts file is said with its line"

printf 'gw-1 0 peer-1\nroot@gw-2 late tcp://gw-2.example:7000\n' > hosts
expect 0 "$starling" deploy run --hosts hosts -o d
says out "2 peers on 2 hosts, serial 1" "1 hosts have yet to ask"
says err "peer 2 (peer-2) is on no host"
cp -r d first
expect 0 "$starling" deploy run --hosts hosts -o d
diff -r d first > out || fail "the second time other files"
for key in run/keys/0.key run/operator.key; do ! grep -rqF "$(tail -n 1 $key | grep -o "[0-9a-f]\{64,\}")" d || fail "a secret is in the files"; done
[ -z "$(find d -name '*.key')" ] || fail "keys are in the files"
grep -q "^0 peer-0 gw-1 tcp://127.0.0.1:[0-9]* member$" d/peers || fail "peers: $(cat d/peers)"
grep -q "^- late root@gw-2 tcp://gw-2.example:7000 enrol$" d/peers || fail "peers: $(cat d/peers)"
expect 0 "$starling" deploy run -o without
[ ! -e without/peers ] && [ -x without/slurm/starling.sbatch ] || fail "without hosts there is no Slurm alone"
ok "the same files twice, without a secret"

if command -v shellcheck > out; then
	expect 0 shellcheck d/ssh/deploy d/slurm/starling.sbatch
	ok "scripts: shellcheck"
fi
if python3 -c 'import yaml' 2> out; then
	cat > check.py << 'END'
import glob, yaml
for name in glob.glob("d/**/*.y*ml", recursive=True):
    parts = list(yaml.safe_load_all(open(name)))
    assert parts and all(parts), name
inventory = yaml.safe_load(open("d/ansible/inventory.yml"))["starling"]["hosts"]
assert [p["number"] for p in inventory["gw-1"]["starling_peers"]] == [0, 1]
assert inventory["gw-2"]["ansible_user"] == "root" and inventory["gw-2"]["starling_peers"][0]["state"] == "enrol"
service, pods = yaml.safe_load_all(open("d/examples/kubernetes.yaml"))
spec = pods["spec"]["template"]["spec"]
mounted = {m["name"] for m in spec["containers"][0]["volumeMounts"]}
given = {v["name"] for v in spec["volumes"]} | {v["metadata"]["name"] for v in pods["spec"]["volumeClaimTemplates"]}
assert mounted == given, (mounted, given)
assert pods["spec"]["replicas"] == 3 and pods["spec"]["serviceName"] == service["metadata"]["name"]
END
	expect 0 python3 check.py
	ok "inventory, role and StatefulSet: well-formed YAML; every mount has its volume"
fi
# kubectl knows Kubernetes' types, also without a cluster: a field that no type has does not come back.
if command -v kubectl > out && python3 -c 'import yaml' 2> out; then
	cat > types.py << 'END'
import subprocess, yaml
def lost(given, found, path=""):
    if isinstance(given, dict):
        return [l for k in given for l in (lost(given[k], found[k], f"{path}.{k}") if k in found else [f"{path}.{k}"])]
    if isinstance(given, list):
        return [f"{path}[]"] if len(given) > len(found) else [l for i, g in enumerate(given) for l in lost(g, found[i], f"{path}[{i}]")]
    return [] if given == found else [path]
def through_types(part):
    change = ["selector", "app=starling"] if part["kind"] == "Service" else ["env", "ANOTHER=one"] # printed only if it changes something
    command = ["kubectl", "set", change[0], "--local", "-f", "-", change[1], "-o", "yaml"]
    return yaml.safe_load(subprocess.run(command, input=yaml.safe_dump(part).encode(), stdout=subprocess.PIPE, check=True).stdout)
parts = list(yaml.safe_load_all(open("d/examples/kubernetes.yaml")))
for part in parts:
    gone = lost(part, through_types(part))
    assert not gone, gone
for part, name in zip(parts, ("publishNotReadyAdresses", "replica")):
    part["spec"][name] = 1 # a slip is noticed
    assert lost(part, through_types(part)) == [f".spec.{name}"], name
END
	HOME=$work expect 0 python3 types.py
	ok "Service and StatefulSet: kubectl knows all fields, and their types"
fi
# There is no quadlet in Debian 12 (podman 4.3): the sections and keys that podman-systemd.unit(5) has are listed here. systemd tells
# what it makes of the rest, and of %j.
quadlet=d/examples/starling-K.container
sed -n 's/^\[\(.*\)\]$/[\1]/p; s/^\([A-Za-z]*\)=.*/\1/p' $quadlet | sort -u > keys
printf '%s\n' '[Unit]' '[Container]' '[Service]' '[Install]' Description After Wants Image Exec User DropCapability NoNewPrivileges ReadOnly \
	Network Notify Environment Volume Restart RestartSec RestartPreventExitStatus WantedBy > known
unknown=$(grep -vxFf known keys)
[ -z "$unknown" ] || fail "quadlet: $unknown"
ok "quadlet: known keys"
if command -v systemd-analyze > out; then
	# What quadlet makes of it, as far as systemd reads it: [Container] becomes X-Container, and Exec the command of podman run.
	sed "s/^\[Container\]/[X-Container]/; s|^\[Service\]|&\nType=notify\nExecStart=/bin/echo run --name=systemd-%N $(sed -n 's/^Exec=//p' $quadlet)|" \
		$quadlet > starling-3.service
	expect 0 systemd-analyze verify --man=no "$work/starling-3.service"
	[ ! -s err ] || fail "quadlet: systemd has something to say"
	sed 's/^WantedBy=/WantsBy=/' starling-3.service > starling-4.service
	systemd-analyze verify --man=no "$work/starling-4.service" > out 2> err
	says err "WantsBy"
	ok "quadlet: systemd takes all but podman's section"
fi

if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2> err; then
	echo "skipped: no namespaces for hosts of the ssh script"
	exit 0
fi
# A host is a layer over /etc, which has the group of the peers; its systemctl notes what it is asked.
mkdir bin
cat > bin/systemctl << 'END'
#!/bin/sh
echo "$*" >> "$HOST_FOLDER/log"
case "$*" in
"is-active -q "*) [ -e "$HOST_FOLDER/active.$3" ] ;;
"start "* | "restart "*) touch "$HOST_FOLDER/active.$2" ;;
"show "*"starlingd@"*) for last; do :; done && [ ! -e "$HOST_FOLDER/active.$last" ] || date -u -r "$HOST_FOLDER/active.$last" "+%a %F %T.%N UTC" ;;
esac
END
# Its status: peers that have the roster that is there, or the one whose serial is in the file serial.
cat > bin/starling << END
#!/bin/sh
[ "\$1" = status ] || exec "$starling" "\$@"
serial=\$(cat "\$HOST_FOLDER/serial" 2> /dev/null || sed -n 's/^serial //p' /etc/starling/roster)
for k in 0 1; do echo "{\"peer\":\$k,\"serial\":\$serial,\"edges_up\":2}"; done
END
cat > fake-ssh << END
#!/bin/sh
[ "\$1" = -T ] || exit 9
export HOST_FOLDER="$work/host-\$2"
mkdir -p "\$HOST_FOLDER/etc" "\$HOST_FOLDER/work"
exec unshare -m sh -c 'mount -t overlay -o "lowerdir=/etc,upperdir=\$HOST_FOLDER/etc,workdir=\$HOST_FOLDER/work" overlay /etc || exit 9
	grep -q "^starling:" /etc/group || echo "starling:x:998:" >> /etc/group
	PATH="$work/bin:\$PATH"; cd /; eval "\$1"' sh "\$3"
END
chmod +x bin/systemctl bin/starling fake-ssh
export SSH="$work/fake-ssh"
unshare -m sh -c "mkdir -p try/up try/work try/on && mount -t overlay -o lowerdir=/etc,upperdir=try/up,workdir=try/work overlay try/on" 2> err || {
	echo "skipped: no overlay here: $(cat err)"
	exit 0
}
expect 0 d/ssh/deploy install
says out "gw-1: peer 0: changed run.conf roster session data/test.shard: start" "gw-1: peer 1: changed nothing: start"
[ "$(stat -c %a host-gw-1/etc/starling/keys/0.key)" = 600 ] || fail "mode of the key"
[ "$(stat -c %a host-gw-1/etc/starling/data/train-1.shard)" = 640 ] || fail "mode of the samples"
cmp -s run/roster host-gw-1/etc/starling/roster || fail "another roster"
grep -qx "start starlingd@0" host-gw-1/log && grep -qx "enable -q starlingd@1" host-gw-1/log || fail "units: $(cat host-gw-1/log)"
: > host-gw-1/log
expect 0 d/ssh/deploy install gw-1
says out "peer 0: changed nothing: nothing" "peer 1: changed nothing: nothing"
echo 1 > host-gw-1/serial
expect 0 "$starling" roster run --endpoint 2=tcp://gw-3.example:7000
expect 0 "$starling" deploy run --hosts hosts -o d
expect 0 d/ssh/deploy install
says out "peer 0: changed roster: reload" "peer 1: changed nothing: reload"
rm host-gw-1/serial
sed -i 's/^link_timeout = .*/link_timeout = 7s/' run/run.conf
expect 0 "$starling" deploy run --hosts hosts -o d
expect 0 d/ssh/deploy install
says out "peer 0: changed run.conf: restart" "peer 1: changed nothing: restart"
ok "ssh: installed, a second time nothing; another roster is read, for other settings peers are restarted"

expect 0 d/ssh/deploy enrol
says out "root@gw-2: requests/late"
grep -q "^starling-request 1 late tcp://gw-2.example:7000 " d/requests/late || fail "no request"
[ "$(stat -c %a host-root@gw-2/etc/starling/keys/late.new)" = 600 ] || fail "the key is not on its host"
cp d/requests/late before
expect 0 d/ssh/deploy enrol
cmp -s before d/requests/late || fail "another key the second time"
ok "ssh: a host makes its key, and asks"

# From nothing: no key and no sample at the operator, no roster before all have asked.
expect 0 "$starling" init fleet --remote 2 --features 32 --classes 0..3 --set model.name=mlp:16
printf 'a site-a tcp://a.example:7000\nb site-b tcp://b.example:7000\n' > hosts
expect 0 "$starling" deploy fleet --hosts hosts -o f
says out "0 peers on 2 hosts" "2 hosts have yet to ask"
expect 0 f/ssh/deploy enrol
cat f/requests/* > requests
expect 0 "$starling" roster fleet --admit requests
expect 0 "$starling" deploy fleet --hosts hosts -o f
says out "2 peers on 2 hosts, serial 1"
expect 0 f/ssh/deploy install
says out "a: peer 0: changed run.conf roster session data/test.shard key: start" "b: peer 1: changed"
[ "$(stat -c %a host-a/etc/starling/keys/0.key)" = 600 ] && [ ! -e host-a/etc/starling/keys/site-a.new ] || fail "the key is not in its place"
[ -z "$(find fleet -name '*.key' ! -name operator.key)" ] || fail "keys are at the operator"
ok "from nothing: asked, admitted, installed; keys stay on their hosts"
