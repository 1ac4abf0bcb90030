-- Flows have schedules. Releases that know nothing of them go on using the schema: as long as one of them takes part, no flow with a schedule is deployed.

CREATE TABLE schedules (
    stream_id bigint PRIMARY KEY,
    ns        text   COLLATE "C" NOT NULL,
    flow      text   COLLATE "C" NOT NULL,
    name      text   COLLATE "C" NOT NULL,
    due_us    bigint,
    -- How it stands, as JSON; null for one that was removed.
    standing  text
);
-- What is listed.
CREATE UNIQUE INDEX schedules_there ON schedules (ns, flow, name) WHERE standing IS NOT NULL;
-- What comes next.
CREATE INDEX schedules_due ON schedules (ns, due_us) WHERE due_us IS NOT NULL AND standing IS NOT NULL;
