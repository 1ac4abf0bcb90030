-- What the read connections run. Pages go on from a key, never from an offset.

-- name: begin
BEGIN;

-- name: end
COMMIT;

-- name: stream
SELECT s.id, s.seq, w.acknowledged, s.epoch FROM streams s LEFT JOIN wakes w ON w.stream_id = s.id WHERE s.name = ?1;

-- name: stream_id
SELECT id FROM streams WHERE name = ?1;

-- name: stream_name
SELECT name FROM streams WHERE id = ?1;

-- name: stream_events
SELECT seq, at_us, actor, version, payload FROM events WHERE stream_id = ?1 ORDER BY seq;

-- name: wakes_of_same_due
-- A page may end among many streams that are due at the same time, "at once" most of all: first their rest, then the later ones.
SELECT s.name, w.due_us, w.stream_id
FROM wakes w INDEXED BY wakes_by_due CROSS JOIN streams s ON s.id = w.stream_id
WHERE w.due_us = ?1 AND w.stream_id > ?2 ORDER BY w.stream_id LIMIT ?3;

-- name: wakes_due
SELECT s.name, w.due_us, w.stream_id
FROM wakes w INDEXED BY wakes_by_due CROSS JOIN streams s ON s.id = w.stream_id
WHERE w.due_us > ?1 AND w.due_us <= ?2 ORDER BY w.due_us, w.stream_id LIMIT ?3;

-- name: position
SELECT position FROM journal;

-- name: history
-- (run_id, position) by the index's rowid: a seek to the first event after the position, then a walk.
SELECT position, stream_id, seq, at_us, actor, version, payload
FROM events INDEXED BY events_by_run
WHERE run_id = ?1 AND run_id IS NOT NULL AND position > ?2
ORDER BY position LIMIT ?3;

-- name: deployment
SELECT $(deployment_columns) FROM deployments WHERE ns = ?1 AND flow = ?2 AND version = ?3;

-- name: latest_deployment
SELECT $(deployment_columns) FROM deployments WHERE ns = ?1 AND flow = ?2 AND deleted_us IS NULL ORDER BY version DESC LIMIT 1;

-- name: deployments
-- Newest first.
SELECT $(deployment_columns) FROM deployments WHERE ns = ?1 AND flow = ?2 AND version < ?3 AND deleted_us IS NULL ORDER BY version DESC LIMIT ?4;

-- name: next_flow
-- Hops from flow to flow along the index of those that are there, so that a flow of ten thousand deployments costs no more than one.
SELECT min(flow) FROM deployments WHERE ns = ?1 AND flow > ?2 AND deleted_us IS NULL;

-- name: schedule
SELECT ns, flow, name, due_us, standing FROM schedules WHERE ns = ?1 AND flow = ?2 AND name = ?3 AND standing IS NOT NULL;

-- name: schedules
SELECT ns, flow, name, due_us, standing FROM schedules WHERE ns = ?1 AND (flow, name) > (?2, ?3) AND standing IS NOT NULL ORDER BY flow, name LIMIT ?4;

-- name: schedules_due
SELECT ns, flow, name, due_us, standing FROM schedules WHERE ns = ?1 AND due_us IS NOT NULL AND standing IS NOT NULL ORDER BY due_us LIMIT ?2;

-- name: schedules_of_flow
SELECT ns, flow, name, due_us, standing FROM schedules WHERE ns = ?1 AND flow = ?2 AND name > ?3 AND standing IS NOT NULL ORDER BY name LIMIT ?4;

-- name: trigger
SELECT ns, flow, name, standing FROM triggers WHERE ns = ?1 AND flow = ?2 AND name = ?3;

-- name: triggers
SELECT ns, flow, name, standing FROM triggers WHERE ns = ?1 AND (flow, name) > (?2, ?3) ORDER BY flow, name LIMIT ?4;

-- name: triggers_of_flow
SELECT ns, flow, name, standing FROM triggers WHERE ns = ?1 AND flow = ?2 AND name > ?3 ORDER BY name LIMIT ?4;

-- name: pool
SELECT name, standing FROM pools WHERE name = ?1;

-- name: pools
SELECT name, standing FROM pools WHERE name > ?1 ORDER BY name LIMIT ?2;

-- name: listeners
SELECT t.ns, t.flow, t.name, t.standing FROM trigger_sources s JOIN triggers t ON t.ns = s.ns AND t.flow = s.flow AND t.name = s.name
WHERE s.kind = ?1 AND s.ns = ?2 AND s.source = ?3 ORDER BY s.flow, s.name;

-- name: awaited_flows
SELECT DISTINCT ns, source FROM trigger_sources WHERE kind = ?1;

-- fragment: event_columns
stream_id, ns, event, kind, name, payload, event_key, actor, at_us, outcomes

-- name: event
SELECT $(event_columns) FROM published_events WHERE ns = ?1 AND event = ?2;

-- name: events_published
SELECT $(event_columns) FROM published_events WHERE ns = ?1 AND (at_us, stream_id) < (?2, ?3) ORDER BY at_us DESC, stream_id DESC LIMIT ?4;

-- name: events_of_name
SELECT $(event_columns) FROM published_events WHERE ns = ?1 AND name = ?5 AND (at_us, stream_id) < (?2, ?3) ORDER BY at_us DESC, stream_id DESC LIMIT ?4;

-- fragment: backfill_columns
stream_id, ns, backfill, flow, name, actor, created_us, standing

-- name: backfill
SELECT $(backfill_columns) FROM backfills WHERE ns = ?1 AND backfill = ?2;

-- name: backfills
SELECT $(backfill_columns) FROM backfills WHERE ns = ?1 AND (created_us, stream_id) < (?2, ?3) ORDER BY created_us DESC, stream_id DESC LIMIT ?4;

-- name: backfills_of_flow
SELECT $(backfill_columns) FROM backfills WHERE ns = ?1 AND flow = ?5 AND (created_us, stream_id) < (?2, ?3) ORDER BY created_us DESC, stream_id DESC LIMIT ?4;

-- fragment: notice_columns
stream_id, ns, notice, flow, at_us, standing

-- name: notice
SELECT $(notice_columns) FROM notices WHERE ns = ?1 AND notice = ?2;

-- name: notices
SELECT $(notice_columns) FROM notices WHERE ns = ?1 AND is_raised AND (at_us, stream_id) < (?2, ?3) ORDER BY at_us DESC, stream_id DESC LIMIT ?4;

-- name: notices_of_flow
SELECT $(notice_columns) FROM notices WHERE ns = ?1 AND is_raised AND flow = ?5 AND (at_us, stream_id) < (?2, ?3) ORDER BY at_us DESC, stream_id DESC LIMIT ?4;

-- name: dead_notices
SELECT $(notice_columns) FROM notices WHERE ns = ?1 AND is_dead AND (at_us, stream_id) < (?2, ?3) ORDER BY at_us DESC, stream_id DESC LIMIT ?4;

-- name: dead_notices_of_flow
SELECT $(notice_columns) FROM notices WHERE ns = ?1 AND is_dead AND flow = ?5 AND (at_us, stream_id) < (?2, ?3) ORDER BY at_us DESC, stream_id DESC LIMIT ?4;

-- name: dead_letters
SELECT ns, event, flow, name, kind, source, at_us, reason FROM dead_letters
WHERE ns = ?1 AND (at_us, event, flow, name) > (?2, ?3, ?4, ?5) AND (?7 IS NULL OR flow = ?7) AND (?8 IS NULL OR name = ?8) ORDER BY at_us, event, flow, name LIMIT ?6;

-- name: open_dead_letters
-- Of all namespaces, of which none has an empty name.
SELECT 1 FROM dead_letters WHERE ns > '' LIMIT ?1;

-- name: open_dead_notices
SELECT 1 FROM notices INDEXED BY notices_dead WHERE ns > '' AND is_dead LIMIT ?1;

-- name: open_runs
SELECT status FROM runs INDEXED BY runs_active WHERE ns > '' AND status < 5 LIMIT ?1;

-- fragment: deployment_columns
ns, flow, version, digest, spec, source, package, created_us, actor, deleted_us

-- fragment: run_columns
r.stream_id, r.ns, r.run, r.flow, r.deployment, r.status, r.parameters, r.tags, r.priority, r.idempotency_key, r.actor, r.generation, r.created_us, r.ended_us, r.error

-- fragment: run_filter
-- What the chosen index does not narrow by is checked on the way; bounds that were not asked for are null.
    AND (?6 IS NULL OR r.flow = ?6)
    AND (?7 IS NULL OR r.status = ?7)
    AND (?8 IS NULL OR (r.status < 5) = ?8)
    AND (?9 IS NULL OR r.deployment = ?9)

-- fragment: run_page
    AND (r.created_us, r.stream_id) < (?2, ?3) AND r.created_us > ?4 AND r.created_us < ?5
    $(run_filter)
ORDER BY r.created_us DESC, r.stream_id DESC LIMIT ?11

-- name: run
SELECT $(run_columns) FROM runs r WHERE r.stream_id = ?1;

-- name: runs_by_created
SELECT $(run_columns) FROM runs r INDEXED BY runs_by_created WHERE r.ns = ?1 $(run_page);

-- name: runs_by_flow
SELECT $(run_columns) FROM runs r INDEXED BY runs_by_flow WHERE r.ns = ?1 AND r.flow = ?6 $(run_page);

-- name: runs_by_status
SELECT $(run_columns) FROM runs r INDEXED BY runs_by_status WHERE r.ns = ?1 AND r.status = ?7 $(run_page);

-- name: runs_by_flow_and_status
SELECT $(run_columns) FROM runs r INDEXED BY runs_by_flow_and_status WHERE r.ns = ?1 AND r.flow = ?6 AND r.status = ?7 $(run_page);

-- name: runs_active
SELECT $(run_columns) FROM runs r INDEXED BY runs_active WHERE r.ns = ?1 AND r.status < 5 $(run_page);

-- name: runs_by_tag
-- CROSS JOIN fixes the order: from the tag's entries, newest first, to their runs.
SELECT $(run_columns) FROM run_tags t CROSS JOIN runs r ON r.stream_id = t.run_id
WHERE t.ns = ?1 AND t.tag = ?10 AND (t.created_us, t.run_id) < (?2, ?3) AND t.created_us > ?4 AND t.created_us < ?5
    $(run_filter)
ORDER BY t.created_us DESC, t.run_id DESC LIMIT ?11;

-- fragment: step_columns
n.name, s.status, s.in_foreach, s.total, s.running, s.backoff, s.succeeded, s.failed, s.cancelled, s.opened_us, s.ended_us, s.stream_id

-- name: step
SELECT $(step_columns) FROM streams n CROSS JOIN steps s ON s.stream_id = n.id WHERE n.name = ?1;

-- name: steps
SELECT $(step_columns) FROM steps s INDEXED BY steps_by_run CROSS JOIN streams n ON n.id = s.stream_id
WHERE s.run_id = ?1 AND s.stream_id > ?2 ORDER BY s.stream_id LIMIT ?3;

-- fragment: task_columns
t.stream_id, t.split, t.status, t.attempt, t.worker, t.leased_us, t.started_us, t.ended_us, t.error, t.output, t.artifacts

-- name: task
SELECT $(task_columns) FROM tasks t WHERE t.stream_id = ?1 AND t.split = ?2;

-- name: tasks_of_step
-- ?3 is a status or null; one opening is walked by its key.
SELECT $(task_columns) FROM tasks t WHERE t.stream_id = ?1 AND t.split > ?2 AND (?3 IS NULL OR t.status = ?3) ORDER BY t.split LIMIT ?4;

-- name: tasks_of_step_by_status
-- "status <> 3" is the index's own condition and must stand here word for word for it to be used.
SELECT $(task_columns) FROM tasks t INDEXED BY tasks_by_status
WHERE t.run_id = ?5 AND t.status = ?3 AND t.status <> 3 AND t.stream_id = ?1 AND t.split > ?2 ORDER BY t.split LIMIT ?4;

-- name: tasks_of_run
-- From opening to opening in order, each walked by its key: already sorted, so the limit ends it early.
SELECT $(task_columns) FROM steps s INDEXED BY steps_by_run CROSS JOIN tasks t ON t.stream_id = s.stream_id
WHERE s.run_id = ?1 AND s.stream_id > ?2 AND (?3 IS NULL OR t.status = ?3) ORDER BY s.stream_id, t.split LIMIT ?4;

-- name: tasks_of_run_by_name
SELECT $(task_columns) FROM steps s INDEXED BY steps_by_name CROSS JOIN tasks t ON t.stream_id = s.stream_id
WHERE s.run_id = ?1 AND s.step = ?5 AND s.stream_id > ?2 AND (?3 IS NULL OR t.status = ?3) ORDER BY s.stream_id, t.split LIMIT ?4;

-- name: tasks_of_run_by_status
SELECT $(task_columns) FROM tasks t INDEXED BY tasks_by_status CROSS JOIN steps s ON s.stream_id = t.stream_id
WHERE t.run_id = ?1 AND t.status = ?3 AND t.status <> 3 AND t.stream_id > ?2 AND (?5 IS NULL OR s.step = ?5)
ORDER BY t.stream_id, t.split LIMIT ?4;

-- name: attempts
SELECT attempt, status, worker, token, leased_us, started_us, ended_us, error FROM attempts WHERE stream_id = ?1 AND split = ?2 ORDER BY attempt;

-- name: outputs
-- 3 succeeded, 4 caught, 5 skipped: those that have an output to hand on.
SELECT split, attempt, output, artifacts FROM tasks
WHERE stream_id = ?1 AND split >= ?2 AND split < ?3 AND status BETWEEN 3 AND 5 ORDER BY split LIMIT ?4;
