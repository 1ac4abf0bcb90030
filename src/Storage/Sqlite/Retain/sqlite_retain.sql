-- What removes old runs. What writes runs on the committing thread, a bounded piece in the transaction of whatever is committed then; what reads runs
-- on the connections for reading.

-- name: endings
-- Longest ended first.
SELECT r.stream_id, r.ns, r.run FROM runs r INDEXED BY runs_ended
WHERE r.status >= 5 AND r.ended_us < ?1
    AND NOT EXISTS (SELECT 1 FROM retired_runs t WHERE t.run_id = r.stream_id)
    AND NOT EXISTS (SELECT 1 FROM wakes w WHERE w.stream_id = r.stream_id)
    AND NOT EXISTS (SELECT 1 FROM steps s CROSS JOIN wakes w ON w.stream_id = s.stream_id WHERE s.run_id = r.stream_id)
ORDER BY r.ended_us, r.stream_id LIMIT ?2;

-- name: close_run
INSERT INTO retired_runs (run_id, ns, run, flow, deployment, status, created_us, ended_us)
SELECT r.stream_id, r.ns, r.run, r.flow, r.deployment, r.status, r.created_us, r.ended_us FROM runs r WHERE r.stream_id = ?1;

-- name: set_epoch
UPDATE streams SET epoch = ?2 WHERE id = ?1;

-- fragment: retired_columns
t.run_id, t.ns, t.run, t.flow, t.deployment, t.status, t.created_us, t.ended_us, t.archive, t.archived_us

-- name: closed
SELECT $(retired_columns) FROM retired_runs t INDEXED BY retired_runs_closed WHERE t.archived_us IS NULL AND t.ended_us > -9223372036854775808 ORDER BY t.ended_us, t.run_id LIMIT ?1;

-- name: hidden
SELECT $(retired_columns) FROM retired_runs t INDEXED BY retired_runs_hidden
WHERE t.archived_us IS NOT NULL AND t.removed_us IS NULL AND t.archived_us <= ?1 ORDER BY t.archived_us, t.run_id LIMIT ?2;

-- name: retired
SELECT $(retired_columns) FROM streams n CROSS JOIN retired_runs t ON t.run_id = n.id WHERE n.name = ?1;

-- name: steps_of
SELECT stream_id FROM steps INDEXED BY steps_by_run WHERE run_id = ?1 AND stream_id > ?2 ORDER BY stream_id LIMIT ?3;

-- name: has_wake
SELECT 1 FROM wakes WHERE stream_id = ?1;

-- name: reopen
DELETE FROM retired_runs WHERE run_id = ?1 AND archived_us IS NULL;

-- name: read_events
SELECT position, stream_id, seq, at_us, actor, version, payload FROM events INDEXED BY events_by_run
WHERE run_id = ?1 AND run_id IS NOT NULL AND position > ?2 ORDER BY position LIMIT ?3;

-- name: stream_name
SELECT name FROM streams WHERE id = ?1;

-- name: read_steps
SELECT n.name, s.status, s.in_foreach, s.total, s.running, s.backoff, s.succeeded, s.failed, s.cancelled, s.opened_us, s.ended_us, s.stream_id
FROM steps s INDEXED BY steps_by_run CROSS JOIN streams n ON n.id = s.stream_id
WHERE s.run_id = ?1 AND s.stream_id > ?2 ORDER BY s.stream_id LIMIT ?3;

-- name: read_tasks
SELECT stream_id, split, status, attempt, worker, leased_us, started_us, ended_us, error, output, artifacts
FROM tasks WHERE stream_id = ?1 AND split > ?2 ORDER BY split LIMIT ?3;

-- name: read_attempts
SELECT attempt, status, worker, token, leased_us, started_us, ended_us, error, split
FROM attempts WHERE stream_id = ?1 AND (split, attempt) > (?2, ?3) ORDER BY split, attempt LIMIT ?4;

-- name: hide
UPDATE retired_runs SET archive = ?2, archived_us = ?3 WHERE run_id = ?1 AND archived_us IS NULL;

-- name: tags_of
SELECT ns, tags, created_us FROM runs WHERE stream_id = ?1;

-- name: hide_tag
DELETE FROM run_tags WHERE ns = ?1 AND tag = ?2 AND created_us = ?3 AND run_id = ?4;

-- name: hide_run
DELETE FROM runs WHERE stream_id = ?1;

-- fragment: of_stream
WHERE stream_id = ?1 ORDER BY

-- name: end_of_tasks
SELECT split FROM tasks $(of_stream) split LIMIT ?2;

-- name: remove_tasks
DELETE FROM tasks WHERE stream_id = ?1 AND split <= ?2;

-- name: end_of_attempts
SELECT split FROM attempts $(of_stream) split, attempt LIMIT ?2;

-- name: remove_attempts
DELETE FROM attempts WHERE stream_id = ?1 AND split <= ?2;

-- name: end_of_events
SELECT seq FROM events $(of_stream) seq LIMIT ?2;

-- name: remove_events
DELETE FROM events WHERE stream_id = ?1 AND seq <= ?2;

-- name: remove_step
DELETE FROM steps WHERE stream_id = ?1;

-- name: remove_head
-- A step's goes with the step. Its run's stays, and with it the refusal to open any of them.
DELETE FROM streams WHERE id = ?1;

-- name: removed
UPDATE retired_runs SET removed_us = ?2 WHERE run_id = ?1 AND archived_us IS NOT NULL AND removed_us IS NULL;

-- name: old_tombstones
SELECT t.run_id, n.name FROM retired_runs t INDEXED BY retired_runs_removed CROSS JOIN streams n ON n.id = t.run_id
WHERE t.removed_us IS NOT NULL AND t.removed_us <= ?1 ORDER BY t.removed_us, t.run_id LIMIT ?2;

-- name: forget
DELETE FROM retired_runs WHERE run_id = ?1;

-- name: settled_events
SELECT e.stream_id, s.name FROM published_events e INDEXED BY published_events_by_age CROSS JOIN streams s ON s.id = e.stream_id
WHERE e.at_us < ?1 AND NOT EXISTS (SELECT 1 FROM dead_letters d WHERE d.ns = e.ns AND d.event = e.event) AND NOT EXISTS (SELECT 1 FROM wakes w WHERE w.stream_id = e.stream_id)
ORDER BY e.at_us, e.stream_id LIMIT ?2;

-- name: settled_notices
SELECT n.stream_id, s.name FROM notices n INDEXED BY notices_by_age CROSS JOIN streams s ON s.id = n.stream_id
WHERE n.at_us < ?1 AND NOT n.is_dead AND NOT EXISTS (SELECT 1 FROM wakes w WHERE w.stream_id = n.stream_id) ORDER BY n.at_us, n.stream_id LIMIT ?2;

-- name: forget_their_events
DELETE FROM events WHERE stream_id = ?1;

-- name: forget_events
DELETE FROM published_events WHERE stream_id = ?1;

-- name: forget_notices
DELETE FROM notices WHERE stream_id = ?1;
