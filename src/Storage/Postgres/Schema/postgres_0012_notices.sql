-- Schema version 12: notices, and the age of events, by which they are removed.

CREATE TABLE notices (
    stream_id bigint PRIMARY KEY,
    ns        text    COLLATE "C" NOT NULL,
    notice    text    COLLATE "C" NOT NULL,
    flow      text    COLLATE "C" NOT NULL,
    at_us     bigint  NOT NULL,
    -- Whether somebody is told; one that only watches a run is listed nowhere.
    is_raised boolean NOT NULL,
    -- Whether it is a dead letter of some receiver.
    is_dead   boolean NOT NULL,
    -- What it says, and how it stands with each receiver, as JSON.
    standing  text    NOT NULL
);
CREATE UNIQUE INDEX notices_by_id ON notices (ns, notice);
-- Listings are newest first, of all or of one flow, and page by (at_us, stream_id).
CREATE INDEX notices_by_time ON notices (ns, at_us, stream_id) WHERE is_raised;
CREATE INDEX notices_by_flow ON notices (ns, flow, at_us, stream_id) WHERE is_raised;
CREATE INDEX notices_dead ON notices (ns, at_us, stream_id) WHERE is_dead;
CREATE INDEX notices_dead_by_flow ON notices (ns, flow, at_us, stream_id) WHERE is_dead;
CREATE INDEX notices_by_age ON notices (at_us, stream_id);
CREATE INDEX published_events_by_age ON published_events (at_us, stream_id);
