-- Several servers that own the journal together: each owns some of its shards, and the runs in them.

-- A server that takes part, and until when by the database's clock; it renews that. Its term is the journal's when it joined.
CREATE TABLE nodes (
    term        bigint      PRIMARY KEY CONSTRAINT nodes_term_from_one CHECK (term >= 1),
    -- Where the others reach it.
    address     text        NOT NULL CONSTRAINT nodes_address_is_set CHECK (length(address) > 0),
    lease_until timestamptz NOT NULL,
    -- The newest format of events that it reads.
    format      integer     NOT NULL CONSTRAINT nodes_format_from_one CHECK (format >= 1),
    -- Gives its shards away, and takes none.
    leaving     boolean     NOT NULL DEFAULT false
) WITH (fillfactor = 10);

-- Who owns a shard, and since which term: a later owner's is higher, so its epochs are. No node while it passes from one to another.
CREATE TABLE shards (
    shard smallint PRIMARY KEY CONSTRAINT shards_number CHECK (shard BETWEEN 0 AND 1023),
    node  bigint,
    term  bigint   NOT NULL CONSTRAINT shards_term_counts_up CHECK (term >= 0)
) WITH (fillfactor = 40);
INSERT INTO shards (shard, term) SELECT n, 0 FROM generate_series(0, 1023) AS n;

-- The shard of a stream: of its run's name, or of its own (Shards.cs).
ALTER TABLE streams ADD COLUMN shard smallint;
UPDATE streams s SET shard = (('x' || encode(substr(sha256(convert_to(coalesce(r.name, s.name), 'UTF8')), 1, 2), 'hex'))::bit(16)::int % 1024)::smallint
FROM streams o LEFT JOIN streams r ON r.id = o.run_id WHERE o.id = s.id;
ALTER TABLE streams ALTER COLUMN shard SET NOT NULL, ADD CONSTRAINT streams_shard_number CHECK (shard BETWEEN 0 AND 1023);
