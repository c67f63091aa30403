#!/usr/bin/python3
"""Models of ten and a hundred million parameters: what a peer takes, beside what it must.

usage: tests/bench/large.py [BUILD [PEERS [DIMENSION...]]]    (build 2 10000000 100000000)

Daemons on a complete graph with the trainer of tests/trainer/large.c, with limits.threads = 1 and 2. Printed per dimension: the parts of
a round in nanoseconds per coordinate, by tests/bench/passes of BUILD (make bench builds it), beside a memcpy. Per number of threads: the
largest resident memory of a peer, beside (degree + 3)·4·d; nanoseconds per coordinate of a round, by the history's columns (compute
holds the trainer's own pass), and CPU of the peer, start and end not included; and how long answers to `status` took while the rounds
went on, each peer asked again as soon as it had answered. Times of a machine that does other things are upper limits."""
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

ROUNDS = 12
FIRST = 2  # round from which on CPU and answers count: before it, memory is touched for the first time


def field(pid, name):
    with open(f"/proc/{pid}/status") as f:
        return next((int(line.split()[1]) for line in f if line.startswith(name + ":")), 0)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def ask(path):
    """The answer, and the milliseconds that it took."""
    start = time.monotonic()
    answer = b""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(300)
        s.connect(path)
        while piece := s.recv(65536):
            answer += piece
    return json.loads(answer), 1e3 * (time.monotonic() - start)


class Peer(threading.Thread):
    """Asks one peer again and again until it has gone."""

    def __init__(self, path, up):
        super().__init__()
        self.path, self.up = path, up
        self.answers, self.memory, self.marks = [], {}, {}

    def run(self):
        while self.up.poll() is None:
            try:
                status, took_ms = ask(self.path)
                for name in ("VmHWM", "RssAnon", "RssFile", "RssShmem"):
                    self.memory[name] = max(self.memory.get(name, 0), 1024 * field(status["pid"], name))
                if status["round"] not in self.marks:
                    self.marks[status["round"]] = cpu_seconds(status["pid"])
            except (OSError, ValueError, KeyError):
                time.sleep(0.05)
                continue
            if status["round"] >= FIRST and status["phase"] != "serving":
                self.answers.append(took_ms)
            time.sleep(0.001)

    def cpu_per_round(self):
        rounds = [r for r in self.marks if FIRST <= r < ROUNDS]
        first, last = min(rounds), max(rounds)
        return (self.marks[last] - self.marks[first]) / (last - first) if last > first else float("nan")


def measure(build, peers, d, threads):
    starling = f"{build}/starling"
    with tempfile.TemporaryDirectory(prefix="starling-large-") as work:
        trainer, run = f"{work}/large", f"{work}/run"
        subprocess.run(["cc", "-std=c99", "-O2", "-Ilib/trainer", "-o", trainer, "tests/trainer/large.c", "-lm"], check=True)
        subprocess.run([starling, "init", run, "--topology", f"complete:{peers}", "--trainer", f"env DIMENSION={d} {trainer}",
                        "--set", f"run.rounds={ROUNDS}", "--set", "compress.pipeline=topk:0.01 | dither:16 | golomb",
                        "--set", "history.evaluate=0", "--set", "run.round_timeout=never", "--set", f"limits.threads={threads}"],
                       check=True, stdout=subprocess.DEVNULL)
        with open(f"{work}/out", "w") as out:
            up = subprocess.Popen([starling, "up", run, "--plain"], stdout=out, stderr=out)
            asked = [Peer(f"{run}/status/{k}", up) for k in range(peers)]
            for peer in asked:
                peer.start()
            for peer in asked:
                peer.join()
        if up.returncode:
            with open(f"{work}/out") as out:
                sys.exit(out.read()[-2000:])
        compute, compress = sqlite3.connect(f"{run}/history.db").execute(
            "SELECT avg(compute_us), avg(compress_us) FROM round WHERE round >= ?", (FIRST,)).fetchone()
    need = (peers - 1 + 3) * 4 * d
    most = {name: max(peer.memory.get(name, 0) for peer in asked) for name in asked[0].memory}
    answers = sorted(ms for peer in asked for ms in peer.answers)
    at = lambda share: answers[min(len(answers) - 1, int(share * len(answers)))]
    print(f"d = {d}, {peers} peers, {threads} thread{'s' if threads > 1 else ''}: {most['VmHWM'] / 1e6:.0f} MB resident, "
          f"{most['VmHWM'] / need:.2f} times (degree + 3)·4·d ({most['RssAnon'] / 1e6:.0f} MB its own, {most['RssFile'] / 1e6:.0f} MB of files, "
          f"{most['RssShmem'] / 1e6:.0f} MB shared with the trainer); "
          f"ns per coordinate and round: compute {1e3 * compute / d:.2f}, compress {1e3 * compress / d:.2f}, "
          f"CPU of the peer {1e9 * max(peer.cpu_per_round() for peer in asked) / d:.2f}; "
          f"{len(answers)} answers: median {at(0.5):.1f} ms, 99 % {at(0.99):.1f} ms, longest {answers[-1]:.1f} ms; "
          f"load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    where, count = arguments[0] if arguments else "build", int(arguments[1]) if len(arguments) > 1 else 2
    for dimension in [int(word) for word in arguments[2:]] or [10**7, 10**8]:
        subprocess.run([f"{where}/tests/bench/passes", str(dimension)], check=True)
        for number in (1, 2):
            measure(where, count, dimension, number)
