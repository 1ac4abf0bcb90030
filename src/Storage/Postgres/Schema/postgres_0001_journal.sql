-- Schema version 1: the journal, its wake rows and the read model, so that one transaction covers all three.
-- All times are microseconds since 1970-01-01 UTC. Status columns hold the codes of Codes.cs, which never change their meaning.

-- The one row that says whose journal this is.
CREATE TABLE journal (
    only_row    smallint PRIMARY KEY CONSTRAINT journal_has_one_row CHECK (only_row = 1),
    -- Names the journal's life; part of every fencing token. Renewed when the data may have gone back in time.
    incarnation text     NOT NULL CONSTRAINT journal_incarnation_is_set CHECK (length(incarnation) > 0),
    -- Counts the servers that led, one after another.
    term        bigint   NOT NULL CONSTRAINT journal_term_counts_up CHECK (term >= 0),
    format      integer  NOT NULL CONSTRAINT journal_format_is_known CHECK (format >= 1),
    -- The database cluster and its timeline when it was last taken over: either differs after a restore or a failover.
    system_id   bigint   NOT NULL,
    timeline    integer  NOT NULL
);

-- Which server leads, and until when by the database's clock. It renews that; whoever finds it passed may take the journal over.
CREATE TABLE leader (
    only_row    smallint    PRIMARY KEY CONSTRAINT leader_has_one_row CHECK (only_row = 1),
    term        bigint      NOT NULL,
    address     text        NOT NULL,
    lease_until timestamptz NOT NULL
) WITH (fillfactor = 10);
INSERT INTO leader (only_row, term, address, lease_until) VALUES (1, 0, '', 'epoch');

-- Numbers are handed out in blocks: a server takes a block and gives out its numbers itself. So positions and stream ids grow
-- across servers, and a batch knows all of its keys before it is sent.
CREATE SEQUENCE position_blocks;
CREATE SEQUENCE stream_id_blocks;

-- One row for each connection that commits. Every batch updates its row first, under the condition that the session is still its own:
-- that is the fence against a server that was deposed, and the counter tells afterwards whether an ambiguous COMMIT held.
CREATE SEQUENCE writer_sessions;
CREATE TABLE writers (
    slot    integer PRIMARY KEY,
    session bigint  NOT NULL CONSTRAINT writers_session_is_unique UNIQUE,
    batch   bigint  NOT NULL,
    -- The server process behind it, which a successor ends.
    pid     integer NOT NULL
) WITH (fillfactor = 10);

-- Head of each stream. It outlives the stream's events: a finished id never starts again.
-- run_id is the id of the run's own stream, for the run's stream itself and for its steps; null for flows and queues.
CREATE TABLE streams (
    id     bigint PRIMARY KEY,
    name   text   COLLATE "C" NOT NULL CONSTRAINT streams_name_is_unique UNIQUE,
    run_id bigint,
    seq    bigint NOT NULL CONSTRAINT streams_seq_counts_up CHECK (seq >= 0),
    epoch  bigint NOT NULL CONSTRAINT streams_epoch_counts_up CHECK (epoch >= 0)
) WITH (fillfactor = 60);

-- What one command decided on one stream, as one row: a worker that ends two hundred tasks at once costs one. Position and seq are those of
-- its last event, the others come right before it; the payload is a JSON array of them. So all events, one by one, are
-- SELECT seq - events + n, event FROM events, jsonb_array_elements(convert_from(payload, 'UTF8')::jsonb) WITH ORDINALITY AS e (event, n).
CREATE TABLE events (
    position  bigint   NOT NULL CONSTRAINT events_position_from_one CHECK (position >= 1),
    stream_id bigint   NOT NULL,
    seq       bigint   NOT NULL CONSTRAINT events_seq_from_one CHECK (seq >= 1),
    run_id    bigint,
    at_us     bigint   NOT NULL,
    events    integer  NOT NULL CONSTRAINT events_at_least_one CHECK (events >= 1),
    actor     text     NOT NULL,
    version   smallint NOT NULL CONSTRAINT events_version_from_one CHECK (version >= 1),
    payload   bytea    NOT NULL,
    CONSTRAINT events_once_per_stream_seq PRIMARY KEY (stream_id, seq)
);
-- A run's history is read from zero and from its tail, in commit order, among the events of many runs.
CREATE INDEX events_by_run ON events (run_id, position) WHERE run_id IS NOT NULL;

-- What a takeover must wake.
CREATE TABLE wakes (
    stream_id    bigint PRIMARY KEY,
    due_us       bigint NOT NULL,
    acknowledged bigint NOT NULL CONSTRAINT wakes_acknowledged_counts_up CHECK (acknowledged >= 0)
) WITH (fillfactor = 60);
CREATE INDEX wakes_by_due ON wakes (due_us, stream_id);

CREATE TABLE deployments (
    stream_id  bigint  NOT NULL,
    ns         text    COLLATE "C" NOT NULL,
    flow       text    COLLATE "C" NOT NULL,
    version    integer NOT NULL CONSTRAINT deployments_version_from_one CHECK (version >= 1),
    digest     text    NOT NULL,
    spec       text    NOT NULL,
    source     text    NOT NULL,
    package    text,
    created_us bigint  NOT NULL,
    actor      text    NOT NULL,
    CONSTRAINT deployments_once_per_version PRIMARY KEY (ns, flow, version)
);

CREATE TABLE runs (
    stream_id       bigint   PRIMARY KEY,
    ns              text     COLLATE "C" NOT NULL,
    run             text     COLLATE "C" NOT NULL,
    flow            text     COLLATE "C" NOT NULL,
    deployment      integer  NOT NULL,
    status          smallint NOT NULL CONSTRAINT runs_status_is_known CHECK (status BETWEEN 0 AND 7),
    parameters      text     NOT NULL,
    tags            text     NOT NULL,
    priority        integer  NOT NULL,
    idempotency_key text,
    actor           text     NOT NULL,
    generation      integer  NOT NULL,
    created_us      bigint   NOT NULL,
    ended_us        bigint,
    error           text
) WITH (fillfactor = 80);
-- Listings are newest first and page by (created_us, stream_id). A run changes its status a handful of times in its life, so an
-- index for each way of asking costs little.
CREATE INDEX runs_by_created ON runs (ns, created_us, stream_id);
CREATE INDEX runs_by_flow ON runs (ns, flow, created_us, stream_id);
CREATE INDEX runs_by_status ON runs (ns, status, created_us, stream_id);
CREATE INDEX runs_by_flow_and_status ON runs (ns, flow, status, created_us, stream_id);
-- Codes below 5 are the states of a run that has not ended.
CREATE INDEX runs_active ON runs (ns, created_us, stream_id) WHERE status < 5;

CREATE TABLE run_tags (
    ns         text   COLLATE "C" NOT NULL,
    tag        text   COLLATE "C" NOT NULL,
    created_us bigint NOT NULL,
    run_id     bigint NOT NULL,
    PRIMARY KEY (ns, tag, created_us, run_id)
);

-- A step's stream is numbered at its opening, so stream_id is also the order of opening within the run.
CREATE TABLE steps (
    stream_id  bigint   PRIMARY KEY,
    run_id     bigint   NOT NULL,
    step       text     COLLATE "C" NOT NULL,
    status     smallint NOT NULL CONSTRAINT steps_status_is_known CHECK (status BETWEEN 0 AND 4),
    in_foreach boolean  NOT NULL,
    total      integer  NOT NULL CONSTRAINT steps_total_is_count CHECK (total >= 0),
    running    integer  NOT NULL CONSTRAINT steps_running_is_count CHECK (running >= 0),
    backoff    integer  NOT NULL CONSTRAINT steps_backoff_is_count CHECK (backoff >= 0),
    succeeded  integer  NOT NULL CONSTRAINT steps_succeeded_is_count CHECK (succeeded >= 0),
    failed     integer  NOT NULL CONSTRAINT steps_failed_is_count CHECK (failed >= 0),
    cancelled  integer  NOT NULL CONSTRAINT steps_cancelled_is_count CHECK (cancelled >= 0),
    opened_us  bigint   NOT NULL,
    ended_us   bigint
) WITH (fillfactor = 60);
CREATE INDEX steps_by_run ON steps (run_id, stream_id);
CREATE INDEX steps_by_name ON steps (run_id, step, stream_id);

-- A task that runs for the first time has no row yet: its grant stands for it.
CREATE TABLE tasks (
    stream_id  bigint   NOT NULL,
    split      integer  NOT NULL CONSTRAINT tasks_split_is_index CHECK (split >= 0),
    run_id     bigint   NOT NULL,
    status     smallint NOT NULL CONSTRAINT tasks_status_is_known CHECK (status BETWEEN 0 AND 7),
    attempt    integer  NOT NULL,
    worker     text,
    leased_us  bigint,
    started_us bigint,
    ended_us   bigint,
    error      text,
    output     text,
    artifacts  text,
    -- Of an attempt that has no row in attempts, for this row says all of it: it succeeded at once.
    token      text,
    PRIMARY KEY (stream_id, split)
) WITH (fillfactor = 95);
-- "Which tasks of this run failed, run, wait for a retry?" is one seek, whatever the run's width. Succeeded tasks (3) are left
-- out: they are the many, a walk over all tasks finds them at once, and the index stays as small as what is unsettled.
CREATE INDEX tasks_by_status ON tasks (run_id, status, stream_id, split) WHERE status <> 3;

-- First attempts that a step leased in one go. Each of them runs as long as its task has no row; the row goes when none does any more.
CREATE TABLE grants (
    stream_id bigint    NOT NULL,
    grant_id  bigint    NOT NULL,
    run_id    bigint    NOT NULL,
    worker    text      NOT NULL,
    leased_us bigint    NOT NULL,
    splits    integer[] NOT NULL,
    -- In the order of the splits, a space between each two.
    tokens    text      NOT NULL,
    PRIMARY KEY (stream_id, grant_id)
);
CREATE INDEX grants_by_run ON grants (run_id, stream_id);

-- Attempts that did not succeed at once.
CREATE TABLE attempts (
    stream_id  bigint   NOT NULL,
    split      integer  NOT NULL,
    attempt    integer  NOT NULL CONSTRAINT attempts_count_from_zero CHECK (attempt >= 0),
    status     smallint NOT NULL CONSTRAINT attempts_status_is_known CHECK (status BETWEEN 0 AND 4),
    worker     text     NOT NULL,
    token      text     NOT NULL,
    leased_us  bigint   NOT NULL,
    started_us bigint,
    ended_us   bigint,
    error      text,
    PRIMARY KEY (stream_id, split, attempt)
) WITH (fillfactor = 80);

-- Stops a transaction whose condition does not hold. Nothing of the batch is written then; its writes are told apart afterwards.
CREATE FUNCTION require(holds boolean, condition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF holds IS NOT TRUE THEN
        RAISE EXCEPTION 'fanfare: % does not hold', condition USING ERRCODE = 'FAN01';
    END IF;
END $$;
