#!/bin/sh
# [history] evaluate_samples: models are evaluated on the same part of the test set everywhere, and the run says so.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
make_run run complete:2 --data synthetic:640,200 --set run.rounds=40 --set history.evaluate_samples=50
expect 0 "$starling" up run
says out "accuracy   0." ", on 50 of 200 test samples, the mean over"
expect 0 "$starling" up run --json
says out '"evaluated": "50 of 200 test samples"'
expect 0 "$starling" sim run
same_models run/history.db 2
same_rows run/history.db 80
whole() { sql run/history.db "SELECT count(*), sum(abs($1 * test_accuracy - round($1 * test_accuracy)) < 1e-9) FROM round
	WHERE test_accuracy IS NOT NULL AND run_id = $(newest sim)"; }
[ "$(whole 50)" = "4|4" ] || fail "not on 50 samples: $(whole 50)"
query run/history.db 3 "SELECT count(*) FROM run WHERE config LIKE '%# evaluated on 50 of 200 test samples%'"
ok "daemons and simulator evaluate on the same sample, and say so"

models="SELECT group_concat(model_digest) FROM peer WHERE run_id = $(newest sim)"
before=$(sql run/history.db "$models")
expect 0 "$starling" sim run --set history.evaluate_samples=0
[ "$(grep -c "test samples" out)" = 0 ] || fail "the whole test set is no sample"
models="SELECT group_concat(model_digest) FROM peer WHERE run_id = $(newest sim)"
query run/history.db "$before" "$models"
query run/history.db 1 "SELECT count(DISTINCT test_loss) > count(DISTINCT round) FROM round WHERE peer = 0 AND test_loss IS NOT NULL"
expect 0 "$starling" sim run --set history.evaluate_samples=200
[ "$(grep -c "test samples" out)" = 0 ] || fail "the whole test set is no sample"
ok "models do not depend on it; as many as there are, or 0, is the whole test set"
