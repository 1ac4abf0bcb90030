-- Events, and what they start. Releases that know nothing of them go on using the schema: as long as one of them takes part, no flow with a trigger is deployed, and nothing published.

-- Triggers of the flows' latest deployments; how each is, as JSON.
CREATE TABLE triggers (
    ns       text COLLATE "C" NOT NULL,
    flow     text COLLATE "C" NOT NULL,
    name     text COLLATE "C" NOT NULL,
    standing text NOT NULL,
    PRIMARY KEY (ns, flow, name)
);

-- Who listens for what.
CREATE TABLE trigger_sources (
    kind   smallint NOT NULL CONSTRAINT trigger_sources_kind_is_known CHECK (kind BETWEEN 0 AND 1),
    ns     text     COLLATE "C" NOT NULL,
    source text     COLLATE "C" NOT NULL,
    flow   text     COLLATE "C" NOT NULL,
    name   text     COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, ns, source, flow, name)
);
CREATE INDEX trigger_sources_of_trigger ON trigger_sources (ns, flow, name);

CREATE TABLE published_events (
    stream_id bigint   PRIMARY KEY,
    ns        text     COLLATE "C" NOT NULL,
    event     text     COLLATE "C" NOT NULL,
    kind      smallint NOT NULL CONSTRAINT published_events_kind_is_known CHECK (kind BETWEEN 0 AND 1),
    name      text     COLLATE "C" NOT NULL,
    payload   text     NOT NULL,
    event_key text,
    actor     text     NOT NULL,
    at_us     bigint   NOT NULL,
    -- What it came to at every trigger that listened, as JSON.
    outcomes  text     NOT NULL
);
CREATE UNIQUE INDEX published_events_by_id ON published_events (ns, event);
-- Listings are newest first, of all or of one name, and page by (at_us, stream_id).
CREATE INDEX published_events_by_time ON published_events (ns, at_us, stream_id);
CREATE INDEX published_events_by_name ON published_events (ns, name, at_us, stream_id);

-- What should have started a run and could not.
CREATE TABLE dead_letters (
    ns     text     COLLATE "C" NOT NULL,
    event  text     COLLATE "C" NOT NULL,
    flow   text     COLLATE "C" NOT NULL,
    name   text     COLLATE "C" NOT NULL,
    kind   smallint NOT NULL CONSTRAINT dead_letters_kind_is_known CHECK (kind BETWEEN 0 AND 1),
    source text     COLLATE "C" NOT NULL,
    at_us  bigint   NOT NULL,
    reason text     NOT NULL,
    PRIMARY KEY (ns, event, flow, name)
);
CREATE INDEX dead_letters_by_age ON dead_letters (ns, at_us, event, flow, name);
