#!/bin/sh
# starling status finds the run wherever its state is, also on another host; it says of nobody that it does not run whom it may not see.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

make_run run ring:3 --set run.rounds=100000000 --set run.period=5ms
STATE_DIRECTORY=$work/run/state/1
mkdir -p "$STATE_DIRECTORY"
export STATE_DIRECTORY
start_peer run 1
unset STATE_DIRECTORY
within 20 answers run 1
expect 0 "$starling" status run
says out "not running" "0/2"
ok "a peer with a state folder of its own is found"

cp -r run site
rm -r site/state site/keys/0.key site/data/train-0.shard site/keys/2.key
expect 1 "$starling" status site
[ "$(grep -c "not running" out)" -eq 2 ] && [ "$(grep -c "on another host" out)" -eq 1 ] || fail "who is where"
expect 1 "$starling" status site --json
says out '{"peer": 0, "phase": "on another host"}' '{"peer": 2, "phase": "not running"}'
ok "a peer without key, samples and state here is on another host"

if [ "$(id -u)" -eq 0 ] && command -v setpriv > out; then
	chmod 755 . site run
	chmod 644 site/run.conf
	chmod 700 site/keys site/data
	cp "$starling" starling # the build may lie where others may not look
	expect 1 setpriv --reuid 65534 --regid 65534 --clear-groups ./starling status site
	says out "permission denied: run as root"
	! grep -q "not running\|another host" out || fail "something is said of peers that may not be seen"
	ok "who may not see whether a peer is here is told who may"
fi

# What ssh gets; then it does what the shell at the other end would do.
mkdir bin
cat > bin/ssh << 'END'
#!/bin/sh
for a; do printf '[%s]' "$a"; done > "$SEEN"
[ "$1 $2" = "-T --" ] || exit 9
exec sh -c "$4"
END
cat > bin/starling << END
#!/bin/sh
exec "$starling" "\$@"
END
chmod +x bin/ssh bin/starling
export SEEN="$work/seen"
PATH="$work/bin:$PATH"
expect 0 "$starling" status "ssh:root@site-1.example:$work/run"
grep -qF "[-T][--][root@site-1.example][starling status -- '$work/run']" seen || fail "ssh got $(cat seen)"
says out "0/2"
cp -r run "it's; touch \$HOME x 7"
expect 1 "$starling" status "ssh:site-1:$work/it's; touch \$HOME x 7" --json
says out '"phase": "not running"'
expect 0 "$starling" status "ssh:[2001:db8::1]:$work/run" --links
grep -qF "[2001:db8::1][starling status --links -- '$work/run']" seen || fail "ssh got $(cat seen)"
"$starling" status ssh:root@site-1 > out 2> err
grep -qF "[root@site-1][starling status]" seen || fail "ssh got $(cat seen)"
for bad in ssh: ssh::run ssh:-oProxyCommand=x:run; do
	expect 2 "$starling" status "$bad"
	says err "must be ssh:HOST or ssh:HOST:RUN"
done
PATH=/nowhere expect 1 "$starling" status ssh:site-1
says err "install it (openssh-client)"
ok "on another host, by ssh: any path comes whole"
