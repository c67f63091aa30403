# machine.sh, sourced by tests that boot systemd for real: a minimal Debian in namespaces of its own, with `upper` laid over it.
# MINBASE: a folder that keeps that Debian for the next time (made with debootstrap, which needs a mirror). TRANSCRIPT: a file that
# gets all that is typed and answered. machine_packages: what that Debian contains besides systemd and the libraries.
# shellcheck shell=sh disable=SC2154 # root: of lib.sh
skip() {
	echo "skipped: $1"
	exit 0
}
[ "$(id -u)" -eq 0 ] || skip "only root can do that"
unshare -muipCnf true 2> err || skip "no namespaces can be made here: $(cat err)"
base=${MINBASE:-$work/minbase}
if [ ! -x "$base/usr/lib/systemd/systemd" ]; then
	command -v debootstrap > /dev/null || skip "there is no debootstrap"
	debootstrap --variant=minbase \
		--include="systemd,systemd-sysv,libzmq5,libsodium23,libsqlite3-0,zlib1g,libopenblas0-pthread,libopenblas0,init-system-helpers${machine_packages:+,$machine_packages}" \
		bookworm "$base" > out 2>&1 || skip "debootstrap cannot make a root: $(tail -n 1 out)"
fi
mkdir upper overlay new
transcript=${TRANSCRIPT:-$work/transcript}
: > "$transcript"

# A cgroup of its own, so that what systemd makes below it is easily found again.
control=/sys/fs/cgroup/systemd kind="cgroup -o none,name=systemd"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then control=/sys/fs/cgroup kind=cgroup2; fi
control=$control/starling-$$
mkdir "$control" 2> err || skip "no control group can be made here: $(cat err)"
tear_down() {
	# shellcheck disable=SC2086 # one word a machine
	kill -KILL $booted 2> /dev/null
	deadline=$(($(date +%s) + 10))
	while [ -d "$control" ] && [ "$(date +%s)" -lt $deadline ]; do
		find "$control" -depth -type d -exec rmdir {} + 2> /dev/null
	done
}
booted=
code=0
trap 'code=$?; tear_down; (exit "$code"); cleanup' EXIT # cleanup ends with the code that it finds

cat > init <<'END'
set -e
cd "$1"
mount --make-rprivate /
mount -t overlay -o "lowerdir=$2,upperdir=upper,workdir=overlay" overlay new
cd new
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys # settings of the kernel are those of everybody
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for d in null zero full random urandom tty; do
	: > dev/$d
	mount --bind /dev/$d dev/$d
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=1777 tmpfs dev/shm
case $3 in cgroup2) at=sys/fs/cgroup ;; *) at=sys/fs/cgroup/systemd && mount -t tmpfs tmpfs sys/fs/cgroup && mkdir $at ;; esac
mount -t $3 cgroup $at
mkdir -p mnt
pivot_root . mnt
umount -l mnt
mount --make-rshared /
exec env -i container=starling-test PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --log-target=journal < /dev/null
END
inside() { nsenter -t "$init" -m -u -i -n -p -- env -i PATH=/usr/sbin:/usr/bin HOME=/root sh -c "cd; $1"; }
boot() {
	# shellcheck disable=SC2016 # of the inner shell
	sh -c 'echo $$ > "$1/cgroup.procs" && shift && exec unshare --kill-child -muipCnf sh "$@"' boot "$control" init "$work" "$base" \
		"$kind" > console 2>&1 &
	booted=$!
	pids="$pids $booted"
	within 10 grep -q . "/proc/$booted/task/$booted/children"
	init=$(tr -d ' ' < "/proc/$booted/task/$booted/children")
	within 60 inside "systemctl is-active multi-user.target"
}
typed() { # LINE: what is typed there; its answer goes to out and the transcript. As an exit code: that of the line.
	echo "# $1" >> "$transcript"
	inside "$1" > out 2> err
	answer=$?
	cat out err >> "$transcript"
	[ $answer -eq 0 ] || echo "(exit code $answer)" >> "$transcript"
	return $answer
}
must() { typed "$1" || fail "exit code $answer: $1"; }

# package_here: the Debian package as $package. DEBS: a folder with packages that are built already (make deb); else they are built
# here. next_package FOLDER: the next version, as next.deb: the same files under a higher number, with the programs of FOLDER, if any.
package_here() {
	command -v dpkg-buildpackage > /dev/null || skip "dpkg-buildpackage is missing"
	debs=${DEBS:-$work/debs}
	if ! ls "$debs"/starling_*.deb > out 2>&1; then
		DEB_BUILD_PROFILES=nocheck DEB_BUILD_OPTIONS=nocheck "$root/scripts/deb" "$debs" > out 2> err || fail "the package is not built: $(cat out err)"
	fi
	package=$(find "$debs" -name "starling_*_$(dpkg --print-architecture).deb" | head -n 1)
	[ -n "$package" ] || fail "no package in $debs"
}
next_package() {
	rm -rf next.files
	dpkg-deb -R "$package" next.files
	sed -i 's/^Version: .*/&+next/' next.files/DEBIAN/control
	if [ -n "$1" ]; then
		install -s "$1/starlingd" next.files/usr/sbin/starlingd && install -s "$1/starling" next.files/usr/bin/starling || fail "no programs in $1"
		sed -i 's/+next$/+next.wire/' next.files/DEBIAN/control
	fi
	dpkg-deb -Zgzip -z1 --root-owner-group -b next.files next.deb > out 2>&1 || fail "the next version is not built"
}
