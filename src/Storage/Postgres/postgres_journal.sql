-- What opening streams and finding due ones runs.

-- name: stream
SELECT s.id, s.run_id, s.seq, w.acknowledged FROM streams s LEFT JOIN wakes w ON w.stream_id = s.id WHERE s.name = $1;

-- name: stream_events
SELECT seq, at_us, actor, version, payload FROM events WHERE stream_id = $1 ORDER BY seq;

-- name: wakes_due
SELECT s.name, w.due_us, w.stream_id FROM wakes w JOIN streams s ON s.id = w.stream_id
WHERE (w.due_us, w.stream_id) > ($1, $2) AND w.due_us <= $3 ORDER BY w.due_us, w.stream_id LIMIT $4;

-- name: take_over
-- From here on, every batch of an earlier server fails. A newer release also leaves its mark in the format.
UPDATE journal SET term = term + 1, format = greatest(format, $1), incarnation = $2, system_id = $3, timeline = $4 RETURNING term;

-- name: journal
SELECT incarnation, term, format, system_id, timeline FROM journal FOR UPDATE;

-- name: end_writers
SELECT pg_terminate_backend(a.pid) FROM writers w JOIN pg_stat_activity a ON a.pid = w.pid
WHERE a.application_name LIKE 'fanfare writer%' AND a.pid <> pg_backend_pid();

-- name: forget_writers
-- Waits for a batch that is under way: it commits before this, or fails after it.
DELETE FROM writers;

-- name: whereabouts
-- The database cluster and its timeline: a restore to the past or a failover to a replica changes one of them.
SELECT system_identifier, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int FROM pg_control_system();

-- name: first_block
SELECT nextval('position_blocks');
