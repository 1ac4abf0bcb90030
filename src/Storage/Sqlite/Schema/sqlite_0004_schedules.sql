-- Schema version 4: flows have schedules.

CREATE TABLE schedules (
    stream_id INTEGER PRIMARY KEY,
    ns        TEXT    NOT NULL,
    flow      TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    due_us    INTEGER,
    -- How it stands, as JSON; null for one that was removed.
    standing  TEXT
);
-- What is listed.
CREATE UNIQUE INDEX schedules_there ON schedules (ns, flow, name) WHERE standing IS NOT NULL;
-- What comes next.
CREATE INDEX schedules_due ON schedules (ns, due_us) WHERE due_us IS NOT NULL AND standing IS NOT NULL;
