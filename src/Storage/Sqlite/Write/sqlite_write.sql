-- What the committing thread runs, prepared once and used for every append.

-- name: begin
-- IMMEDIATE: the write lock is taken at once, so that no statement in the batch can find it busy.
BEGIN IMMEDIATE;

-- name: commit
COMMIT;

-- name: rollback
ROLLBACK;

-- name: savepoint
-- Before a write of several parts: one that fails takes the others back, and nothing else of the batch.
SAVEPOINT parts;

-- name: rollback_to_savepoint
ROLLBACK TO parts;

-- name: release
RELEASE parts;

-- name: own_batch
-- No row changes when another server has raised the term: then nothing in this batch may be written.
UPDATE journal SET batch = ?1 WHERE term = ?2;

-- name: set_position
UPDATE journal SET position = ?1;

-- name: read_batch
SELECT batch FROM journal;

-- name: find_stream
SELECT id, run_id FROM streams WHERE name = ?1;

-- name: add_stream
INSERT INTO streams (id, name, run_id, seq, epoch) VALUES (NULL, ?1, ?2, 0, 0);

-- name: own_stream
-- A run's stream belongs to its own run; its id is known only now.
UPDATE streams SET run_id = id WHERE id = ?1;

-- name: move_head
-- The check and the move in one: no row changes when the head is not where the append expects it, or was taken by
-- a newer epoch. It comes before all other writes of its append, so a fenced append leaves nothing to undo.
UPDATE streams SET seq = ?3, epoch = ?4 WHERE id = ?1 AND seq = ?2 AND epoch <= ?4;

-- name: hold_epoch
SELECT 1 FROM streams WHERE id = ?1 AND epoch <= ?2;

-- name: add_event
INSERT INTO events (position, stream_id, seq, run_id, at_us, actor, version, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);

-- name: remove_events
DELETE FROM events WHERE stream_id = ?1 AND seq < ?2;

-- name: put_wake
-- Most appends leave the wake row as it is; then no page becomes dirty.
INSERT INTO wakes (stream_id, due_us, acknowledged) VALUES (?1, ?2, ?3)
ON CONFLICT (stream_id) DO UPDATE SET due_us = excluded.due_us, acknowledged = excluded.acknowledged
WHERE due_us <> excluded.due_us OR acknowledged <> excluded.acknowledged;

-- name: remove_wake
DELETE FROM wakes WHERE stream_id = ?1;

-- name: put_deployment
INSERT INTO deployments (stream_id, ns, flow, version, digest, spec, source, package, created_us, actor)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT (ns, flow, version) DO UPDATE SET
    digest = excluded.digest, spec = excluded.spec, source = excluded.source, package = excluded.package,
    created_us = excluded.created_us, actor = excluded.actor;

-- name: put_schedule
INSERT INTO schedules (stream_id, ns, flow, name, due_us, standing) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (stream_id) DO UPDATE SET due_us = excluded.due_us, standing = excluded.standing;

-- name: put_trigger
INSERT INTO triggers (ns, flow, name, standing) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (ns, flow, name) DO UPDATE SET standing = excluded.standing;

-- name: remove_trigger
DELETE FROM triggers WHERE ns = ?1 AND flow = ?2 AND name = ?3;

-- name: remove_trigger_sources
DELETE FROM trigger_sources WHERE ns = ?1 AND flow = ?2 AND name = ?3;

-- name: add_trigger_source
INSERT INTO trigger_sources (kind, ns, source, flow, name) VALUES (?1, ?2, ?3, ?4, ?5);

-- name: put_event
INSERT INTO published_events (stream_id, ns, event, kind, name, payload, event_key, actor, at_us, outcomes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT (stream_id) DO UPDATE SET outcomes = excluded.outcomes;

-- name: put_backfill
INSERT INTO backfills (stream_id, ns, backfill, flow, name, actor, created_us, standing) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (stream_id) DO UPDATE SET standing = excluded.standing;

-- name: put_notice
INSERT INTO notices (stream_id, ns, notice, flow, at_us, is_raised, is_dead, standing) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (stream_id) DO UPDATE SET at_us = excluded.at_us, is_raised = excluded.is_raised, is_dead = excluded.is_dead, standing = excluded.standing;

-- name: put_pool
INSERT INTO pools (name, standing) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET standing = excluded.standing;

-- name: remove_pool
DELETE FROM pools WHERE name = ?1;

-- name: put_dead_letter
INSERT INTO dead_letters (ns, event, flow, name, kind, source, at_us, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (ns, event, flow, name) DO UPDATE SET at_us = excluded.at_us, reason = excluded.reason;

-- name: remove_dead_letter
DELETE FROM dead_letters WHERE ns = ?1 AND event = ?2 AND flow = ?3 AND name = ?4;

-- name: delete_deployments
UPDATE deployments SET deleted_us = ?5 WHERE ns = ?1 AND flow = ?2 AND version BETWEEN ?3 AND ?4;

-- name: put_run
INSERT INTO runs (stream_id, ns, run, flow, deployment, status, parameters, tags, priority, idempotency_key, actor, generation, created_us, ended_us, error)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
ON CONFLICT (stream_id) DO UPDATE SET
    flow = excluded.flow, deployment = excluded.deployment, status = excluded.status, parameters = excluded.parameters, tags = excluded.tags,
    priority = excluded.priority, idempotency_key = excluded.idempotency_key, actor = excluded.actor, generation = excluded.generation,
    created_us = excluded.created_us, ended_us = excluded.ended_us, error = excluded.error;

-- name: find_run_tags
SELECT tags, created_us FROM runs WHERE stream_id = ?1;

-- name: remove_run_tag
DELETE FROM run_tags WHERE ns = ?1 AND tag = ?2 AND created_us = ?3 AND run_id = ?4;

-- name: add_run_tag
-- The same tag given twice is one tag.
INSERT INTO run_tags (ns, tag, created_us, run_id) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING;

-- name: put_step
-- Name and run never change, so the two indexes are left alone by an update.
INSERT INTO steps (stream_id, run_id, step, status, in_foreach, total, running, backoff, succeeded, failed, cancelled, opened_us, ended_us)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
ON CONFLICT (stream_id) DO UPDATE SET
    status = excluded.status, in_foreach = excluded.in_foreach, total = excluded.total, running = excluded.running, backoff = excluded.backoff,
    succeeded = excluded.succeeded, failed = excluded.failed, cancelled = excluded.cancelled, opened_us = excluded.opened_us, ended_us = excluded.ended_us;

-- fragment: new_task
INSERT INTO tasks (stream_id, split, run_id, status, attempt, worker, leased_us, started_us, ended_us, error, output, artifacts)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)

-- fragment: new_attempt
INSERT INTO attempts (stream_id, split, attempt, status, worker, token, leased_us, started_us, ended_us, error)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)

-- name: add_task
-- Of a first lease; a task that ended in the same append has its row.
$(new_task) ON CONFLICT DO NOTHING;

-- name: add_attempt
$(new_attempt) ON CONFLICT DO NOTHING;

-- name: put_task
$(new_task)
ON CONFLICT (stream_id, split) DO UPDATE SET
    status = excluded.status, attempt = excluded.attempt, worker = excluded.worker, leased_us = excluded.leased_us, started_us = excluded.started_us,
    ended_us = excluded.ended_us, error = excluded.error, output = excluded.output, artifacts = excluded.artifacts;

-- name: put_attempt
$(new_attempt)
ON CONFLICT (stream_id, split, attempt) DO UPDATE SET
    status = excluded.status, worker = excluded.worker, token = excluded.token, leased_us = excluded.leased_us, started_us = excluded.started_us,
    ended_us = excluded.ended_us, error = excluded.error;
