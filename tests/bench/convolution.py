#!/usr/bin/python3
"""A step of a convolutional network that is built in, beside the same network in PyTorch on one thread.

usage: tests/bench/convolution.py [BUILD [STEPS]]    (build 300)

Needs python3-torch, and BUILD/tests/bench/floor (make bench-quick builds it). By turns, five times each: microseconds of CPU for a batch
of 32 images of 28 by 28: gather it, forward, backward, subtract the gradient. Medians, and their ratio."""
import os
import resource
import statistics
import subprocess
import sys
import tempfile

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
import torch  # noqa: E402 (the number of threads is read at import)
from torch import nn  # noqa: E402

BATCH, SAMPLES, WARM_UP, TURNS = 32, 6000, 50, 5
NETWORKS = {
    "conv:8x5,pool:2,16x5,pool:2,64": lambda: [nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.ReLU(),
                                               nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10)],
    "conv:8x5s2,pool:2,16x3": lambda: [nn.Conv2d(1, 8, 5, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(),
                                       nn.Flatten(), nn.Linear(256, 10)],
}


def cpu_us():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return 1e6 * (used.ru_utime + used.ru_stime)


def by_torch(layers, steps):
    torch.manual_seed(1)
    model, x, y = nn.Sequential(*layers), torch.rand(SAMPLES, 1, 28, 28), torch.randint(10, (SAMPLES,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for k in range(WARM_UP + steps):
        if k == WARM_UP:
            before = cpu_us()
        pick = torch.randint(SAMPLES, (BATCH,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[pick]), y[pick]).backward()
        optimizer.step()
    return (cpu_us() - before) / steps, sum(p.numel() for p in model.parameters())


def built_in(build, run, steps):
    out = subprocess.run([f"{build}/tests/bench/floor", run, "gradient", str(steps), "1000"], check=True, capture_output=True, text=True)
    user, system = out.stdout.split()[1:3]
    return float(user) + float(system)


def main():
    build, steps = (sys.argv[1:] + ["build", "300"][len(sys.argv) - 1:])[:2]
    torch.set_num_threads(1)
    for spec, layers in NETWORKS.items():
        with tempfile.TemporaryDirectory(prefix="starling-convolution-") as work:
            told = subprocess.run([f"{build}/starling", "init", f"{work}/run", "--topology", "complete:2", "--set", f"model.name={spec}",
                                   "--set", f"algorithm.batch={BATCH}", "--set", "algorithm.local_steps=1", "--set", "history.evaluate=0"],
                                  check=True, capture_output=True, text=True)
            ours, theirs = [], []
            for _ in range(TURNS):
                ours.append(built_in(build, f"{work}/run", int(steps)))
                us, parameters = by_torch(layers(), int(steps))
                theirs.append(us)
        assert f", {parameters} parameters" in told.stdout, f"another network: {told.stdout}"
        print(f"{spec}, {parameters} parameters: {statistics.median(ours):.0f} µs built in, {statistics.median(theirs):.0f} µs torch: "
              f"{statistics.median(theirs) / statistics.median(ours):.2f} times")


if __name__ == "__main__":
    main()
