#!/usr/bin/python3
"""Models of ten and a hundred million parameters: what a peer takes, beside what it must.

usage: tests/bench/large.py [BUILD [PEERS [DIMENSION...]]]    (build 2 10000000 100000000)

Daemons on a complete graph with the trainer of tests/trainer/large.c, 6 rounds. Printed per dimension: the largest resident
memory of a peer, beside (degree + 3)·4·d; nanoseconds per coordinate of a round, by the history's columns (compute holds the trainer's
own pass) and by the peer's CPU time, beside a copy of such a vector in this process; and how long answers to `status` took while the
rounds went on, as an answer shows that the loop turns. Times of a machine that does other things are upper limits."""
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

ROUNDS = 6


def field(pid, name):
    with open(f"/proc/{pid}/status") as f:
        return next((int(line.split()[1]) for line in f if line.startswith(name + ":")), 0)


def cpu_seconds(path):
    with open(f"/proc/{path}/stat") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def answer_ms(path):
    start = time.monotonic()
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(path)
        while s.recv(65536):
            pass
    return 1e3 * (time.monotonic() - start)


def copy_ns(d):
    """CPU nanoseconds per coordinate of a memcpy between buffers that have been touched."""
    a, b = bytearray(4 * d), bytearray(4 * d)
    a[:] = b
    before = time.process_time()
    for _ in range(3):
        a[:] = b
    return 1e9 * (time.process_time() - before) / 3 / d


def peers_of(up):
    """The daemons among the children of starling up, as pids."""
    with open(f"/proc/{up}/task/{up}/children") as f:
        pids = [int(word) for word in f.read().split()]
    out = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/comm") as f:
                if f.read().strip() == "starlingd":
                    out.append(pid)
        except OSError:
            pass
    return out


def watch(process, folder, peers):
    """Until the run ends: the largest memory of each peer, its CPU time and that of its loop, and the times of answers."""
    memory, cpu, loop, answers = {}, {}, {}, []
    while process.poll() is None:
        for pid in peers_of(process.pid):
            try:
                memory[pid] = max(memory.get(pid, 0), field(pid, "VmHWM"))
                cpu[pid], loop[pid] = cpu_seconds(pid), cpu_seconds(f"{pid}/task/{pid}")
            except OSError:
                pass
        for k in range(peers):
            try:
                answers.append(answer_ms(f"{folder}/status/{k}"))
            except OSError:
                pass
        time.sleep(0.05)
    return memory, cpu, loop, sorted(answers)


def measure(build, peers, d):
    starling = f"{build}/starling"
    with tempfile.TemporaryDirectory(prefix="starling-large-") as work:
        trainer, run = f"{work}/large", f"{work}/run"
        subprocess.run(["cc", "-std=c99", "-O2", "-Ilib/trainer", "-o", trainer, "tests/trainer/large.c"], check=True)
        subprocess.run([starling, "init", run, "--topology", f"complete:{peers}", "--trainer", f"env DIMENSION={d} {trainer}",
                        "--set", f"run.rounds={ROUNDS}", "--set", "compress.pipeline=topk:0.01 | dither:16 | golomb",
                        "--set", "history.evaluate=0", "--set", "run.round_timeout=never"], check=True, stdout=subprocess.DEVNULL)
        with open(f"{work}/out", "w") as out:
            process = subprocess.Popen([starling, "up", run, "--plain"], stdout=out, stderr=out)
            memory, cpu, loop, answers = watch(process, run, peers)
        if process.returncode:
            with open(f"{work}/out") as out:
                sys.exit(out.read()[-2000:])
        rows = sqlite3.connect(f"{run}/history.db").execute(
            "SELECT avg(compute_us), avg(compress_us) FROM round WHERE round > 0").fetchone()
        need, took = (peers - 1 + 3) * 4 * d, 1024 * max(memory.values())
        at = lambda share: answers[min(len(answers) - 1, int(share * len(answers)))]
        print(f"d = {d}, {peers} peers: {took / 1e6:.0f} MB resident, {took / need:.2f} times (degree + 3)·4·d; "
              f"ns per coordinate and round: compute {1e3 * rows[0] / d:.2f}, compress {1e3 * rows[1] / d:.2f}, "
              f"CPU of the peer {1e9 * max(cpu.values()) / ROUNDS / d:.2f} (start and end included), of its loop {1e9 * max(loop.values()) / ROUNDS / d:.2f}, memcpy {copy_ns(d):.2f}; "
              f"{len(answers)} answers: median {at(0.5):.1f} ms, 99 % {at(0.99):.1f} ms, longest {answers[-1]:.1f} ms")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    measured = [int(word) for word in arguments[2:]] or [10**7, 10**8]
    for dimension in measured:
        measure(arguments[0] if arguments else "build", int(arguments[1]) if len(arguments) > 1 else 2, dimension)
