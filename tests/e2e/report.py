"""report.py HTML DB...: what a page of starling report says, against plain SQL over its histories.

The page must be well-formed and load nothing, and every number in it, <data class="..." value="...">, must be what SQL
gives. A class that is not known here is an error: no number goes unchecked.
"""
import base64
import csv
import hashlib
import io
import math
import sqlite3
import sys
import xml.etree.ElementTree as ElementTree


def fail(text):
    sys.exit("report.py: " + text)


def near(a, b):
    if a is None or b is None:
        return a is None and b is None
    return math.isclose(float(a), float(b), rel_tol=1e-6, abs_tol=1e-9)


def value(element):
    return float(element.get("value"))


def check_loads_nothing(root, text):
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    if len(ids) != len(set(ids)):
        fail("an id stands twice")
    names = [e.tag for e in root.iter()]
    for tag, wanted in (("script", 1), ("style", 1), ("link", 0), ("img", 0), ("iframe", 0), ("object", 0), ("a", 0)):
        if names.count(tag) != wanted:
            fail("%d elements %s" % (names.count(tag), tag))
    for e in root.iter():
        for name, content in e.attrib.items():
            if name.split("}")[-1].lower() in ("href", "src", "action", "srcset") or name.lower().startswith("on"):
                fail("attribute %s of %s" % (name, e.tag))
            if "://" in content or "url(" in content:
                fail("attribute %s=%s" % (name, content))
    style = next(root.iter("style")).text
    if "url(" in style or "@import" in style or "http" in style:
        fail("the style loads something")
    digest = base64.b64encode(hashlib.sha256(next(root.iter("script")).text.encode()).digest()).decode()
    if "default-src 'none'" not in text or "script-src 'sha256-%s'" % digest not in text:
        fail("no policy, or its hash is not that of the script")


def check_figures(root):
    figures = list(root.iter("figure"))
    if len(figures) < 4:
        fail("%d figures" % len(figures))
    for figure in figures:
        title = next(figure.iter("figcaption")).text
        if len(list(figure.iter("svg"))) != 1:
            fail("%s: not one svg" % title)
        if not list(figure.iter("path")) + list(figure.iter("polygon")):
            fail("%s: nothing is drawn" % title)
    return [next(f.iter("figcaption")).text for f in figures]


class Page:
    def __init__(self, root, db):
        self.root, self.db, self.seen = root, db, set()
        self.runs = [r[0] for r in db.execute("SELECT run_id FROM run ORDER BY started_at, number")]
        self.single = len(self.runs) == 1
        self.run_ids = {}

    def one(self, sql, *arguments):
        return self.db.execute(sql, arguments).fetchone()[0]

    def group(self, label):
        """The runs of a group: tests make groups that differ in the algorithm alone."""
        if self.single:
            return self.runs
        found = [r[0] for r in self.db.execute("SELECT run_id FROM run WHERE algorithm = ? ORDER BY started_at, number", (label,))]
        if not found:
            fail("no runs of %r" % label)
        return found

    def is_(self, element, wanted, what):
        self.seen.add(element)
        if wanted is None or not near(value(element), wanted):
            fail("%s: the page has %s, SQL gives %s" % (what, element.get("value"), wanted))

    def in_set(self, sql, ids):
        return sql % ",".join("?" * len(ids)), ids

    def mean(self, column, ids):
        sql, arguments = self.in_set("SELECT avg(%s) FROM summary WHERE run_id IN (%%s)" % column, ids)
        return self.one(sql, *arguments)

    def reach(self, run_id, target):
        """The first round at which the mean accuracy was at the target: round, and payload, wire and seconds until it and all before
        it were done. (A peer that was away does an early round late, and may skip the next ones.)"""
        return self.db.execute(
            """SELECT round, bytes, wire, seconds FROM (SELECT round, test_accuracy, max(payload_bytes) OVER w AS bytes,
               max(wire_bytes) OVER w AS wire, max(seconds) OVER w AS seconds FROM curve WHERE run_id = ?
               WINDOW w AS (ORDER BY round)) WHERE test_accuracy >= ? ORDER BY round LIMIT 1""", (run_id, target)).fetchone()

    def reach_mean(self, ids, target):
        rows = [r for r in (self.reach(i, target) for i in ids) if r]
        return [sum(column) / len(rows) for column in zip(*rows)] if rows else None, len(rows)

    def winner(self, target, axis):
        labels = [r[0] for r in self.db.execute("SELECT DISTINCT algorithm FROM run")]
        reached = {}
        for label in labels:
            mean, count = self.reach_mean(self.group(label), target)
            if mean and count == len(self.group(label)):
                reached[label] = mean[axis]
        return min(reached.items(), key=lambda item: item[1], default=(None, None))

    def agreement(self, run_id):
        """The largest consensus error of the rounds that are drawn, the least after it, and the last."""
        labels = ["".join(tr.find("th").itertext()) for tr in self.table("results")]
        number = [i for i, label in enumerate(labels) if run_id in self.group(label)][0]
        drawn = csv.DictReader(io.StringIO("".join(self.root.find(".//pre[@id='curve-%d']" % number).itertext())))
        drawn = {int(float(row["round"])) for row in drawn}
        rows = [r for r in self.db.execute("SELECT error, round FROM consensus WHERE run_id = ? AND error IS NOT NULL ORDER BY round", (run_id,))
                if r[1] in drawn]
        most = max(rows, key=lambda r: r[0])
        least = min(rows[rows.index(most):], key=lambda r: r[0])
        return {"most": most[0], "least": least[0], "least-round": least[1], "last": rows[-1][0], "end": rows[-1][1]}

    def check_results(self):
        columns = {"rounds": "rounds", "accuracy": "test_accuracy", "worst": "worst_accuracy", "consensus": "consensus_error",
                   "payload": "payload_bytes", "wire": "wire_bytes", "saved": "saved", "seconds": "seconds"}
        rows = self.table("results")
        for row in rows:
            ids = self.group("".join(row.find("th").itertext()))
            for e in row.iter("data"):
                name = e.get("class")
                if name == "result-epsilon":
                    self.is_(e, max(self.spent(i)[0] for i in ids if self.spent(i)), "results: epsilon")
                    continue
                self.is_(e, len(ids) if name == "runs" else self.mean(columns[name], ids), "results: " + name)
        if not self.single and len(rows) != self.one("SELECT count(DISTINCT algorithm) FROM run"):
            fail("not a row per group")

    def spent(self, run_id, peer=None):
        """Of a run with differential privacy: the largest epsilon of its peers at their last evaluation, and delta."""
        return self.db.execute("""SELECT max(value), (SELECT value FROM metric WHERE run_id = ?1 AND name = 'delta' LIMIT 1) FROM metric AS m
                                  WHERE run_id = ?1 AND name = 'epsilon' AND peer = ifnull(?2, peer) AND round = (SELECT max(round) FROM metric
                                  WHERE run_id = ?1 AND name = 'epsilon' AND peer = m.peer) HAVING count(*) > 0""", (run_id, peer)).fetchone()

    def budget(self, run_id):
        """Of byte budgets: what was sent and waited for between rows of one process, whose counters never fall."""
        before, rates, peers, sent, allowed, waited, us, rounds = {}, [], set(), 0, 0, 0, 0, 0
        for peer, number, rate, tx, wait, at in self.db.execute(
                """SELECT b.peer, b.round, rate, tx, waited_us, at_us FROM budget AS b JOIN round AS r USING (run_id, peer, round)
                   WHERE run_id = ? ORDER BY b.peer, b.round""", (run_id,)):
            if peer in before and tx >= before[peer][1] and at > before[peer][3]:
                was = before[peer]
                peers.add(peer)
                rates.append(rate)
                sent += 8e6 * (tx - was[1])
                allowed += rate * (at - was[3])
                waited += wait - was[2]
                us += at - was[3]
                rounds += number - was[0]
            before[peer] = (number, tx, wait, at)
        return {"peers": len(peers), "rate": sum(rates) / len(rates), "used": sent / allowed, "waited": waited / us, "rounds": 864e8 * rounds / us}

    def table(self, name):
        table = self.root.find(".//table[@id='%s']" % name)
        return [] if table is None else list(table.find("tbody"))

    def check_targets(self):
        order = ["reach-round", "reach-payload", "reach-wire", "reach-seconds"]
        for row in self.table("targets"):
            label = "".join(row.find("th").itertext())
            target = None
            for e in row.iter("data"):
                if e.get("class") == "target":
                    target = value(e)
                    self.seen.add(e)
                    continue
                mean, count = self.reach_mean(self.group(label), target)
                self.is_(e, mean[order.index(e.get("class"))], "%s to %g: %s" % (label, target, e.get("class")))
            if not self.single:
                first = [td for td in row if td.get("class") == "first"]
                for axis, cell in ((1, 4), (3, 6)):
                    if (self.winner(target, axis)[0] == label) != (row[cell] in first):
                        fail("%s to %g: another is the winner" % (label, target))

    def check_all_findings(self):
        target = None
        for e in self.root.find(".//ul[@id='findings']").iter("data"):
            name = e.get("class")
            if name == "best-accuracy":
                self.is_(e, self.one("SELECT max(a) FROM (SELECT avg(test_accuracy) AS a FROM summary JOIN run USING (run_id) GROUP BY algorithm)"), name)
            elif name == "win-target":
                target = value(e)
                self.seen.add(e)
            elif name == "win-payload":
                self.is_(e, self.winner(target, 1)[1], name)
            elif name == "win-seconds":
                self.is_(e, self.winner(target, 3)[1], name)

    def check_run(self, part, run_id):
        summary = {"accuracy": "test_accuracy", "worst": "worst_accuracy", "payload": "payload_bytes", "saved": "saved", "present": "present"}
        total = "(SELECT sum(compute_seconds) + sum(compress_seconds) + sum(wait_seconds) FROM peer_time WHERE run_id = ?1)"
        held = """SELECT sum(waited) * 1.0 / (SELECT sum(wait_us) FROM peer_curve WHERE run_id = ?1 AND test_accuracy IS NULL) FROM
                  (SELECT round, peer, min(wait_us), sum(wait_us) AS waited FROM peer_curve WHERE run_id = ?1 AND test_accuracy IS NULL
                   GROUP BY round) GROUP BY peer HAVING peer = ?2"""
        held_rounds = """SELECT avg(least = ?2) FROM (SELECT peer AS least, min(wait_us) FROM peer_curve WHERE run_id = ?1
                         AND test_accuracy IS NULL GROUP BY round)"""
        peer, absence = None, -1
        for e in part.iter("data"):
            name = e.get("class")
            if name in summary:
                self.is_(e, self.one("SELECT %s FROM summary WHERE run_id = ?" % summary[name], run_id), name)
            elif name.startswith("consensus-"):
                self.is_(e, self.agreement(run_id)[name[10:]], name)
            elif name == "last-loss":
                self.is_(e, self.one("SELECT test_loss FROM curve WHERE run_id = ? AND test_loss IS NOT NULL ORDER BY round DESC LIMIT 1", run_id), name)
            elif name.startswith("share-"):
                self.is_(e, self.one("SELECT sum(%s_seconds) / %s FROM peer_time WHERE run_id = ?1" % (name[6:], total), run_id), name)
            elif name == "held-peer":
                peer = int(value(e))
                self.seen.add(e)
            elif name == "held":
                self.is_(e, self.one(held, run_id, peer), name)
            elif name == "held-rounds":
                self.is_(e, self.one(held_rounds, run_id, peer), name)
            elif name in ("late-peer", "quarantine-peer"):
                peer = int(value(e))
                self.seen.add(e)
            elif name == "late":
                self.is_(e, self.one("SELECT max(n) FROM (SELECT count(*) AS n FROM event WHERE run_id = ? AND kind = 'edge-late' GROUP BY substr(detail, 1, 7))", run_id), name)
                self.is_(e, self.one("SELECT count(*) FROM event WHERE run_id = ? AND kind = 'edge-late' AND detail LIKE 'peer ' || ? || ' %'", run_id, peer), name)
            elif name == "quarantine-by":
                self.is_(e, self.one("SELECT count(DISTINCT peer) FROM event WHERE run_id = ? AND kind = 'quarantine' AND detail LIKE 'peer ' || ? || ' %'", run_id, peer), name)
            elif name.startswith("budget-"):
                self.is_(e, self.budget(run_id)[name[7:]], name)
            elif name in ("epsilon", "delta"):
                self.is_(e, self.spent(run_id)[name == "delta"], name)
            elif name == "spent":
                self.is_(e, self.one("SELECT count(DISTINCT peer) FROM event WHERE run_id = ? AND kind = 'privacy-budget-spent'", run_id), name)
            elif name == "diverging":
                self.is_(e, self.one("SELECT count(DISTINCT peer) FROM event WHERE run_id = ? AND kind = 'diverging'", run_id), name)
            elif name in ("absence", "absence-from"):
                if name == "absence-from":
                    absence += 1
                kinds = "kind IN ('resumed-from-checkpoint', 'recovered-from-neighbours')"
                who, at = self.db.execute("SELECT peer, at_us FROM event WHERE run_id = ? AND %s ORDER BY at_us LIMIT 1 OFFSET ?" % kinds,
                                          (run_id, absence)).fetchone()
                back = (at - self.one("SELECT min(started_at) FROM peer WHERE run_id = ?", run_id)) / 1e6
                last = self.one("""SELECT (max(at_us) - (SELECT min(started_at) FROM peer WHERE run_id = ?1)) / 1e6 FROM round
                                   WHERE run_id = ?1 AND peer = ?2 AND at_us < ?3""", run_id, who, at)
                self.is_(e, back if name == "absence-from" else back - last, name)
        for row in part.findall(".//table[@class='peers']/tbody/tr"):
            peer = int(row.find("td").text)
            for e in row.iter("data"):
                name = e.get("class")[5:]
                if name == "held":
                    found = self.db.execute(held, (run_id, peer)).fetchone()
                    self.is_(e, found[0] if found else 0, "held of %d" % peer)
                elif name == "held-rounds":
                    self.is_(e, self.one(held_rounds, run_id, peer), "held-rounds of %d" % peer)
                elif name == "epsilon":
                    self.is_(e, self.spent(run_id, peer)[0], "epsilon of %d" % peer)
                else:
                    column = name if name in ("rounds", "seconds") else name + "_seconds"
                    self.is_(e, self.one("SELECT %s FROM peer_time WHERE run_id = ? AND peer = ?" % column, run_id, peer), "peer-" + name)
        for row in part.findall(".//table[@class='kinds']/tbody/tr"):
            self.is_(row.find(".//data"), self.one("SELECT count(*) FROM event WHERE run_id = ? AND kind = ?", run_id, row.find("th").text),
                     "events of a kind")

    def check_events(self, part, run_id):
        for e in part.iter("data"):
            if e.get("class") == "events":
                self.seen.add(e)
                if not self.one("SELECT count(*) FROM (SELECT kind FROM event WHERE run_id = ? GROUP BY kind HAVING count(*) = ?)", run_id, int(value(e))):
                    fail("no kind of event has %s rows" % e.get("value"))

    def check_curves(self):
        spread = {"test_accuracy", "test_loss", "train_loss", "sparsity"}
        labels = ["".join(tr.find("th").itertext()) for tr in self.table("results")]
        for number, label in enumerate(labels):
            ids = self.group(label)
            text = "".join(self.root.find(".//pre[@id='curve-%d']" % number).itertext())
            rows = list(csv.DictReader(io.StringIO(text)))
            if len(rows) < 5:
                fail("a curve of %d points" % len(rows))
            for row in rows:
                found = [dict(zip([d[0] for d in c.description], c.fetchone())) for c in
                         (self.db.execute("""SELECT *, payload_most AS payload_bytes, wire_most AS wire_bytes, seconds_most AS seconds FROM
                                          (SELECT *, max(payload_bytes) OVER w AS payload_most, max(wire_bytes) OVER w AS wire_most,
                                           max(seconds) OVER w AS seconds_most FROM curve WHERE run_id = ? WINDOW w AS (ORDER BY round))
                                          WHERE round = ?""", (i, int(float(row["round"])))) for i in ids)]
                for name in row:
                    base = name.replace("_min", "").replace("_max", "")
                    values = [f[base] for f in found]
                    if any(v is None for v in values):
                        wanted = None
                    elif name.endswith("_min") and base in spread:
                        wanted = found[0][name] if len(ids) == 1 else min(values)
                    elif name.endswith("_max") and base in spread:
                        wanted = found[0][name] if len(ids) == 1 else max(values)
                    else:
                        wanted = sum(values) / len(values)
                    if not near(row[name] or None, wanted):
                        fail("curve of %s, round %s: %s is %r, SQL gives %r" % (label, row["round"], name, row[name], wanted))

    def check(self):
        self.check_results()
        self.check_targets()
        self.check_curves()
        if self.single:
            findings = self.root.find(".//ul[@id='findings']")
            self.check_run(findings, self.runs[0])
            self.check_events(findings, self.runs[0])
        else:
            self.check_all_findings()
        for part in self.root.findall(".//section[@class='run']"):
            run_id = self.runs[int(part.get("id")[4:])]
            self.check_run(part, run_id)
            self.check_events(part, run_id)
        left = [e for e in self.root.iter("data") if e not in self.seen]
        if left:
            fail("nobody checked %s" % sorted({e.get("class") for e in left}))
        return len(self.seen)


def main():
    text = open(sys.argv[1], encoding="utf-8").read()
    root = ElementTree.fromstring(text.replace("<!DOCTYPE html>", "", 1))
    check_loads_nothing(root, text)
    titles = check_figures(root)
    db = sqlite3.connect("file:%s?mode=ro" % sys.argv[2], uri=True)
    count = Page(root, db).check()
    if count < 20:
        fail("only %d numbers" % count)
    print("%d numbers, %d figures: %s" % (count, len(titles), ", ".join(titles)))


main()
