-- What the nodes of one database run to share its shards among them. Times are the database's own.
-- A node's session holds an advisory lock as long as it lives: its key is the schema's oid above the node's term.

-- fragment: is_a_nodes
-- Of the rows of pg_locks; objid is the node's term.
locktype = 'advisory' AND granted AND objsubid = 1 AND classid = current_schema()::regnamespace::oid AND database = (SELECT oid FROM pg_database WHERE datname = current_database())

-- name: leader_left
-- Seconds that a server has left which leads alone. Locks the row, so that nobody leads alone or joins meanwhile.
SELECT greatest(extract(epoch FROM lease_until - clock_timestamp()), -1)::float8 FROM leader FOR UPDATE;

-- name: end_leading
UPDATE leader SET term = 0, address = '', lease_until = 'epoch' WHERE term <> 0;

-- name: end_leaders_writers
SELECT pg_terminate_backend(a.pid) FROM writers w JOIN pg_stat_activity a ON a.pid = w.pid WHERE w.slot < 4 AND a.application_name LIKE 'fanfare writer%';

-- name: forget_leaders_writers
DELETE FROM writers WHERE slot < 4;

-- name: join
INSERT INTO nodes (term, address, lease_until, format) VALUES ($1, $2, clock_timestamp() + $3, $4);

-- name: lock
SELECT pg_try_advisory_lock((current_schema()::regnamespace::oid::bigint << 32) | $1);

-- name: end_session
SELECT pg_terminate_backend(pid) FROM pg_locks WHERE $(is_a_nodes) AND objid::bigint = $1 AND pid <> pg_backend_pid();

-- name: listen
LISTEN fanfare_nodes;

-- name: tell
SELECT pg_notify('fanfare_nodes', '');

-- name: renew
-- And a look at all nodes: seconds that their leases have left, and whether their sessions live. On another timeline than that of the last to join nobody owns anything any more: what was written may be missing.
WITH renewed AS (
    UPDATE nodes SET lease_until = clock_timestamp() + $2
    WHERE term = $1 AND EXISTS (SELECT FROM journal WHERE timeline = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int)
    RETURNING term
), living AS MATERIALIZED (
    SELECT objid::bigint AS term FROM pg_locks WHERE $(is_a_nodes)
)
SELECT n.term, n.address, n.leaving, greatest(extract(epoch FROM n.lease_until - clock_timestamp()), -1)::float8, n.term IN (SELECT term FROM living), n.term IN (SELECT term FROM renewed),
    (pg_current_wal_insert_lsn() - '0/0')::bigint, extract(epoch FROM n.lease_until)::float8, n.format, j.format
FROM nodes n CROSS JOIN journal j;

-- name: all_nodes
SELECT count(*) FROM nodes;

-- name: raise_format
-- An older server that joins afterwards is refused.
UPDATE journal SET format = $1, written_by = pg_current_xact_id()::text::bigint WHERE format < $1 AND NOT EXISTS (SELECT FROM nodes WHERE format < $1);

-- name: map
SELECT shard::integer, coalesce(node, 0), term FROM shards;

-- name: hold
-- That a node is not put out meanwhile.
SELECT 1 FROM nodes WHERE term = $1 FOR SHARE;

-- name: next_term
UPDATE journal SET term = term + 1, written_by = pg_current_xact_id()::text::bigint RETURNING term;

-- name: claim
UPDATE shards SET node = $1, term = $2 WHERE shard = ANY ($3) AND node IS NULL RETURNING shard::integer;

-- name: release
UPDATE shards SET node = NULL WHERE shard = ANY ($2) AND node = $1;

-- name: leave_soon
UPDATE nodes SET leaving = $2 WHERE term = $1;

-- name: put_out
-- A node whose lease has passed, or whose session is gone.
DELETE FROM nodes
WHERE term = $1 AND (lease_until < clock_timestamp() OR ($2 AND NOT EXISTS (SELECT FROM pg_locks WHERE $(is_a_nodes) AND objid::bigint = $1)));

-- name: named
SELECT term FROM nodes WHERE address = $1;

-- name: put_out_anyway
DELETE FROM nodes WHERE term = $1;

-- name: leave
DELETE FROM nodes WHERE term = $1;

-- name: end_writers
SELECT pg_terminate_backend(a.pid) FROM writers w JOIN pg_stat_activity a ON a.pid = w.pid
WHERE w.slot / 4 = $1 AND a.application_name LIKE 'fanfare writer%' AND a.pid <> pg_backend_pid();

-- name: forget_writers
-- Waits for a batch that is under way: it commits before this, or fails after it.
DELETE FROM writers WHERE slot / 4 = $1;

-- name: free
UPDATE shards SET node = NULL WHERE node = $1;
