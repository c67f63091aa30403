#!/bin/sh
# The matrix kernel: both programs choose the same one from what the processor can do, check it, take the next one where it is
# wrong or missing, and say which it is. What the user sets takes precedence.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
unset OPENBLAS_CORETYPE STARLING_BLAS_CHOICE
ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0
export ASAN_OPTIONS
kernel_of() { # COMMAND...: as it says itself
	expect 0 "$@" -V
	kernel=$(sed -n 's/^OpenBLAS .*, matrix kernel \([^,]*\), .*/\1/p' out)
}

kernel_of "$starling"
best=$kernel
kernel_of "$build/starlingd"
[ -n "$best" ] && [ "$kernel" = "$best" ] || fail "starling uses $best, starlingd $kernel"
if grep -q "chosen by OpenBLAS" out; then
	echo "skipped: the choice is OpenBLAS's own here"
	exit 0
fi
says out "chosen for this processor"
OPENBLAS_CORETYPE='' kernel_of "$starling"
[ "$kernel" = "$best" ] || fail "an empty value counts: $kernel"
case $(grep -m 1 '^flags' /proc/cpuinfo) in
*avx512vl*) wanted=SkylakeX ;;
*avx2*) wanted=Haswell ;;
*) wanted=$best ;;
esac
[ "$best" = "$wanted" ] || fail "this processor is worth $wanted, not $best"
ok "both programs choose the kernel for this processor"

for program in "$starling" "$build/starlingd"; do
	export LD_PRELOAD="$build/tests/blas.so"
	BLAS_WRONG=$best kernel_of "$program"
	next=$kernel
	says err "warning: the matrix kernel $best of this OpenBLAS multiplies wrongly" "; $next is used instead"
	one_line err
	says out "chosen for this processor"
	BLAS_MISSING=$best kernel_of "$program"
	says err "this OpenBLAS has no matrix kernel $best" "; $next is used instead"
	if [ -z "$next" ] || [ "$next" = "$best" ] || [ "$kernel" != "$next" ]; then fail "after $best: '$next' and '$kernel'"; fi
	BLAS_WRONG=SkylakeX,Haswell,Sandybridge,Nehalem,Prescott expect 2 "$program" -V
	says err "multiplies wrongly"
	unset LD_PRELOAD
done
ok "a kernel that is wrong or missing: the next one, and a warning"

for program in "$starling" "$build/starlingd"; do
	OPENBLAS_CORETYPE=prescott kernel_of "$program"
	[ "$kernel" = Prescott ] || fail "the user's choice is not kept: $kernel"
	says out "set by OPENBLAS_CORETYPE"
	OPENBLAS_CORETYPE=nosuch expect 2 "$program" -V
	says err "OPENBLAS_CORETYPE=nosuch" "has no matrix kernel nosuch" "unset it, or set it to $best"
	one_line err
	LD_PRELOAD=$build/tests/blas.so BLAS_WRONG=Prescott OPENBLAS_CORETYPE=Prescott expect 2 "$program" -V
	says err "OPENBLAS_CORETYPE=Prescott" "multiplies wrongly"
	one_line err
done
ok "OPENBLAS_CORETYPE: kept where it can be had, refused where not"

make_run run complete:2 --set run.rounds=20 --set model.name=mlp:64
expect 0 "$build/starlingd" -n -r run -p 0
says out "# blas = $best"
expect 0 "$starling" up run
says out "kernel     $best"
expect 0 "$starling" sim run
says out "kernel     $best"
same_models run/history.db 2
before=$(sql run/history.db "SELECT group_concat(model_digest) FROM peer WHERE run_id = $(newest daemon)")
OPENBLAS_CORETYPE=$best expect 0 "$starling" up run
query run/history.db "$before" "SELECT group_concat(model_digest) FROM peer WHERE run_id = $(newest daemon)"
query run/history.db "3" "SELECT sum(config LIKE '%# blas = $best%') FROM run"
OPENBLAS_CORETYPE=Prescott expect 0 "$starling" up run
says out "kernel     Prescott"
ok "the history and the summary say it; with the choice set by hand the models are the same"
