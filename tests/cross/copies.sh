#!/bin/sh
# What one architecture encodes makes the same copies on the other, bit for bit, and both encode the same: every pipeline
# of the registries, several messages of a stream, on vectors that compressors stumble over (copies.c).
# shellcheck source=../e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
here=$build/tests/cross/copies
there=$OTHER/copies

expect 0 "$here" write here
expect 0 "$there" follow here
sed -n '$s/^/    /p' "$work/out"
ok "frames of this architecture, copies on the other"

expect 0 "$there" write there
expect 0 "$here" follow there
sed -n '$s/^/    /p' "$work/out"
ok "frames of the other architecture, copies on this one"

expect 0 "$here" compare here there
ok "both encode the same bytes"
