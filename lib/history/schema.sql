-- schema.sql — the whole current schema, safe to run again: tables and indices are made where they are missing, views
-- are always made anew. An older database is first brought here by the steps in history.c. A change to a table needs
-- a new step and a new number (SL_SCHEMA_VERSION); a change to a view needs a new number only.
--
-- The names run, peer, round, round_all, link, sketch, consensus_exact, event, metric, consensus, traffic, summary, curve, peer_curve,
-- link_curve and peer_time, and their columns, are part of the product. What peers write every round is kept in the tables *_data under the run's number:
-- the text run_id in every row would make the file 1.4 times as large, and 64 sketch rows a sketch 4 times.

CREATE TABLE IF NOT EXISTS run (
  run_id TEXT NOT NULL UNIQUE,
  name TEXT,
  driver TEXT,               -- 'daemon' or 'sim'
  started_at INTEGER,        -- microseconds since 1970: datetime(started_at / 1e6, 'unixepoch')
  version TEXT,
  topology TEXT,
  peers INTEGER NOT NULL,
  dim INTEGER NOT NULL,      -- parameters of the model
  algorithm TEXT,
  compress TEXT,
  model TEXT,
  dataset TEXT,
  seed TEXT,                 -- decimal: 64 bits without a sign do not fit an INTEGER
  fingerprint TEXT,
  config TEXT,               -- the effective configuration, as starlingd -n prints it
  number INTEGER PRIMARY KEY -- key of the tables *_data, of this file only
) STRICT;

CREATE TABLE IF NOT EXISTS peer (
  run_id TEXT NOT NULL,
  peer INTEGER NOT NULL,
  name TEXT,
  public_key TEXT,
  endpoint TEXT,
  host TEXT,
  pid INTEGER,
  started_at INTEGER,        -- of its first process, microseconds since 1970
  stopped_at INTEGER,        -- NULL while it runs
  exit INTEGER,
  model_digest TEXT,         -- hex BLAKE2b of the final model
  degree INTEGER,            -- neighbours
  PRIMARY KEY (run_id, peer)
) STRICT, WITHOUT ROWID;

-- One round of one peer. Bytes are totals since the start of the run; NULL stands for not finite or not measured.
CREATE TABLE IF NOT EXISTS round_data (
  run INTEGER NOT NULL,
  peer INTEGER NOT NULL,
  round INTEGER NOT NULL,
  at_us INTEGER,
  train_loss REAL,
  test_loss REAL,
  test_accuracy REAL,
  nonzero INTEGER,
  disagreement REAL,         -- Σ_j w_ij |x̂_j - x̂_i|²
  payload_tx INTEGER,
  payload_rx INTEGER,
  wire_tx INTEGER,
  wire_rx INTEGER,
  compute_us INTEGER,
  compress_us INTEGER,
  wait_us INTEGER,
  penalty REAL,              -- lambda times the sum of the weights' magnitudes
  wire_resent INTEGER,       -- bytes that TCP sent again; wire_tx has each byte once
  PRIMARY KEY (run, peer, round)
) STRICT, WITHOUT ROWID;
-- Finds a peer's last accuracy without a walk over its rounds. Few rows are in it.
CREATE INDEX IF NOT EXISTS round_tested ON round_data (run, peer, round, test_accuracy)
  WHERE test_accuracy IS NOT NULL;

-- One round of all peers, instead of a row for each: of simulations of many peers, all rounds but the last.
CREATE TABLE IF NOT EXISTS round_all_data (
  run INTEGER NOT NULL,
  round INTEGER NOT NULL,
  peers INTEGER NOT NULL,
  tested INTEGER NOT NULL,   -- how many of them evaluated their model
  at_us INTEGER,             -- when the last of them had done the round
  payload_tx INTEGER,        -- sums of totals since the start
  wire_tx INTEGER,
  test_accuracy REAL,        -- means, least and greatest values
  test_accuracy_min REAL,
  test_accuracy_max REAL,
  test_loss REAL,
  test_loss_min REAL,
  test_loss_max REAL,
  train_loss REAL,
  train_loss_min REAL,
  train_loss_max REAL,
  nonzero REAL,
  nonzero_min INTEGER,
  nonzero_max INTEGER,
  objective REAL,
  disagreement REAL,
  PRIMARY KEY (run, round)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS link_data (
  run INTEGER NOT NULL,
  peer INTEGER NOT NULL,
  neighbour INTEGER NOT NULL,
  round INTEGER NOT NULL,
  payload_tx INTEGER,
  payload_rx INTEGER,
  frames_tx INTEGER,
  frames_rx INTEGER,
  resent INTEGER,
  repeated INTEGER,
  refused INTEGER,
  snapshots INTEGER,
  rtt_us INTEGER,
  wire_tx INTEGER,           -- this and the next four: of the connection to the neighbour, since the process started
  wire_resent INTEGER,       -- bytes that TCP sent again
  throughput INTEGER,        -- bytes a second while there was something to send
  queue_us INTEGER,          -- how long a byte waits for its turn, here and in the network
  srtt_us INTEGER,           -- round trip of TCP, smoothed
  again_connection INTEGER,  -- frames sent again: the connection ended with them
  again_drop INTEGER,        -- … dropped here, because the queue was full
  again_refusal INTEGER,     -- … came, and were not taken
  again_digest INTEGER,      -- snapshots sent because the neighbour's copy differed
  PRIMARY KEY (run, peer, neighbour, round)
) STRICT, WITHOUT ROWID;

-- The byte budget of a peer (limits.rate, limits.volume), for rounds that had one.
CREATE TABLE IF NOT EXISTS budget_data (
  run INTEGER NOT NULL,
  peer INTEGER NOT NULL,
  round INTEGER NOT NULL,
  rate INTEGER,              -- bits per second that it allows in the long run
  tx INTEGER,                -- bytes charged to it since the process started, with all headers
  waited_us INTEGER,         -- time in which messages waited for it, since the process started
  PRIMARY KEY (run, peer, round)
) STRICT, WITHOUT ROWID;

-- A count sketch of a model as a JSON array of its buckets, null where not finite.
CREATE TABLE IF NOT EXISTS sketch_data (
  run INTEGER NOT NULL,
  round INTEGER NOT NULL,
  peer INTEGER NOT NULL,
  bucket TEXT NOT NULL,
  PRIMARY KEY (run, round, peer)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS exact_data (
  run INTEGER NOT NULL,
  round INTEGER NOT NULL,
  error REAL,
  PRIMARY KEY (run, round)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS event (
  run_id TEXT NOT NULL,
  peer INTEGER NOT NULL,
  at_us INTEGER,
  round INTEGER,
  level TEXT NOT NULL,       -- error, warning, notice, info
  kind TEXT NOT NULL,        -- a stable word such as edge-late
  detail TEXT
) STRICT;
-- Numbers that a trainer named, beside loss and accuracy; of several in one round the first.
CREATE TABLE IF NOT EXISTS metric (
  run_id TEXT NOT NULL,
  peer INTEGER NOT NULL,
  round INTEGER NOT NULL,
  name TEXT NOT NULL,
  value REAL,                -- NULL: not a finite number
  PRIMARY KEY (run_id, peer, round, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS event_when ON event (run_id, peer, at_us);

DROP VIEW IF EXISTS round;
CREATE VIEW round AS
  SELECT run_id, peer, round, at_us, train_loss, test_loss, test_accuracy, nonzero, disagreement, payload_tx,
         payload_rx, wire_tx, wire_rx, compute_us, compress_us, wait_us, penalty, train_loss + penalty AS objective,
         wire_resent
  FROM run CROSS JOIN round_data ON round_data.run = run.number;

DROP VIEW IF EXISTS round_all;
CREATE VIEW round_all AS
  SELECT run_id, round, round_all_data.peers AS peers, tested, at_us, payload_tx, wire_tx, test_accuracy, test_accuracy_min,
         test_accuracy_max, test_loss, test_loss_min, test_loss_max, train_loss, train_loss_min, train_loss_max,
         nonzero, nonzero_min, nonzero_max, objective, disagreement
  FROM run CROSS JOIN round_all_data ON round_all_data.run = run.number;

DROP VIEW IF EXISTS link;
CREATE VIEW link AS
  SELECT run_id, peer, neighbour, round, payload_tx, payload_rx, frames_tx, frames_rx, resent, repeated, refused,
         snapshots, rtt_us, wire_tx, wire_resent, throughput, queue_us, srtt_us, again_connection, again_drop,
         again_refusal, again_digest
  FROM run CROSS JOIN link_data ON link_data.run = run.number;

DROP VIEW IF EXISTS budget;
CREATE VIEW budget AS
  SELECT run_id, peer, round, rate, tx, waited_us FROM run CROSS JOIN budget_data ON budget_data.run = run.number;

DROP VIEW IF EXISTS sketch;
CREATE VIEW sketch AS
  SELECT run_id, peer, round, each.key AS k, each.value AS value
  FROM run CROSS JOIN sketch_data ON sketch_data.run = run.number, json_each(bucket) AS each;

DROP VIEW IF EXISTS consensus_exact;
CREATE VIEW consensus_exact AS
  SELECT run_id, round, error FROM run CROSS JOIN exact_data ON exact_data.run = run.number;

-- (1/n) Σ_i |x_i - mean x|², exact where known. Else, of the rounds that all peers have a sketch of, the same sum over
-- the sketches: a sketch is linear and keeps squared norms in expectation, with a relative standard error of at most
-- √(2 / buckets). Two passes, because E[v²] - E[v]² cancels when the peers agree. NULL where a model was not finite.
DROP VIEW IF EXISTS consensus;
CREATE VIEW consensus AS
  SELECT run_id, round, peers, error FROM run CROSS JOIN exact_data ON exact_data.run = run.number
  UNION ALL
  SELECT run_id, round, peers,
         (SELECT CASE WHEN count(value) = count(*) THEN sum(off * off) / peers END
          FROM (SELECT value, value - avg(value) OVER (PARTITION BY key) AS off
                FROM sketch_data AS s, json_each(bucket) WHERE s.run = number AND s.round = whole.round)) AS error
  FROM run CROSS JOIN sketch_data AS whole ON whole.run = run.number
  WHERE NOT EXISTS (SELECT 1 FROM exact_data AS e WHERE e.run = number AND e.round = whole.round)
  GROUP BY number, round HAVING count(*) = peers;

-- Of one round, over the peers that have a row of it: bytes since the start, and what part was saved against sending a
-- model of float32 over every directed link in every round.
DROP VIEW IF EXISTS traffic;
CREATE VIEW traffic AS
  SELECT run.run_id AS run_id, round, count(*) AS peers, sum(payload_tx) AS payload_bytes, sum(wire_tx) AS wire_bytes,
         CASE WHEN count(degree) = count(*) AND count(payload_tx) = count(*)
              THEN 1 - sum(payload_tx) / (4.0 * dim * (round + 1) * sum(degree)) END AS saved
  FROM run CROSS JOIN round_data ON round_data.run = run.number
    LEFT JOIN peer ON peer.run_id = run.run_id AND peer.peer = round_data.peer
  GROUP BY run.number, round
  UNION ALL
  SELECT run_id, round, a.peers, payload_tx, wire_tx,
         1 - payload_tx / (4.0 * dim * (round + 1) *
                           (SELECT CASE WHEN count(degree) = count(*) THEN sum(degree) END FROM peer
                            WHERE peer.run_id = run.run_id))
  FROM run CROSS JOIN round_all_data AS a ON a.run = run.number;

-- What a run came to: over the last row of each peer that has rows here, which are `present` of the run's peers: a
-- site's own history knows its own alone. `seconds` is the longest time from a peer's start to its last row, each by
-- the clock of its own host. Reads a few rows a peer, however long the run was.
DROP VIEW IF EXISTS summary;
CREATE VIEW summary AS
  WITH last AS MATERIALIZED (
    SELECT run.number AS run, peer.peer AS peer, degree, dim, peer.started_at AS started_at,
           (SELECT max(d.round) FROM round_data AS d WHERE d.run = run.number AND d.peer = peer.peer) AS round,
           (SELECT d.test_accuracy FROM round_data AS d WHERE d.run = run.number AND d.peer = peer.peer
              AND d.test_accuracy IS NOT NULL ORDER BY d.round DESC LIMIT 1) AS accuracy
    FROM run JOIN peer USING (run_id)
  ), total AS (
    SELECT last.run AS run, count(*) AS present, max(last.round) + 1 AS rounds, avg(accuracy) AS test_accuracy,
           min(accuracy) AS worst_accuracy, sum(payload_tx) AS payload_bytes, sum(wire_tx) AS wire_bytes,
           CASE WHEN count(degree) = count(*) AND count(payload_tx) = count(*)
                THEN 1 - sum(payload_tx) / sum(4.0 * dim * (last.round + 1) * degree) END AS saved,
           max(at_us - last.started_at) / 1e6 AS seconds, avg(penalty) AS penalty,
           CASE WHEN count(train_loss + penalty) = count(*) THEN avg(train_loss + penalty) END AS objective
    FROM last CROSS JOIN round_data AS d ON d.run = last.run AND d.peer = last.peer AND d.round = last.round
    GROUP BY last.run
  ), known AS MATERIALIZED (
    SELECT number AS run, peers,
           (SELECT max(round) FROM exact_data WHERE run = number) AS exact_round,
           (SELECT round FROM sketch_data WHERE run = number GROUP BY round HAVING count(*) = peers
              ORDER BY round DESC LIMIT 1) AS sketch_round
    FROM run
  )
  SELECT run_id, name, run.peers AS peers, coalesce(present, 0) AS present, coalesce(rounds, 0) AS rounds, test_accuracy, worst_accuracy,
         CASE WHEN exact_round IS NOT NULL AND exact_round >= coalesce(sketch_round, 0)
              THEN (SELECT error FROM exact_data WHERE exact_data.run = number AND round = exact_round)
              WHEN sketch_round IS NOT NULL
              THEN (SELECT CASE WHEN count(value) = count(*) THEN sum(off * off) / known.peers END
                    FROM (SELECT value, value - avg(value) OVER (PARTITION BY key) AS off
                          FROM sketch_data, json_each(bucket)
                          WHERE sketch_data.run = number AND round = sketch_round)) END AS consensus_error,
         payload_bytes, wire_bytes, saved, seconds, seed, penalty, objective
  FROM run JOIN known ON known.run = number LEFT JOIN total ON total.run = number;

-- Curves: a row per point. Every row has round, seconds and bytes, and each of these can be the x axis. Bytes are totals
-- since the start of the run, as sent. `seconds` counts from the peer's start, by the clock of its host. `sparsity`: share
-- of the coordinates that are exactly zero.

-- One peer.
DROP VIEW IF EXISTS peer_curve;
CREATE VIEW peer_curve AS
  SELECT run.run_id AS run_id, run.name AS name, d.peer AS peer, d.round AS round,
         (d.at_us - p.started_at) / 1e6 AS seconds, d.payload_tx AS payload_bytes, d.wire_tx AS wire_bytes, d.test_accuracy AS test_accuracy,
         d.test_loss AS test_loss, d.train_loss AS train_loss, d.train_loss + d.penalty AS objective,
         1 - d.nonzero * 1.0 / run.dim AS sparsity, d.disagreement AS disagreement, d.at_us AS at_us,
         d.compute_us AS compute_us, d.compress_us AS compress_us, d.wait_us AS wait_us
  FROM run CROSS JOIN peer AS p ON p.run_id = run.run_id
    CROSS JOIN round_data AS d ON d.run = run.number AND d.peer = p.peer;

-- The mean over the peers that have a row of the round, with the least and the greatest value; bytes are sums over them,
-- `seconds` is the longest. `tested`: how many of them evaluated their model in this round. The consensus error is the one
-- of the view `consensus`.
DROP VIEW IF EXISTS curve;
CREATE VIEW curve AS
  SELECT m.run_id AS run_id, m.name AS name, m.algorithm AS algorithm, m.compress AS compress, m.topology AS topology,
         m.seed AS seed, m.round AS round, m.peers AS peers, m.tested AS tested, m.seconds AS seconds,
         m.payload_bytes AS payload_bytes, m.wire_bytes AS wire_bytes,
         m.test_accuracy AS test_accuracy, m.test_accuracy_min AS test_accuracy_min,
         m.test_accuracy_max AS test_accuracy_max, m.test_loss AS test_loss, m.test_loss_min AS test_loss_min,
         m.test_loss_max AS test_loss_max, m.train_loss AS train_loss, m.train_loss_min AS train_loss_min,
         m.train_loss_max AS train_loss_max, m.objective AS objective, m.sparsity AS sparsity,
         m.sparsity_min AS sparsity_min, m.sparsity_max AS sparsity_max, m.disagreement AS disagreement,
         CASE WHEN EXISTS (SELECT 1 FROM exact_data AS e WHERE e.run = m.number AND e.round = m.round)
              THEN (SELECT error FROM exact_data AS e WHERE e.run = m.number AND e.round = m.round)
              WHEN (SELECT count(*) FROM sketch_data AS s WHERE s.run = m.number AND s.round = m.round) = m.all_peers
              THEN (SELECT CASE WHEN count(value) = count(*) THEN sum(off * off) / m.all_peers END
                    FROM (SELECT value, value - avg(value) OVER (PARTITION BY key) AS off
                          FROM sketch_data AS s, json_each(bucket) WHERE s.run = m.number AND s.round = m.round))
              END AS consensus_error
  FROM (SELECT run.run_id AS run_id, run.name AS name, run.algorithm AS algorithm, run.compress AS compress,
               run.topology AS topology, run.seed AS seed, d.round AS round, run.number AS number, run.peers AS all_peers,
               count(*) AS peers, count(d.test_accuracy) AS tested, max(d.at_us - p.started_at) / 1e6 AS seconds,
               sum(d.payload_tx) AS payload_bytes, sum(d.wire_tx) AS wire_bytes,
               avg(d.test_accuracy) AS test_accuracy, min(d.test_accuracy) AS test_accuracy_min,
               max(d.test_accuracy) AS test_accuracy_max, avg(d.test_loss) AS test_loss,
               min(d.test_loss) AS test_loss_min, max(d.test_loss) AS test_loss_max,
               avg(d.train_loss) AS train_loss, min(d.train_loss) AS train_loss_min,
               max(d.train_loss) AS train_loss_max, avg(d.train_loss + d.penalty) AS objective,
               1 - avg(d.nonzero) / run.dim AS sparsity, 1 - max(d.nonzero) * 1.0 / run.dim AS sparsity_min,
               1 - min(d.nonzero) * 1.0 / run.dim AS sparsity_max, avg(d.disagreement) AS disagreement
        FROM run CROSS JOIN peer AS p ON p.run_id = run.run_id
          CROSS JOIN round_data AS d ON d.run = run.number AND d.peer = p.peer
        GROUP BY run.run_id, d.round
        UNION ALL
        SELECT run.run_id, run.name, run.algorithm, run.compress, run.topology, run.seed, a.round, run.number, run.peers,
               a.peers, a.tested, (a.at_us - run.started_at) / 1e6, a.payload_tx, a.wire_tx,
               a.test_accuracy, a.test_accuracy_min, a.test_accuracy_max, a.test_loss, a.test_loss_min, a.test_loss_max,
               a.train_loss, a.train_loss_min, a.train_loss_max, a.objective, 1 - a.nonzero / run.dim,
               1 - a.nonzero_max * 1.0 / run.dim, 1 - a.nonzero_min * 1.0 / run.dim, a.disagreement
        FROM run CROSS JOIN round_all_data AS a ON a.run = run.number) AS m;

-- One end of a link: what `peer` sent to `neighbour`, and took from it.
DROP VIEW IF EXISTS link_curve;
CREATE VIEW link_curve AS
  SELECT run.run_id AS run_id, run.name AS name, l.peer AS peer, l.neighbour AS neighbour, l.round AS round,
         (d.at_us - p.started_at) / 1e6 AS seconds, l.payload_tx AS payload_bytes, l.payload_rx AS payload_rx_bytes,
         l.frames_tx AS frames, l.resent AS resent, l.refused AS refused, l.snapshots AS snapshots, l.srtt_us AS srtt_us
  FROM run CROSS JOIN link_data AS l ON l.run = run.number
    LEFT JOIN round_data AS d ON d.run = l.run AND d.peer = l.peer AND d.round = l.round
    LEFT JOIN peer AS p ON p.run_id = run.run_id AND p.peer = l.peer;

-- Where the time of a peer went, over the rounds that it has rows of; NULL where none was measured.
DROP VIEW IF EXISTS peer_time;
CREATE VIEW peer_time AS
  SELECT run.run_id AS run_id, run.name AS name, d.peer AS peer, count(*) AS rounds, max(d.at_us - p.started_at) / 1e6 AS seconds,
         sum(d.compute_us) / 1e6 AS compute_seconds, sum(d.compress_us) / 1e6 AS compress_seconds,
         sum(d.wait_us) / 1e6 AS wait_seconds
  FROM run CROSS JOIN peer AS p ON p.run_id = run.run_id
    CROSS JOIN round_data AS d ON d.run = run.number AND d.peer = p.peer
  GROUP BY run.run_id, d.peer;
