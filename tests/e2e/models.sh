#!/bin/sh
# Models out and in: every daemon leaves its model as a file, at checkpoints and at the end; what is exported says the same
# as the history, to the last digit; a run can start from it.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

make_run run ring:3 --set run.rounds=20 --set history.every=1 --set checkpoint.every=7
expect 0 "$starling" up run --plain
for k in 0 1 2; do
	query run/history.db 1 "SELECT count(*) FROM peer WHERE peer = $k AND model_digest = '$(
		grep -ao '"digest":"[0-9a-f]*"' run/model/$k.safetensors | cut -d '"' -f 4
	)'"
done
ok "each peer's last model is a file, with the digest of the history"

expect 0 "$starling" export run --peer 1 -o one.safetensors
cmp -s one.safetensors run/model/1.safetensors || fail "an exported model is another file than the peer's own"
expect 0 "$starling" predict run --peer 1
accuracy=$(sed -n 's/.*accuracy \([^,]*\), .*/\1/p' err)
loss=$(sed -n 's/.*loss \([^,]*\), .*/\1/p' err)
query run/history.db 1 "SELECT count(*) FROM round WHERE peer = 1 AND round = 19 AND test_accuracy = $accuracy AND test_loss = $loss"
[ "$(wc -l < out)" -eq 161 ] || fail "not a line for each sample"
head -n 1 out | grep -qx 'sample,class,p(0),p(1),p(2),p(3)' || fail "another head"
mv out by_run
awk -F, 'NR > 1 { sum = $3 + $4 + $5 + $6; if (sum < 0.99999 || sum > 1.00001) exit 1 }' by_run || fail "no probabilities"
expect 0 "$starling" sim run --models
cmp -s one.safetensors run/model/1.safetensors && fail "the simulation's model says that it is the daemons'"
expect 0 "$starling" predict run --peer 1
cmp -s out by_run || fail "the simulation's model says something else"
ok "export, import and predict: accuracy and loss to the last digit, from daemons and from the simulator"

for ending in safetensors npz onnx; do
	expect 0 "$starling" export run -o mean.$ending
	says out "mean.$ending: mlp:16 of " ", mean, round 20, "
done
expect 0 "$starling" predict mean.safetensors --data synthetic:640,160
mv err trained
make_run next ring:3 --set model.start=mean.safetensors --set run.rounds=1 --set algorithm.eta=1e-9 --set algorithm.eta_schedule=constant --set algorithm.lambda=0
rm mean.safetensors # the run has its own copy
expect 0 "$starling" sim next --models
expect 0 "$starling" predict next --data synthetic:640,160
[ "$(sed 's/, loss.*//' err)" = "$(sed 's/, loss.*//' trained)" ] || fail "the run did not start from the model"
ok "a run starts from a model's file"

# What the file holds is part of the run's identity, not its name: one with another number refuses, and is refused.
cp -r next other
start_peer next 0 --set run.rounds=100000000
start_peer other 1 --set run.rounds=100000000 --set model.start=../one.safetensors
for run in next other; do
	k=$([ $run = next ] && echo 0 || echo 1)
	within 20 grep -qF "peer $((1 - k)) has another model or start: tensor 'w1' differs" $run/$k.out
done
kill -TERM "$(cat next/0.pid)" "$(cat other/1.pid)"
peers_end 0 20 next 0
peers_end 0 20 other 1
rm -r other
ok "peers whose starts come from other files refuse each other, and name the tensor"

expect 2 "$starling" init bad --topology ring:3 --data synthetic:640,160 --set model.name=mlp:8 --set model.start=one.safetensors
says err "[model] start: one.safetensors: tensor 'w1' has shape [32, 16], must have [32, 8]"
head -c 300 one.safetensors > cut.safetensors
expect 2 "$starling" predict cut.safetensors --data synthetic:640,160
says err "cut.safetensors: not a safetensors file, or cut"
expect 2 "$starling" predict one.safetensors --data synthetic:640,160,31
says err "31 features"
expect 2 "$starling" export run --peer 3 -o x.npz
says err "peer 3: the run has peers 0 to 2"
expect 2 "$starling" export run -o model.pt
says err "model.pt: unknown format"
make_run empty ring:3
expect 2 "$starling" export empty -o x.npz
says err "holds no models"
ok "what does not fit is refused by name"
