#!/bin/sh
# Completion in bash, and in zsh where it is installed: commands, options, settings, and names from the registries.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

expect 0 "$starling" completion bash
cp out starling.bash
expect 0 "$starling" completion zsh
cp out starling.zsh
expect 2 "$starling" completion fish
says err "unknown SHELL 'fish'"
mkdir -p good/inner empty && touch good/run.conf "blank name"

cat > ask.bash << 'SCRIPT'
. ./starling.bash
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
for line; do
	COMP_LINE=$line COMP_POINT=${#line}
	case $line in starlingd*) _starlingd ;; *) _starling ;; esac
	[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}"
done
SCRIPT
# The functions of zsh that add matches print them instead.
cat > ask.zsh << 'SCRIPT'
starts() { [[ $1 != "${(Q)PREFIX}"* ]] || print -r -- "$1"; }
compset() { PREFIX=${PREFIX#${~2}}; }
compadd() {
	while [[ $1 != -- ]]; do shift; done
	starts "$2"
}
_files() {
	local -a all
	if [[ $1 == -/ ]]; then all=("$PREFIX"*(N/)); else all=("$PREFIX"*(N)); fi
	[[ ${#all} -eq 0 ]] || print -rl -- "${all[@]}"
}
_describe() {
	local entry
	[[ $1 != -o || $PREFIX == -* ]] || return 1 # as zsh does
	for entry in "${(@P)@[-1]}"; do starts "${entry%%:*}"; done
}
for line; do
	words=("${(@z)line}") CURRENT=${#words}
	[[ $line != *' ' || $line == *\'* ]] || { words+=(''); CURRENT=$((CURRENT + 1)); }
	PREFIX=${words[CURRENT]#\'} service=${words[1]}
	. ./starling.zsh
done
SCRIPT

offers() { # LINE WORD...: exactly these words, in any order
	line=$1
	shift
	printf '%s\n' "$@" | LC_ALL=C sort > wanted
	$ask "$line" 2> err | LC_ALL=C sort -u > found
	[ ! -s err ] || fail "$ask '$line': $(cat err)"
	cmp -s wanted found || fail "$ask '$line' offers: $(tr '\n' ' ' < found), wanted: $(tr '\n' ' ' < wanted)"
}
names() { "$starling" list "$1" --json > json && sqlite3 :memory: "SELECT value ->> 'name' FROM json_each(readfile('json'), '\$.$2')"; }
names_complete() { # KIND ARRAY LINE: the line with the name of any plug-in offers it, with its colon if it has one
	names "$1" "$2" > listed
	[ -s listed ] || fail "no $2"
	sed "s#^#$3#" listed | tr '\n' '\0' | xargs -0 $ask 2> err | sed 's/.*[=| ]//; s/:$//' > found
	[ ! -s err ] || fail "$ask '$3...': $(cat err)"
	while read -r name; do grep -qxF "$name" found || fail "$ask '$3$name' does not offer $name"; done < listed
}
both() { # what both shells do
	# shellcheck disable=SC2046 # words
	offers "starling " $("$starling" --help | sed -n 's/^  \([a-z-][a-z-]*\)  .*/\1/p')
	offers "starling to" topology
	for command in $("$starling" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p') starlingd; do
		line="starling $command -"
		[ $command != starlingd ] || line="starlingd -"
		# shellcheck disable=SC2046 # words
		offers "$line" $("$starling" help $command | sed -n 's/^  \(-.\), \(--[a-z-]*\).*/\1 \2/p; s/^      \(--[a-z-]*\).*/\1/p')
	done
	offers "starling sim --check c" copies
	offers "starling list m" models
	offers "starling completion " bash zsh
	offers "starling topology hyp" hypercube:
	offers "starling init run -t tor" torus:
	offers "starling keygen --public bl" "blank name"
	offers "starling up run --set compress.p" compress.pipeline=
	# shellcheck disable=SC2046 # words
	offers "starlingd --set " $("$starling" list settings | sed -n 's/^\[\(.*\)\]$/S \1/p; s/^\([a-z_]*\) = .*/K \1/p' |
		while read -r what name; do [ "$what" = K ] && echo "$section.$name=" || section=$name; done)
	names_complete topologies topologies "starling topology "
	names_complete algorithms algorithms "starling up run --set algorithm.name="
	names_complete models models "starling up run --set model.name="
	names_complete compressors selectors "starling up run --set 'compress.pipeline="
	names_complete compressors quantisers "starling up run --set 'compress.pipeline=topk:0.1 | "
	names_complete coders coders "starling up run --set 'compress.pipeline=topk:0.1|dither:8|"
}

ask="bash ask.bash"
both
offers "starling sim go" good
offers "starling sim " good
offers "starling up run --set algorithm.eta_rule=th" theory # what follows the last word break of readline
offers "starling init run --topology=file:bl" "blank name"
offers "starling up run --set 'algorithm.eta_rule=th" algorithm.eta_rule=theory
offers "starling sim --history=bl" "blank name"
ok "bash"

if command -v zsh > /dev/null; then
	ask="zsh -f ask.zsh"
	zsh -n starling.zsh || fail "zsh does not parse its completion"
	both
	offers "starling sim go" good
	offers "starling up run --set algorithm.eta_rule=th" algorithm.eta_rule=theory
	offers "starling init run --topology=file:bl" "blank name"
	ok "zsh"
else
	echo "no zsh here: its completion is not tested"
fi
