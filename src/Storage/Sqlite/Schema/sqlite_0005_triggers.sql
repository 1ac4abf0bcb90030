-- Schema version 5: events, and what they start.

-- Triggers of the flows' latest deployments; how each is, as JSON.
CREATE TABLE triggers (
    ns       TEXT NOT NULL,
    flow     TEXT NOT NULL,
    name     TEXT NOT NULL,
    standing TEXT NOT NULL,
    PRIMARY KEY (ns, flow, name)
) WITHOUT ROWID;

-- Who listens for what.
CREATE TABLE trigger_sources (
    kind   INTEGER NOT NULL CONSTRAINT trigger_sources_kind_is_known CHECK (kind BETWEEN 0 AND 1),
    ns     TEXT    NOT NULL,
    source TEXT    NOT NULL,
    flow   TEXT    NOT NULL,
    name   TEXT    NOT NULL,
    PRIMARY KEY (kind, ns, source, flow, name)
) WITHOUT ROWID;
CREATE INDEX trigger_sources_of_trigger ON trigger_sources (ns, flow, name);

CREATE TABLE published_events (
    stream_id INTEGER PRIMARY KEY,
    ns        TEXT    NOT NULL,
    event     TEXT    NOT NULL,
    kind      INTEGER NOT NULL CONSTRAINT published_events_kind_is_known CHECK (kind BETWEEN 0 AND 1),
    name      TEXT    NOT NULL,
    payload   TEXT    NOT NULL,
    event_key TEXT,
    actor     TEXT    NOT NULL,
    at_us     INTEGER NOT NULL,
    -- What it came to at every trigger that listened, as JSON.
    outcomes  TEXT    NOT NULL
);
CREATE UNIQUE INDEX published_events_by_id ON published_events (ns, event);
-- Listings are newest first, of all or of one name.
CREATE INDEX published_events_by_time ON published_events (ns, at_us);
CREATE INDEX published_events_by_name ON published_events (ns, name, at_us);

-- What should have started a run and could not.
CREATE TABLE dead_letters (
    ns     TEXT    NOT NULL,
    event  TEXT    NOT NULL,
    flow   TEXT    NOT NULL,
    name   TEXT    NOT NULL,
    kind   INTEGER NOT NULL CONSTRAINT dead_letters_kind_is_known CHECK (kind BETWEEN 0 AND 1),
    source TEXT    NOT NULL,
    at_us  INTEGER NOT NULL,
    reason TEXT    NOT NULL,
    PRIMARY KEY (ns, event, flow, name)
) WITHOUT ROWID;
CREATE INDEX dead_letters_by_age ON dead_letters (ns, at_us, event, flow, name);
