-- Schema version 6: backfills of schedules.

CREATE TABLE backfills (
    stream_id  INTEGER PRIMARY KEY,
    ns         TEXT    NOT NULL,
    backfill   TEXT    NOT NULL,
    flow       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    created_us INTEGER NOT NULL,
    -- How it stands, as JSON.
    standing   TEXT    NOT NULL
);
CREATE UNIQUE INDEX backfills_by_id ON backfills (ns, backfill);
-- Listings are newest first, of all or of one flow's schedules.
CREATE INDEX backfills_by_time ON backfills (ns, created_us);
CREATE INDEX backfills_by_flow ON backfills (ns, flow, created_us);
