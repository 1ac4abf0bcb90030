-- What the servers of one database run to agree on which of them leads. Times are the database's own.

-- fragment: is_leaders
-- Of the rows of pg_locks.
locktype = 'advisory' AND granted AND objsubid = 2 AND classid = 1717661292 AND objid = current_schema()::regnamespace::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())

-- name: leader
-- Seconds that its lease still has, below zero when it has passed; and whether its session lives. Or one of several nodes, beside which nobody leads.
SELECT term, address, greatest(extract(epoch FROM lease_until - clock_timestamp()), -1)::float8, EXISTS (SELECT FROM pg_locks WHERE $(is_leaders)),
    (SELECT min(address) FROM nodes WHERE lease_until > clock_timestamp()), extract(epoch FROM lease_until)::float8
FROM leader;

-- name: lead
-- Held by the session of the leader, and gone with it: a leader that was killed is known without waiting for its lease to pass. The first number is "fanl" in ASCII.
SELECT pg_try_advisory_lock(1717661292, current_schema()::regnamespace::oid::integer);

-- name: lead_no_more
SELECT pg_advisory_unlock(1717661292, current_schema()::regnamespace::oid::integer);

-- name: end_leader
-- A session of the former leader that nobody uses any more: its machine was lost, or it is cut off.
SELECT pg_terminate_backend(pid) FROM pg_locks WHERE $(is_leaders) AND pid <> pg_backend_pid();

-- name: claim
-- Whose session is gone is succeeded before its lease has passed, and nobody else: another may have claimed it since, and not have the lock yet. Of those who
-- try at once when it has passed, one changes the row; the others find it renewed.
UPDATE leader SET address = $1, lease_until = clock_timestamp() + $2 WHERE lease_until < clock_timestamp() OR ($3 AND term = $4);

-- name: live_nodes
-- Asked when the leader's row is locked: nobody joins meanwhile.
SELECT count(*) FROM nodes WHERE lease_until > clock_timestamp();

-- name: forget_nodes
WITH gone AS (DELETE FROM nodes RETURNING 1), free AS (UPDATE shards SET node = NULL WHERE node IS NOT NULL RETURNING 1)
SELECT count(*) FROM gone;

-- name: hold
UPDATE leader SET term = $1, lease_until = clock_timestamp() + $2;

-- name: renew
-- Says how far the log has come. On another timeline than that of the takeover nobody leads any more: what was written may be missing.
UPDATE leader SET lease_until = clock_timestamp() + $2
WHERE term = $1 AND EXISTS (SELECT FROM journal WHERE timeline = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int)
RETURNING (pg_current_wal_insert_lsn() - '0/0')::bigint;

-- name: release
-- Who waits for the lease to pass hears of it at once.
WITH released AS (UPDATE leader SET lease_until = 'epoch' WHERE term = $1 RETURNING 1)
SELECT pg_notify('fanfare_leader', '') FROM released;

-- name: listen
LISTEN fanfare_leader;

-- name: stand_by
-- Held by the session of a server that waits to lead, so that a leader that would hand over sees whether there is one. The first number is "fanf" in ASCII; the second keeps
-- schemas of one database apart.
SELECT pg_advisory_lock_shared(1717661286, current_schema()::regnamespace::oid::integer);

-- name: stand_by_no_more
SELECT pg_advisory_unlock_shared(1717661286, current_schema()::regnamespace::oid::integer);

-- name: successors
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = 1717661286 AND objid = current_schema()::regnamespace::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database());

-- name: journal
-- Who wrote the row last is compared by the 32 bits that it keeps of a transaction's id, which neither freezing nor a rewrite of the table changes.
SELECT incarnation, term, format, system_id, timeline, coalesce(written_by % 4294967296 <> xmin::text::bigint, false) FROM journal FOR UPDATE;

-- name: take_over
-- From here on, every batch of an earlier server fails. A newer release also leaves its mark in the format.
UPDATE journal SET term = term + 1, format = greatest(format, $1), incarnation = $2, system_id = $3, timeline = $4,
    written_by = pg_current_xact_id()::text::bigint RETURNING term;

-- name: end_writers
SELECT pg_terminate_backend(a.pid) FROM writers w JOIN pg_stat_activity a ON a.pid = w.pid
WHERE a.application_name LIKE 'fanfare writer%' AND a.pid <> pg_backend_pid();

-- name: forget_writers
-- Waits for a batch that is under way: it commits before this, or fails after it.
DELETE FROM writers;

-- name: whereabouts
-- The database cluster and its timeline: a restore to a point in time or a failover to a replica changes one of them. And how far its log has come.
SELECT system_identifier, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int, (pg_current_wal_insert_lsn() - '0/0')::bigint FROM pg_control_system();

-- name: position_block
SELECT nextval('position_blocks');
