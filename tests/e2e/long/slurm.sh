#!/bin/sh
# The batch script of starling deploy under a real Slurm: four nodes on this host (slurmd -N), eight peers, in namespaces of their own.
# The daemon of a node is killed, and the job goes on; a node dies with its peers, the job is requeued, and ends with the same bits as
# a simulation. Debian's slurmctld, slurmd and slurm-client.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
skip() {
	echo "skipped: $1"
	exit 0
}
for p in slurmctld slurmd sbatch; do command -v $p > /dev/null || skip "there is no $p (apt-get install slurmctld slurmd slurm-client)"; done
[ "$(id -u)" -eq 0 ] || skip "only root can do that"
if [ -z "${APART:-}" ]; then
	unshare -mnpiuf --mount-proc true 2> err || skip "no namespaces can be made here: $(cat err)"
	APART=1 BUILD=$build unshare -mnpiuf --kill-child --mount-proc sh "$root/tests/e2e/long/slurm.sh"
	exit
fi
ip link set lo up
# Loopback addresses do not count where Slurm looks for an address family.
for n in 0 1 2 3 4; do ip addr add 192.0.2.$n/32 dev lo; done
hostname controller
export PATH="$build:/usr/sbin:$PATH"

# A place for Slurm's files, and names for the nodes.
mkdir run-slurm spool log
chmod 755 "$work"
cp /etc/hosts hosts
echo "192.0.2.0 controller" >> hosts
mount --bind hosts /etc/hosts
cat > slurm.conf << CONF
ClusterName=starling
SlurmctldHost=controller(192.0.2.0)
SlurmctldPort=6817
AuthType=auth/none
AuthInfo=cred_expire=5
CredType=cred/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$work/run-slurm
SlurmdSpoolDir=$work/spool/%n
SlurmctldPidFile=$work/run-slurm/slurmctld.pid
SlurmdPidFile=$work/run-slurm/%n.pid
SlurmctldLogFile=$work/log/slurmctld
SlurmdLogFile=$work/log/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout=5
KillWait=20
MailProg=/bin/true
NodeName=n1 NodeHostname=controller NodeAddr=192.0.2.1 Port=7001 CPUs=2
NodeName=n2 NodeHostname=controller NodeAddr=192.0.2.2 Port=7002 CPUs=2
NodeName=n3 NodeHostname=controller NodeAddr=192.0.2.3 Port=7003 CPUs=2
NodeName=n4 NodeHostname=controller NodeAddr=192.0.2.4 Port=7004 CPUs=2
PartitionName=all Nodes=n[1-4] Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF="$work/slurm.conf"
node() { # NAME: its slurmd
	mkdir -p "spool/$1"
	slurmd -D -N "$1" -f "$SLURM_CONF" > "log/$1.out" 2>&1 &
	pids="$pids $!"
	echo $! > "$1.daemon"
}
slurmctld -D -f "$SLURM_CONF" > log/ctld.out 2>&1 &
pids="$pids $!"
for n in n1 n2 n3 n4; do node $n; done
idle() { [ "$(sinfo -h -N -o '%N %t' | grep -c ' idle$')" -eq "$1" ]; }
within 10 idle 4

make_run run ring:8 --set run.rounds=4000 --set checkpoint.every=100 --set run.seed=7 --set run.period=30ms
expect 0 "$starling" deploy run -o d
expect 0 sbatch --parsable --nodes=4 --ntasks-per-node=2 --output="$work/log/job" d/slurm/starling.sbatch
job=$(cat out)
is() { [ "$(scontrol show job -o "$job" | sed -n 's/.*JobState=\([A-Z]*\).*/\1/p')" = "$1" ]; }
node_is() { [ "$(sinfo -h -n "$1" -o %t)" = "$2" ]; }
node_back() { case $(sinfo -h -n "$1" -o %t) in alloc | mix | idle) ;; *) return 1 ;; esac; }
# round_at K: the newest round in its own history.
round_at() { sqlite3 -readonly "run/state/$1/history.db" 'SELECT max(round) FROM round' 2> err || echo 0; }
least() { # ROUND: all peers are past it
	for k in 0 1 2 3 4 5 6 7; do [ "$(round_at $k)" -gt "$1" ] || return 1; done
}
within 60 is RUNNING
within 60 least 200
[ "$(grep -c '^peer [0-7] peer-[0-7] tcp://192.0.2.[1-4]:' run/roster)" -eq 8 ] || fail "the roster is not that of the allocation"
[ "$(sed -n 's/^peer . [^ ]* tcp:..\([0-9.]*\):.*/\1/p' run/roster | sort | uniq -c | grep -c '^ *2 ')" -eq 4 ] || fail "not two peers on each of four nodes"
ok "eight peers on four nodes learn, at the endpoints of the allocation"

kill -KILL "$(cat n3.daemon)"
reached=$(round_at 4)
within 60 node_is n3 'down*'
within 60 least $((reached + 100))
is RUNNING || fail "the job has ended with a daemon"
ok "the daemon of a node is killed: the job goes on, and learns"

# Peers 6 and 7, whatever started them, and the daemon.
kill -KILL "$(cat n4.daemon)"
for p in /proc/[0-9]*; do
	{ tr '\0' '\n' < "$p/environ"; } 2> err | grep -qx SLURMD_NODENAME=n4 || continue
	parent=$(sed -n 's/^PPid:[[:space:]]*//p' "$p/status")
	grep -qs slurmstepd "/proc/$parent/comm" && kill -KILL "$parent"
	kill -KILL "${p#/proc/}"
done
within 60 node_is n4 'down*'
is RUNNING || fail "the job has ended with a node"
[ "$(pgrep -c -x starlingd)" -eq 6 ] || fail "of eight peers $(pgrep -c -x starlingd) are left instead of six"
ok "a node dies with its two peers: the job and its six others go on"

node n3
within 60 node_back n3
node n4
within 60 node_back n4
expect 0 scontrol requeue "$job"
within 60 is PENDING
scontrol update jobid="$job" begintime=now > out 2>&1
within 60 is RUNNING
within 300 is COMPLETED
[ "$(grep -c 'resumed-from-checkpoint\|resumed at round' log/job)" -ge 8 ] || fail "not all peers resumed: $(grep resume log/job)"
expect 0 "$starling" collect all.db run/state/*/history.db
expect 0 "$starling" sim run --set history.path="$work/all.db"
same_models all.db 8
ok "requeued, all resume, and end with the models of a simulation, bit for bit"
