-- Schema version 11: backfills of schedules.

CREATE TABLE backfills (
    stream_id  bigint PRIMARY KEY,
    ns         text   COLLATE "C" NOT NULL,
    backfill   text   COLLATE "C" NOT NULL,
    flow       text   COLLATE "C" NOT NULL,
    name       text   COLLATE "C" NOT NULL,
    actor      text   NOT NULL,
    created_us bigint NOT NULL,
    -- How it stands, as JSON.
    standing   text   NOT NULL
);
CREATE UNIQUE INDEX backfills_by_id ON backfills (ns, backfill);
-- Listings are newest first, of all or of one flow's schedules, and page by (created_us, stream_id).
CREATE INDEX backfills_by_time ON backfills (ns, created_us, stream_id);
CREATE INDEX backfills_by_flow ON backfills (ns, flow, created_us, stream_id);
