#!/bin/sh
# The plug-ins of lib/PLUGINS.md, as they stand there: put into a copy of the tree, compiled without a warning, run through
# the contract tests of their kind and through the commands of the page.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
case $build in *build-*) echo "skipped: the plain build's check does this" && exit 0 ;; esac
name=$(basename "$build")
mkdir -p "tree/$name/tests"
cp -a "$root/Makefile" "$root/lib" "$root/daemon" "$root/scripts" tree/
mkdir tree/tests
cp -a "$root"/tests/*.c "$root/tests/support" tree/tests/
# What is compiled already need not be again, as far as it was compiled with the same flags.
cp -a "$build/lib" "$build/daemon" "$build/gen" "$build/stamp" "tree/$name/"
cp -a "$build"/tests/*.[od] "$build/tests/support" "tree/$name/tests/" 2> /dev/null
cd tree || exit 1

# `path` before a block of C is the file that it is; blocks of sh are commands.
awk -v commands="$work/commands" '/^`lib\/.*\.c`$/ { file = substr($0, 2, length($0) - 2) }
	/^```$/ { if (to == file) file = ""; to = "" }
	to { print > to }
	/^```c$/ { to = file }
	/^```sh$/ { to = commands }' "$root/lib/PLUGINS.md"
git_version=$(cat "$build/stamp/version" 2> /dev/null)
page_make() { make --no-print-directory VERSION="$git_version" "$@"; }
kinds=0
for registry in lib/*/*/registry; do
	for file in "$(dirname "$registry")"/*.c; do
		[ -e "$root/$file" ] || kinds=$((kinds + 1))
	done
done
[ "$kinds" -eq 7 ] || fail "lib/PLUGINS.md has $kinds examples, must be 7"

# All programs of the page at once, then each command.
sed -n "s/^make \(.*\) &&.*/\1/; s/ && .*//; s|build/|$name/|gp" "$work/commands" | tr ' ' '\n' | grep -x "$name/starling\|$name/tests/test_[a-z]*" |
	sort -u > targets
[ "$(wc -l < targets)" -ge 7 ] || fail "lib/PLUGINS.md makes $(cat targets) only"
# shellcheck disable=SC2046 # words
expect 0 page_make $(cat targets)
grep -A 3 '^lib/.*warning:' "$work/err" && fail "a warning about an example"
ok "all examples of lib/PLUGINS.md compile"

sed "s/^make [^&]*&& //; s|build/|$name/|g" "$work/commands" > run
grep -o "$name/tests/test_[a-z]*" targets | while read -r test; do
	grep -q "$test" run || echo "$test"
done > unused
[ ! -s unused ] || fail "made and not run: $(cat unused)"
while read -r line; do
	case $line in *"$name/"*) ;; *) eval "$line" && continue ;; esac
	echo "$line" >> seen
	[ "$(grep -cxF -- "$line" seen)" -eq 1 ] || continue
	expect 0 sh -c "$line"
done < run
for plugin in graphs:tree models:huber algorithms:combine-first compressors:comb compressors:grid compressors:plain \
	formats:series; do
	expect 0 "$name/starling" list
	grep -q "^  ${plugin#*:}" "$work/out" || fail "starling list does not show ${plugin#*:}"
done
ok "every command of lib/PLUGINS.md ends well, and starling list shows all examples"
