-- Schema version 7: notices, and the age of events, by which they are removed.

CREATE TABLE notices (
    stream_id INTEGER PRIMARY KEY,
    ns        TEXT    NOT NULL,
    notice    TEXT    NOT NULL,
    flow      TEXT    NOT NULL,
    at_us     INTEGER NOT NULL,
    -- Whether somebody is told; one that only watches a run is listed nowhere.
    is_raised INTEGER NOT NULL,
    -- Whether it is a dead letter of some receiver.
    is_dead   INTEGER NOT NULL,
    -- What it says, and how it stands with each receiver, as JSON.
    standing  TEXT    NOT NULL
);
CREATE UNIQUE INDEX notices_by_id ON notices (ns, notice);
-- Listings are newest first, of all or of one flow.
CREATE INDEX notices_by_time ON notices (ns, at_us) WHERE is_raised;
CREATE INDEX notices_by_flow ON notices (ns, flow, at_us) WHERE is_raised;
CREATE INDEX notices_dead ON notices (ns, at_us) WHERE is_dead;
CREATE INDEX notices_dead_by_flow ON notices (ns, flow, at_us) WHERE is_dead;
CREATE INDEX notices_by_age ON notices (at_us);
CREATE INDEX published_events_by_age ON published_events (at_us);
