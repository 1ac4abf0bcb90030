-- What removes old runs. Each statement is bounded, and enters an index where the one before it ended. What writes is sent behind the statement
-- "own" of postgres_write.sql, as batches of appends are. Whether there is a row of a key is asked by a subquery that stands for one value, since NOT EXISTS may
-- become a walk over the other table. A wake row is asked for as a range in order: for one key, an index that has it in second place looks as good as long as the table is empty.

-- name: endings
-- Longest ended first. That its own stream has nothing to do is looked at again when it is closed, and its steps' when they are sealed.
SELECT r.stream_id, r.ns, r.run FROM runs r
WHERE r.status >= 5 AND r.ended_us < $1 AND r.stream_id <> ALL ($3::bigint[])
    AND (SELECT t.run_id FROM retired_runs t WHERE t.run_id = r.stream_id) IS NULL
    AND (SELECT w.stream_id FROM wakes w WHERE w.stream_id >= r.stream_id AND w.stream_id <= r.stream_id ORDER BY w.stream_id LIMIT 1) IS NULL
    AND (SELECT s.run_id FROM steps s WHERE s.run_id = r.stream_id AND (SELECT w.stream_id FROM wakes w WHERE w.stream_id >= s.stream_id AND w.stream_id <= s.stream_id ORDER BY w.stream_id LIMIT 1) IS NOT NULL ORDER BY s.stream_id LIMIT 1) IS NULL
ORDER BY r.ended_us, r.stream_id LIMIT $2;

-- name: fence_runs
-- Who writes to one of them just now has it locked, and keeps it.
UPDATE streams s SET epoch = 9223372036854775807
FROM (SELECT id FROM streams WHERE id = ANY ($1) AND epoch < 9223372036854775807 FOR UPDATE SKIP LOCKED) l WHERE s.id = l.id;

-- name: close_runs
-- With the heads locked, and a snapshot taken since: what is written to them from now on loses.
INSERT INTO retired_runs (run_id, ns, run, flow, deployment, status, created_us, ended_us)
SELECT r.stream_id, r.ns, r.run, r.flow, r.deployment, r.status, r.created_us, r.ended_us
FROM unnest($1::bigint[]) AS i (id) CROSS JOIN LATERAL (SELECT * FROM runs WHERE stream_id = i.id OFFSET 0) r JOIN streams s ON s.id = r.stream_id AND s.epoch = 9223372036854775807
WHERE r.status >= 5 AND r.ended_us < $2 AND (SELECT w.stream_id FROM wakes w WHERE w.stream_id >= r.stream_id AND w.stream_id <= r.stream_id ORDER BY w.stream_id LIMIT 1) IS NULL
ON CONFLICT DO NOTHING;

-- name: unfence_runs
-- Those that have gone on in the meantime.
UPDATE streams s SET epoch = 0
WHERE s.id = ANY ($1) AND s.epoch = 9223372036854775807 AND (SELECT t.run_id FROM retired_runs t WHERE t.run_id = s.id) IS NULL;

-- fragment: retired_columns
t.run_id, t.ns, t.run, t.flow, t.deployment, t.status, t.created_us, t.ended_us, t.archive, t.archived_us

-- name: closed
SELECT $(retired_columns) FROM retired_runs t WHERE t.archived_us IS NULL ORDER BY t.ended_us, t.run_id LIMIT $1;

-- name: hidden
SELECT $(retired_columns) FROM retired_runs t
WHERE t.archived_us IS NOT NULL AND t.removed_us IS NULL AND t.archived_us <= $1 ORDER BY t.archived_us, t.run_id LIMIT $2;

-- name: retired
SELECT $(retired_columns) FROM retired_runs t WHERE t.run_id = (SELECT id FROM streams WHERE name = $1);

-- name: steps_of
SELECT stream_id FROM steps WHERE run_id = $1 AND stream_id > $2 ORDER BY stream_id LIMIT $3;

-- name: fence_steps
UPDATE streams SET epoch = 9223372036854775807 WHERE id = ANY ($1) AND epoch < 9223372036854775807;

-- name: quiet
-- Behind the fence: what was under way is in this, or never comes.
SELECT (SELECT id FROM unnest($1::bigint[]) AS u (id) WHERE (SELECT w.stream_id FROM wakes w WHERE w.stream_id >= u.id AND w.stream_id <= u.id ORDER BY w.stream_id LIMIT 1) IS NOT NULL LIMIT 1) IS NULL
    AND (SELECT id FROM unnest($1::bigint[]) AS u (id) WHERE (SELECT g.stream_id FROM grants g WHERE g.stream_id = u.id LIMIT 1) IS NOT NULL LIMIT 1) IS NULL;

-- name: unfence
UPDATE streams SET epoch = 0 WHERE id = ANY ($1) AND epoch = 9223372036854775807;

-- name: reopen
DELETE FROM retired_runs WHERE run_id = $1 AND archived_us IS NULL;

-- fragment: within_bytes
-- With at least one row; octet_length reads no large value, so what lies beyond is neither read nor sent.
WHERE p.bytes - p.own < $3

-- name: read_events
SELECT p.position, (SELECT n.name FROM streams n WHERE n.id = p.stream_id), p.seq, p.events, p.at_us, p.actor, p.version, p.payload FROM (
    SELECT q.*, sum(q.own) OVER (ORDER BY q.position ROWS UNBOUNDED PRECEDING) AS bytes
    FROM (SELECT e.*, octet_length(e.payload) AS own FROM events e WHERE e.run_id = $1 AND e.position > $4 ORDER BY e.position LIMIT $2) q
) p $(within_bytes) ORDER BY p.position;

-- name: read_steps
SELECT (SELECT n.name FROM streams n WHERE n.id = s.stream_id), s.status, s.in_foreach, s.total, s.running, s.backoff, s.succeeded, s.failed, s.cancelled, s.opened_us, s.ended_us, s.stream_id
FROM steps s WHERE s.run_id = $1 AND s.stream_id > $3 ORDER BY s.stream_id LIMIT $2;

-- fragment: openings
-- From opening to opening in order, each walked by its key.
FROM (SELECT s.stream_id FROM steps s WHERE s.run_id = $1 AND s.stream_id >= $4 ORDER BY s.stream_id OFFSET 0) o CROSS JOIN LATERAL

-- name: read_tasks
SELECT p.stream_id, p.split, p.status, p.attempt, p.worker, p.leased_us, p.started_us, p.ended_us, p.error, p.output, p.artifacts,
    (SELECT n.name FROM streams n WHERE n.id = p.stream_id), p.token
FROM (
    SELECT q.*, sum(q.own) OVER (ORDER BY q.stream_id, q.split ROWS UNBOUNDED PRECEDING) AS bytes FROM (
        SELECT t.*, coalesce(octet_length(t.output), 0) + coalesce(octet_length(t.artifacts), 0) AS own
        $(openings) (SELECT * FROM tasks l WHERE l.stream_id = o.stream_id AND l.split > CASE WHEN o.stream_id = $4 THEN $5 ELSE -1 END ORDER BY l.split LIMIT $2) t
        ORDER BY o.stream_id LIMIT $2) q
) p $(within_bytes) ORDER BY p.stream_id, p.split;

-- name: read_attempts
SELECT t.attempt, t.status, t.worker, t.token, t.leased_us, t.started_us, t.ended_us, t.error, t.stream_id, t.split, (SELECT n.name FROM streams n WHERE n.id = t.stream_id)
$(openings) (
    SELECT * FROM attempts l
    WHERE l.stream_id = o.stream_id AND (l.split, l.attempt) > (CASE WHEN o.stream_id = $4 THEN $5 ELSE -1 END, CASE WHEN o.stream_id = $4 THEN $3 ELSE -1 END)
    ORDER BY l.split, l.attempt LIMIT $2) t
ORDER BY o.stream_id LIMIT $2;

-- name: hide
UPDATE retired_runs t SET archive = a.archive, archived_us = $3 FROM unnest($1::bigint[], $2::text[]) AS a (id, archive) WHERE t.run_id = a.id;

-- name: hide_tags
DELETE FROM run_tags t
USING (SELECT r.ns, r.created_us, r.stream_id, g.tag FROM runs r CROSS JOIN LATERAL json_array_elements_text(r.tags::json) AS g (tag) WHERE r.stream_id = ANY ($1) OFFSET 0) o
WHERE t.ns = o.ns AND t.tag = o.tag AND t.created_us = o.created_us AND t.run_id = o.stream_id;

-- name: hide_runs
DELETE FROM runs WHERE stream_id = ANY ($1);

-- name: steps_left
SELECT s.stream_id FROM unnest($1::bigint[]) AS r (id)
CROSS JOIN LATERAL (SELECT l.stream_id FROM steps l WHERE l.run_id = r.id ORDER BY l.stream_id LIMIT $2) s LIMIT $2;

-- name: remove_tasks
-- A walk from the first row again would pass over all that were removed before, until a vacuum: so it goes on after the last of them.
WITH page AS (
    SELECT t.stream_id, t.split FROM unnest($1::bigint[]) AS o (id)
    CROSS JOIN LATERAL (SELECT l.stream_id, l.split FROM tasks l WHERE l.stream_id = o.id AND l.split > CASE WHEN o.id = $3 THEN $4 ELSE -1 END ORDER BY l.split LIMIT $2) t LIMIT $2
), gone AS (DELETE FROM tasks t USING page p WHERE t.stream_id = p.stream_id AND t.split = p.split RETURNING t.stream_id, t.split)
SELECT stream_id, split::bigint, count(*) OVER () FROM gone ORDER BY array_position($1::bigint[], stream_id) DESC, split DESC LIMIT 1;

-- name: remove_attempts
WITH page AS (
    SELECT t.stream_id, t.split, t.attempt FROM unnest($1::bigint[]) AS o (id)
    CROSS JOIN LATERAL (SELECT l.stream_id, l.split, l.attempt FROM attempts l WHERE l.stream_id = o.id AND l.split >= CASE WHEN o.id = $3 THEN $4 ELSE 0 END ORDER BY l.split, l.attempt LIMIT $2) t LIMIT $2
), gone AS (DELETE FROM attempts t USING page p WHERE t.stream_id = p.stream_id AND t.split = p.split AND t.attempt = p.attempt RETURNING t.stream_id, t.split)
SELECT stream_id, split::bigint, count(*) OVER () FROM gone ORDER BY array_position($1::bigint[], stream_id) DESC, split DESC LIMIT 1;

-- name: remove_events
WITH page AS (
    SELECT t.stream_id, t.seq FROM unnest($1::bigint[]) AS o (id)
    CROSS JOIN LATERAL (SELECT l.stream_id, l.seq FROM events l WHERE l.stream_id = o.id AND l.seq > CASE WHEN o.id = $3 THEN $4 ELSE 0 END ORDER BY l.seq LIMIT $2) t LIMIT $2
), gone AS (DELETE FROM events t USING page p WHERE t.stream_id = p.stream_id AND t.seq = p.seq RETURNING t.stream_id, t.seq)
SELECT stream_id, seq, count(*) OVER () FROM gone ORDER BY array_position($1::bigint[], stream_id) DESC, seq DESC LIMIT 1;

-- name: remove_steps
DELETE FROM steps WHERE stream_id = ANY ($1);

-- name: remove_heads
-- Their run's head stays, and with it the refusal to open any of them.
DELETE FROM streams WHERE id = ANY ($1);

-- name: removed
UPDATE retired_runs SET removed_us = $2 WHERE run_id = ANY ($1) AND archived_us IS NOT NULL;

-- name: forget
WITH gone AS (
    DELETE FROM retired_runs t
    WHERE t.run_id = ANY (ARRAY (SELECT o.run_id FROM retired_runs o WHERE o.removed_us IS NOT NULL AND o.removed_us <= $1 ORDER BY o.removed_us, o.run_id LIMIT $2)) RETURNING t.run_id)
DELETE FROM streams s USING gone g WHERE s.id = g.run_id RETURNING s.name;

-- fragment: at_rest
(SELECT w.stream_id FROM wakes w WHERE w.stream_id >= s.id AND w.stream_id <= s.id ORDER BY w.stream_id LIMIT 1) IS NULL

-- name: settled_events
SELECT s.id, s.seq, s.name FROM published_events e JOIN streams s ON s.id = e.stream_id
WHERE e.at_us < $1 AND NOT EXISTS (SELECT FROM dead_letters d WHERE d.ns = e.ns AND d.event = e.event) AND $(at_rest) ORDER BY e.at_us, e.stream_id LIMIT $2;

-- name: settled_notices
SELECT s.id, s.seq, s.name FROM notices n JOIN streams s ON s.id = n.stream_id WHERE n.at_us < $1 AND NOT n.is_dead AND $(at_rest) ORDER BY n.at_us, n.stream_id LIMIT $2;

-- name: forget_settled
DELETE FROM streams s USING unnest($1::bigint[], $2::bigint[]) AS f (id, seq) WHERE s.id = f.id AND s.seq = f.seq AND $(at_rest);

-- fragment: forgotten
stream_id = ANY ($1) AND NOT EXISTS (SELECT FROM streams s WHERE s.id = stream_id)

-- name: forget_their_events
DELETE FROM events WHERE $(forgotten);

-- name: forget_events
DELETE FROM published_events WHERE $(forgotten);

-- name: forget_notices
DELETE FROM notices WHERE $(forgotten);
