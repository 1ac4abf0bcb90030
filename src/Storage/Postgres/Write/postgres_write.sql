-- What a committing connection runs. All statements of a batch go out in one network write and are one transaction: without BEGIN and
-- COMMIT of their own, they commit together when the last has run. Those with unnest take many rows as arrays; for a few rows there is a form without (OneRow.cs).

-- name: own
-- A batch of another session of this slot changes no row: the server was deposed, or the connection given up.
WITH own AS (UPDATE writers SET batch = $1 WHERE slot = $2 AND session = $3 RETURNING 1)
SELECT CASE WHEN NOT EXISTS (SELECT FROM own) THEN require(false, 'session') END;

-- name: add_streams
WITH added AS (
    INSERT INTO streams (id, name, run_id, seq, epoch, shard) SELECT * FROM unnest($1, $2, $3, $4, $5, $6) AS r ON CONFLICT (name) DO NOTHING RETURNING 1
)
SELECT CASE WHEN count(*) <> cardinality($1) THEN require(false, 'heads') END FROM added;

-- name: move_heads
-- The check and the move in one: no row changes when the head is not where the append expects it, or was taken by a newer epoch.
WITH moved AS (
    UPDATE streams s SET seq = h.head, epoch = h.epoch
    FROM unnest($1, $2, $3, $4) AS h (id, expected, head, epoch)
    WHERE s.id = h.id AND s.seq = h.expected AND s.epoch <= h.epoch RETURNING 1
)
SELECT CASE WHEN count(*) <> cardinality($1) THEN require(false, 'heads') END FROM moved;

-- name: add_events
INSERT INTO events (position, stream_id, seq, run_id, at_us, events, actor, version, payload)
SELECT unnest($1), unnest($2), unnest($3), unnest($4), unnest($5), unnest($6), unnest($7), unnest($8), unnest($9);

-- name: remove_events
-- Those that a later one makes needless. A frame has the place of its last event, so one that reaches as far stays.
DELETE FROM events e USING unnest($1, $2) AS c (stream_id, seq) WHERE e.stream_id = c.stream_id AND e.seq < c.seq;

-- name: put_wakes
-- Most appends leave the wake row as it is; then nothing is written.
INSERT INTO wakes (stream_id, due_us, acknowledged) SELECT * FROM unnest($1, $2, $3) AS r
ON CONFLICT (stream_id) DO UPDATE SET due_us = excluded.due_us, acknowledged = excluded.acknowledged
WHERE wakes.due_us <> excluded.due_us OR wakes.acknowledged <> excluded.acknowledged;

-- name: remove_wakes
DELETE FROM wakes WHERE stream_id = ANY ($1);

-- name: keep_attempts
-- Of tasks that are sent back: their rows stood for what had succeeded.
INSERT INTO attempts (stream_id, split, attempt, status, worker, token, leased_us, started_us, ended_us, error)
SELECT t.stream_id, t.split, t.attempt, 1, t.worker, t.token, t.leased_us, t.started_us, t.ended_us, t.error
FROM unnest($1, $2) AS back (stream_id, split) JOIN tasks t ON t.stream_id = back.stream_id AND t.split = back.split AND t.token IS NOT NULL
ON CONFLICT DO NOTHING;

-- name: add_tasks
-- What succeeded at once and has no row yet: nearly all tasks. Without ON CONFLICT a row costs half, and arrays taken apart in the select list, side
-- by side, cost less than in FROM.
INSERT INTO tasks (stream_id, split, run_id, status, attempt, worker, leased_us, started_us, ended_us, output, artifacts, token)
SELECT unnest($1), unnest($2), unnest($3), 3, 0, unnest($4), unnest($5), unnest($6), unnest($7), unnest($8), unnest($9), unnest($10);

-- name: put_tasks
INSERT INTO tasks (stream_id, split, run_id, status, attempt, worker, leased_us, started_us, ended_us, error, output, artifacts)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS r
ON CONFLICT (stream_id, split) DO UPDATE SET
    status = excluded.status, attempt = excluded.attempt, worker = excluded.worker, leased_us = excluded.leased_us, started_us = excluded.started_us,
    ended_us = excluded.ended_us, error = excluded.error, output = excluded.output, artifacts = excluded.artifacts, token = NULL;

-- name: put_grants
INSERT INTO grants (stream_id, grant_id, run_id, worker, leased_us, splits, tokens)
SELECT stream_id, grant_id, run_id, worker, leased_us, ($6)[first:last], tokens
FROM unnest($1, $2, $3, $4, $5, $7, $8, $9) AS g (stream_id, grant_id, run_id, worker, leased_us, first, last, tokens)
ON CONFLICT (stream_id, grant_id) DO UPDATE SET splits = excluded.splits, tokens = excluded.tokens;

-- name: remove_grants
DELETE FROM grants g USING unnest($1, $2) AS e (stream_id, grant_id) WHERE g.stream_id = e.stream_id AND g.grant_id = e.grant_id;

-- name: put_attempts
INSERT INTO attempts (stream_id, split, attempt, status, worker, token, leased_us, started_us, ended_us, error)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS r
ON CONFLICT (stream_id, split, attempt) DO UPDATE SET
    status = excluded.status, worker = excluded.worker, token = excluded.token, leased_us = excluded.leased_us, started_us = excluded.started_us,
    ended_us = excluded.ended_us, error = excluded.error;

-- name: put_steps
INSERT INTO steps (stream_id, run_id, step, status, in_foreach, total, running, backoff, succeeded, failed, cancelled, opened_us, ended_us)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS r
ON CONFLICT (stream_id) DO UPDATE SET
    status = excluded.status, in_foreach = excluded.in_foreach, total = excluded.total, running = excluded.running, backoff = excluded.backoff,
    succeeded = excluded.succeeded, failed = excluded.failed, cancelled = excluded.cancelled, opened_us = excluded.opened_us, ended_us = excluded.ended_us;

-- name: put_runs
INSERT INTO runs (stream_id, ns, run, flow, deployment, status, parameters, tags, priority, idempotency_key, actor, generation, created_us, ended_us, error)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) AS r
ON CONFLICT (stream_id) DO UPDATE SET
    flow = excluded.flow, deployment = excluded.deployment, status = excluded.status, parameters = excluded.parameters, tags = excluded.tags,
    priority = excluded.priority, idempotency_key = excluded.idempotency_key, actor = excluded.actor, generation = excluded.generation,
    created_us = excluded.created_us, ended_us = excluded.ended_us, error = excluded.error;

-- name: drop_run_tags
-- Of the runs in this batch; their present tags follow. A run is written a handful of times in its life.
DELETE FROM run_tags t
USING (SELECT r.ns, r.created_us, r.stream_id, g.tag FROM runs r CROSS JOIN LATERAL json_array_elements_text(r.tags::json) AS g (tag) WHERE r.stream_id = ANY ($1) OFFSET 0) o
WHERE t.ns = o.ns AND t.tag = o.tag AND t.created_us = o.created_us AND t.run_id = o.stream_id;

-- name: add_run_tags
-- The same tag given twice is one tag.
INSERT INTO run_tags (ns, tag, created_us, run_id) SELECT * FROM unnest($1, $2, $3, $4) AS r ON CONFLICT DO NOTHING;

-- name: put_deployments
INSERT INTO deployments (stream_id, ns, flow, version, digest, spec, source, package, created_us, actor)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS r
ON CONFLICT (ns, flow, version) DO UPDATE SET
    digest = excluded.digest, spec = excluded.spec, source = excluded.source, package = excluded.package,
    created_us = excluded.created_us, actor = excluded.actor;

-- name: put_schedules
INSERT INTO schedules (stream_id, ns, flow, name, due_us, standing)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6) AS r
ON CONFLICT (stream_id) DO UPDATE SET due_us = excluded.due_us, standing = excluded.standing;

-- name: remove_trigger_sources
DELETE FROM trigger_sources s USING unnest($1, $2, $3) AS g (ns, flow, name) WHERE s.ns = g.ns AND s.flow = g.flow AND s.name = g.name;

-- name: remove_triggers
DELETE FROM triggers t USING unnest($1, $2, $3) AS g (ns, flow, name) WHERE t.ns = g.ns AND t.flow = g.flow AND t.name = g.name;

-- name: put_triggers
INSERT INTO triggers (ns, flow, name, standing)
SELECT * FROM unnest($1, $2, $3, $4) AS r
ON CONFLICT (ns, flow, name) DO UPDATE SET standing = excluded.standing;

-- name: add_trigger_sources
INSERT INTO trigger_sources (kind, ns, source, flow, name)
SELECT * FROM unnest($1, $2, $3, $4, $5) AS r;

-- name: put_events
INSERT INTO published_events (stream_id, ns, event, kind, name, payload, event_key, actor, at_us, outcomes)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS r
ON CONFLICT (stream_id) DO UPDATE SET outcomes = excluded.outcomes;

-- name: put_backfills
INSERT INTO backfills (stream_id, ns, backfill, flow, name, actor, created_us, standing)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS r
ON CONFLICT (stream_id) DO UPDATE SET standing = excluded.standing;

-- name: put_notices
INSERT INTO notices (stream_id, ns, notice, flow, at_us, is_raised, is_dead, standing)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS r
ON CONFLICT (stream_id) DO UPDATE SET at_us = excluded.at_us, is_raised = excluded.is_raised, is_dead = excluded.is_dead, standing = excluded.standing;

-- name: remove_pools
DELETE FROM pools WHERE name = ANY ($1);

-- name: put_pools
INSERT INTO pools (name, standing)
SELECT * FROM unnest($1, $2) AS r
ON CONFLICT (name) DO UPDATE SET standing = excluded.standing;

-- name: put_dead_letters
INSERT INTO dead_letters (ns, event, flow, name, kind, source, at_us, reason)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS r
ON CONFLICT (ns, event, flow, name) DO UPDATE SET at_us = excluded.at_us, reason = excluded.reason;

-- name: remove_dead_letters
DELETE FROM dead_letters l USING unnest($1, $2, $3, $4) AS g (ns, event, flow, name) WHERE l.ns = g.ns AND l.event = g.event AND l.flow = g.flow AND l.name = g.name;

-- name: delete_deployments
UPDATE deployments d SET deleted_us = g.deleted_us
FROM unnest($1, $2, $3, $4, $5) AS g (ns, flow, first, last, deleted_us)
WHERE d.ns = g.ns AND d.flow = g.flow AND d.version BETWEEN g.first AND g.last;

-- name: heads
-- Who won and who lost, after a batch was stopped; and the ids of streams that are not known.
SELECT name, id, run_id, seq, epoch FROM streams WHERE name = ANY ($1);

-- name: compress
-- Large rows are compressed, and the server's default takes five times as long for it as lz4 does: a fifth of its time for a task. Not every server is built with it.
SELECT set_config(name, 'lz4', false) FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals);

-- name: claim_slot
-- Waits for a batch of the former session that is still under way: it is in what this returns, or never comes. A slot is claimed by one connection of
-- the server that leads after another, and a takeover empties the table. Who was deposed claims nothing: the lock on the term makes this wait for
-- a takeover that is under way. A database that is on another timeline than at the takeover has failed over to a copy that may lack something: it is to be taken
-- over anew.
WITH leads AS (SELECT 1 FROM journal WHERE term = $2 AND timeline = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int FOR SHARE)
INSERT INTO writers AS w (slot, session, batch, pid) SELECT $1, nextval('writer_sessions'), 0, pg_backend_pid() FROM leads
ON CONFLICT (slot) DO UPDATE SET session = excluded.session, pid = excluded.pid
RETURNING session, batch;

-- name: claim_node_slot
-- The same for a node of several: one that was put out has no row, and the lock on it makes this wait for who is putting it out.
WITH lives AS (
    SELECT 1 FROM nodes n, journal j WHERE n.term = $2 AND j.timeline = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int FOR SHARE OF n
)
INSERT INTO writers AS w (slot, session, batch, pid) SELECT $1, nextval('writer_sessions'), 0, pg_backend_pid() FROM lives
ON CONFLICT (slot) DO UPDATE SET session = excluded.session, pid = excluded.pid
RETURNING session, batch;

-- name: was_written
-- Whether a batch was, by its first event; asked when the takeover has waited for all batches that were under way.
SELECT EXISTS (SELECT FROM events WHERE stream_id = $1 AND seq = $2 AND position = $3);

-- name: end_former
-- The session that had the slot may hang on a connection that its peer has given up.
SELECT pg_terminate_backend(a.pid) FROM journal j JOIN writers w ON w.slot = $1 JOIN pg_stat_activity a ON a.pid = w.pid
WHERE j.term = $2 AND a.application_name LIKE 'fanfare writer%' AND a.pid <> pg_backend_pid();

-- name: end_former_of_node
SELECT pg_terminate_backend(a.pid) FROM nodes n JOIN writers w ON w.slot = $1 JOIN pg_stat_activity a ON a.pid = w.pid
WHERE n.term = $2 AND a.application_name LIKE 'fanfare writer%' AND a.pid <> pg_backend_pid();

-- name: position_block
SELECT nextval('position_blocks');

-- name: stream_id_block
SELECT nextval('stream_id_blocks');
