#!/bin/sh
# scripts/release: the same bytes twice, a version in the tarball, a bill of materials that names the libraries, a signature.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
if ! git -C "$root" rev-parse -q --verify HEAD > out 2>&1 || ! command -v dpkg-query > out; then
	echo "skipped: no git repository, or no dpkg"
	exit 0
fi
expect 0 "$root/scripts/release" one "$build"
expect 0 env TZ=Asia/Tokyo "$root/scripts/release" two "$build"
diff -r one two > out || fail "not the same twice: $(cat out)"
(cd one && sha256sum -c SHA256SUMS) > out 2> err || fail "checksums"
name=$(basename one/*.tar.gz .tar.gz)
tar -xzf "one/$name.tar.gz"
[ "$(cat "$name/VERSION")" = "${name#starling-}" ] || fail "the version in the tarball"
[ "$(make -s -C "$name" -pn help 2> err | sed -n 's/^VERSION := //p')" = "${name#starling-}" ] || fail "a build from the tarball has another version"
[ -s "one/$name.news" ] || fail "no news"
ok "the same bytes twice, with version and news"
if command -v python3 > out; then
	cat > check.py << 'END'
import json, sys
bom = json.load(open(sys.argv[1]))
names = {c["name"] for c in bom["components"]}
assert bom["bomFormat"] == "CycloneDX" and {"libzmq5", "libsodium23", "libsqlite3-0", "libc6"} <= names, names
assert set(bom["dependencies"][0]["dependsOn"]) == names
assert all(c["version"] and c["purl"].startswith("pkg:deb/debian/") for c in bom["components"])
assert [len(f["hashes"][0]["content"]) for f in bom["metadata"]["component"]["components"]] == [64, 64]
END
	expect 0 python3 check.py "one/$name.cdx.json"
	ok "the bill of materials names the libraries"
fi
if command -v minisign > out; then
	expect 0 minisign -G -W -p key.pub -s key
	expect 0 env KEY="$work/key" "$root/scripts/release" signed "$build"
	expect 0 minisign -V -p key.pub -m signed/SHA256SUMS
	cmp one/SHA256SUMS signed/SHA256SUMS || fail "the signature changes the release"
	echo >> signed/SHA256SUMS
	expect 1 minisign -V -p key.pub -m signed/SHA256SUMS
	ok "a signature that a change breaks"
fi
