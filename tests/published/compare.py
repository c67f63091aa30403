"""BEER and MoTEF in numpy, line by line as in their papers' Algorithm 1, against what starling computes:
compare.py TRAJECTORY-PROGRAM. Whole shards and mini-batches, three seeds each; every model of every round must agree to
1e-6. The same lines in the order that steps along the mixed tracker must disagree, or the comparison sees nothing.
Exit code 1 if a figure is out of its range."""

import json
import subprocess
import sys

import numpy as np

TOLERANCE, APART = 1e-6, 1e-3


class Problem:
    """What the program printed. Columns are peers: X is d x n, as in the papers."""

    def __init__(self, program, algorithm, kept, batch, seed):
        text = subprocess.run([program, algorithm, str(kept), str(batch), str(seed)], check=True, capture_output=True)
        j = json.loads(text.stdout)
        n, m, d = j["peers"], j["samples"], j["features"]
        self.n, self.d, self.kept = n, d, j["kept"]
        self.eta, self.gamma, self.l2 = j["eta"], j["gamma"], j["l2"]
        self.mixing = np.array(j["weights"]).reshape(n, n) - np.eye(n)
        self.rows = np.array(j["rows"]).reshape(n, m, d)
        self.targets = np.array(j["targets"]).reshape(n, m)
        self.start = np.tile(np.array(j["start"], dtype=float)[:, None], (1, n))
        self.batches = [r["batch"] for r in j["rounds"]]
        self.models = [np.array(r["model"]).reshape(n, d).T for r in j["rounds"]]

    def gradient(self, x, batch):
        """Of the mean squared error of a batch / 2 + l2/2 |x|^2, at every peer's own column."""
        out = np.empty_like(x)
        for i in range(self.n):
            a, b = self.rows[i][batch[i]], self.targets[i][batch[i]]
            out[:, i] = a.T @ (a @ x[:, i] - b) / len(b) + self.l2 * x[:, i]
        return out

    def compress(self, v):
        """Top-k of each column."""
        out = np.zeros_like(v)
        for i in range(self.n):
            top = np.argsort(-np.abs(v[:, i]), kind="stable")[: self.kept]
            out[top, i] = v[top, i]
        return out


def published(p, weight, mixed_step=False):
    """Zhao et al. 2022, Algorithm 1 (weight 1), and Islamov et al. 2025, Algorithm 1 (M in place of the gradient):
    X+ = X + gamma H(W - I) - eta V; H+ = H + C(X+ - H); V+ = V + gamma G(W - I) + M+ - M; G+ = G + C(V+ - G).
    Yields X + gamma H(W - I) of each round, to which the next one adds -eta V: the model that starling shows."""
    x = p.start.copy()
    h, g = x.copy(), np.zeros_like(x)
    m = p.gradient(x, p.batches[0])
    v = m.copy()
    for batch in p.batches:
        pull = p.gamma * g @ p.mixing
        x = x + p.gamma * h @ p.mixing - p.eta * (v + pull if mixed_step else v)
        h = h + p.compress(x - h)
        before = m
        m = (1 - weight) * m + weight * p.gradient(x, batch)
        v = v + pull + m - before
        g = g + p.compress(v - g)
        yield x + p.gamma * h @ p.mixing


def difference(p, weight, mixed_step):
    pairs = list(zip(published(p, weight, mixed_step), p.models))
    return max(np.abs(ours - theirs).max() / np.abs(ours).max() for ours, theirs in pairs)


def main():
    program, bad = sys.argv[1], 0
    for name, weight in (("beer", 1), ("motef:0.3", 0.3)):
        for batch, word in ((12, "whole shards"), (3, "batches of 3")):
            problems = [Problem(program, name, 3, batch, seed) for seed in (1, 2, 3)]
            same = max(difference(p, weight, False) for p in problems)
            other = min(difference(p, weight, True) for p in problems)
            good = same <= TOLERANCE and other >= APART
            bad += not good
            print(f"{'pass' if good else 'FAIL'}  {name}, {word}: {same:.2g} from the published order, "
                  f"{other:.2g} from the mixed one (3 seeds, {len(problems[0].models)} rounds)")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
