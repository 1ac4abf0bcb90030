-- What the servers of one database run to agree on which of them leads. Times are the database's own.

-- name: leader
-- Seconds that its lease still has; below zero when it has passed.
SELECT address, greatest(extract(epoch FROM lease_until - clock_timestamp()), -1)::float8 FROM leader;

-- name: claim
-- One of those who try at once changes the row; the others find the lease renewed.
UPDATE leader SET address = $1, lease_until = clock_timestamp() + $2 WHERE lease_until < clock_timestamp();

-- name: hold
UPDATE leader SET term = $1, lease_until = clock_timestamp() + $2;

-- name: renew
UPDATE leader SET lease_until = clock_timestamp() + $2 WHERE term = $1;

-- name: release
-- Who waits for the lease to pass hears of it at once.
WITH released AS (UPDATE leader SET lease_until = 'epoch' WHERE term = $1 RETURNING 1)
SELECT pg_notify('fanfare_leader', '') FROM released;

-- name: listen
LISTEN fanfare_leader;

-- name: journal
SELECT incarnation, term, format, system_id, timeline FROM journal FOR UPDATE;

-- name: take_over
-- From here on, every batch of an earlier server fails. A newer release also leaves its mark in the format.
UPDATE journal SET term = term + 1, format = greatest(format, $1), incarnation = $2, system_id = $3, timeline = $4 RETURNING term;

-- name: end_writers
SELECT pg_terminate_backend(a.pid) FROM writers w JOIN pg_stat_activity a ON a.pid = w.pid
WHERE a.application_name LIKE 'fanfare writer%' AND a.pid <> pg_backend_pid();

-- name: forget_writers
-- Waits for a batch that is under way: it commits before this, or fails after it.
DELETE FROM writers;

-- name: whereabouts
-- The database cluster and its timeline: a restore to the past or a failover to a replica changes one of them.
SELECT system_identifier, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int FROM pg_control_system();

-- name: position_block
SELECT nextval('position_blocks');
