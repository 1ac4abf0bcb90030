-- P2: the rows that a step writes for its tasks, and nothing else, in batches of 500 by a bare loop. Tables, indexes and statements are fixed here, so
-- that the figure means the same whatever Fanfare's schema becomes. Per batch: 500 tasks end (a row each, and one row with their 500 events) and the next
-- 500 are leased (one row with their 500 events, one grant), the step's counts and the stream's head move, and the writer proves that it still leads.

-- name: schema
DROP SCHEMA IF EXISTS p2 CASCADE;
CREATE SCHEMA p2;
CREATE TABLE p2.writers (slot integer PRIMARY KEY, session bigint NOT NULL, batch bigint NOT NULL) WITH (fillfactor = 10);
CREATE TABLE p2.streams (id bigint PRIMARY KEY, name text NOT NULL UNIQUE, seq bigint NOT NULL CHECK (seq >= 0), epoch bigint NOT NULL) WITH (fillfactor = 60);
CREATE TABLE p2.events (
    position bigint NOT NULL, stream_id bigint NOT NULL, seq bigint NOT NULL CHECK (seq >= 1), run_id bigint, at_us bigint NOT NULL, events integer NOT NULL,
    actor text NOT NULL, version smallint NOT NULL, payload bytea NOT NULL, PRIMARY KEY (stream_id, seq)
);
CREATE INDEX ON p2.events (run_id, position) WHERE run_id IS NOT NULL;
CREATE TABLE p2.steps (
    stream_id bigint PRIMARY KEY, run_id bigint NOT NULL, step text NOT NULL, status smallint NOT NULL, total integer NOT NULL, running integer NOT NULL, succeeded integer NOT NULL
) WITH (fillfactor = 60);
CREATE INDEX ON p2.steps (run_id, stream_id);
CREATE TABLE p2.tasks (
    stream_id bigint NOT NULL, split integer NOT NULL CHECK (split >= 0), run_id bigint NOT NULL, status smallint NOT NULL CHECK (status BETWEEN 0 AND 7), attempt integer NOT NULL,
    worker text, leased_us bigint, started_us bigint, ended_us bigint, error text, output text, artifacts text, token text, PRIMARY KEY (stream_id, split)
) WITH (fillfactor = 95);
CREATE INDEX ON p2.tasks (run_id, status, stream_id, split) WHERE status <> 3;
CREATE TABLE p2.grants (
    stream_id bigint NOT NULL, grant_id bigint NOT NULL, run_id bigint NOT NULL, worker text NOT NULL, leased_us bigint NOT NULL, splits integer[] NOT NULL, tokens text NOT NULL,
    PRIMARY KEY (stream_id, grant_id)
);
CREATE INDEX ON p2.grants (run_id, stream_id);

-- name: open
-- $1: the connection's number, which is also its stream's and its run's.
WITH w AS (INSERT INTO p2.writers VALUES ($1, $1, 0)), s AS (INSERT INTO p2.streams VALUES ($1, 'default/step/r' || $1 || '/1:b0', 0, 1))
INSERT INTO p2.steps VALUES ($1, $1, 'b0', 0, 1000000, 500, 0);

-- name: own
UPDATE p2.writers SET batch = batch + 1 WHERE slot = $1 AND session = $1;

-- name: head
UPDATE p2.streams SET seq = $2 + 1000, epoch = 1 WHERE id = $1 AND seq = $2 AND epoch <= 1;

-- name: events
-- $3: the ends, $4: the leases.
INSERT INTO p2.events VALUES ($2 + 500, $1, $2 + 500, $1, $5, 500, 'worker:bench', 1, $3), ($2 + 1000, $1, $2 + 1000, $1, $5, 500, 'worker:bench', 1, $4);

-- name: tasks
-- $2: splits, $3: started, $4: ended, $5: tokens, $6: outputs.
INSERT INTO p2.tasks (stream_id, split, run_id, status, attempt, worker, leased_us, started_us, ended_us, output, token)
SELECT $1, unnest($2), $1, 3, 0, 'bench', $7, unnest($3), unnest($4), unnest($6), unnest($5);

-- name: ungrant
DELETE FROM p2.grants WHERE stream_id = $1 AND grant_id = $2 - 1000;

-- name: grant
INSERT INTO p2.grants VALUES ($1, $2, $1, 'bench', $5, $3, $4);

-- name: step
UPDATE p2.steps SET running = 500, succeeded = succeeded + 500 WHERE stream_id = $1;
