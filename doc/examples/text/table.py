#!/usr/bin/python3
"""Perplexities of a run beside those of its references, and bytes.

usage: table.py HISTORY REFERENCES: of the newest run in HISTORY; REFERENCES has a line of plain.py for all texts, then one per library
"""
import math
import sqlite3
import sys


def mean(values):
    """Of perplexities: that of the mean loss."""
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values))


def row(name, *values):
    print(f"{name:14}", *(f"{value:8.2f}" for value in values))


def main(history, references):
    """The command."""
    db = sqlite3.connect(f"file:{history}?mode=ro", uri=True)
    run, payload, saved = db.execute("SELECT run_id, payload_bytes, saved FROM summary JOIN run USING (run_id)"
                                     " ORDER BY started_at DESC LIMIT 1").fetchone()
    last = db.execute("SELECT peer, name, value FROM metric WHERE run_id = ?1"
                      " AND round = (SELECT max(round) FROM metric WHERE run_id = ?1)", (run,)).fetchall()
    own, others = ({peer: value for peer, name, value in last if name == which} for which in ("own", "others"))
    with open(references, encoding="ascii") as f:
        lines = [line.split() for line in f]
    names = lines[0][0:16:2]
    texts = [[float(value) for value in line[1:16:2]] for line in lines]
    pooled, alone = texts[0], texts[1:]
    rest = [[value for j, value in enumerate(line) if j != k] for k, line in enumerate(alone)]
    print(f"{'':14} {'peers':>8} {'':8} {'pooled':>8} {'':8} {'alone':>8}")
    print(f"{'perplexity of':14}" + f" {'own':>8} {'others':>8}" * 3)
    rows = [(own[k], others[k], pooled[k], mean(pooled[:k] + pooled[k + 1:]), alone[k][k], mean(rest[k])) for k in range(len(names))]
    for k, name in enumerate(names):
        row(f"{k} {name}", *rows[k])
    row("mean", *map(mean, zip(*rows)))
    print(f"{payload / len(own) / 1e6:.2f} MB sent per peer; models in float32 in as many rounds: {payload / len(own) / 1e6 / (1 - saved):.0f} MB")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
