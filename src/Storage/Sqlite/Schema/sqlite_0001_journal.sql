-- Schema version 1: the journal, its wake rows and the read model in one file, so that one transaction covers all three.
-- All times are microseconds since 1970-01-01 UTC. Status columns hold the codes of Codes.cs, which never change their meaning.

-- The one row that says whose journal this is. Every batch updates it, under the condition that the term is still the
-- writer's: that is the fence against a second server, and the counter tells afterwards whether an ambiguous COMMIT held.
CREATE TABLE journal (
    only_row    INTEGER PRIMARY KEY CONSTRAINT journal_has_one_row CHECK (only_row = 1),
    incarnation TEXT    NOT NULL CONSTRAINT journal_incarnation_is_set CHECK (length(incarnation) > 0),
    term        INTEGER NOT NULL CONSTRAINT journal_term_counts_up CHECK (term >= 0),
    format      INTEGER NOT NULL CONSTRAINT journal_format_is_known CHECK (format >= 1),
    batch       INTEGER NOT NULL CONSTRAINT journal_batch_counts_up CHECK (batch >= 0),
    -- Highest position ever given out: positions are not reused, even when streams are truncated one day.
    position    INTEGER NOT NULL CONSTRAINT journal_position_counts_up CHECK (position >= 0)
);

-- Head of each stream. It outlives the stream's events: a finished id never starts again.
-- run_id is the id of the run's own stream, for the run's stream itself and for its steps; null for flows and queues.
CREATE TABLE streams (
    id     INTEGER PRIMARY KEY,
    name   TEXT    NOT NULL CONSTRAINT streams_name_is_unique UNIQUE,
    run_id INTEGER,
    seq    INTEGER NOT NULL CONSTRAINT streams_seq_counts_up CHECK (seq >= 0),
    epoch  INTEGER NOT NULL CONSTRAINT streams_epoch_counts_up CHECK (epoch >= 0)
);

CREATE TABLE events (
    position  INTEGER PRIMARY KEY CONSTRAINT events_position_from_one CHECK (position >= 1),
    stream_id INTEGER NOT NULL,
    seq       INTEGER NOT NULL CONSTRAINT events_seq_from_one CHECK (seq >= 1),
    run_id    INTEGER,
    at_us     INTEGER NOT NULL,
    actor     TEXT    NOT NULL,
    version   INTEGER NOT NULL CONSTRAINT events_version_from_one CHECK (version >= 1),
    payload   BLOB    NOT NULL,
    CONSTRAINT events_once_per_stream_seq UNIQUE (stream_id, seq)
);

-- A run's history is read from zero and from its tail, in commit order, among the events of many runs. The rowid is part of
-- every index entry, so this is (run_id, position): one seek serves both reads. It costs one short entry per event, on
-- a page that the run's other events keep warm; merging a run's step streams instead would cost a seek per step opening.
CREATE INDEX events_by_run ON events (run_id) WHERE run_id IS NOT NULL;

-- What a restart must wake. The index ends in the rowid: (due_us, stream_id) is the scan's order.
CREATE TABLE wakes (
    stream_id    INTEGER PRIMARY KEY,
    due_us       INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL CONSTRAINT wakes_acknowledged_counts_up CHECK (acknowledged >= 0)
);
CREATE INDEX wakes_by_due ON wakes (due_us);

CREATE TABLE deployments (
    stream_id  INTEGER NOT NULL,
    ns         TEXT    NOT NULL,
    flow       TEXT    NOT NULL,
    version    INTEGER NOT NULL CONSTRAINT deployments_version_from_one CHECK (version >= 1),
    digest     TEXT    NOT NULL,
    spec       TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    package    TEXT,
    created_us INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    CONSTRAINT deployments_once_per_version UNIQUE (ns, flow, version)
);

CREATE TABLE runs (
    stream_id       INTEGER PRIMARY KEY,
    ns              TEXT    NOT NULL,
    run             TEXT    NOT NULL,
    flow            TEXT    NOT NULL,
    deployment      INTEGER NOT NULL,
    status          INTEGER NOT NULL CONSTRAINT runs_status_is_known CHECK (status BETWEEN 0 AND 7),
    parameters      TEXT    NOT NULL,
    tags            TEXT    NOT NULL,
    priority        INTEGER NOT NULL,
    idempotency_key TEXT,
    actor           TEXT    NOT NULL,
    generation      INTEGER NOT NULL,
    created_us      INTEGER NOT NULL,
    ended_us        INTEGER,
    error           TEXT
);
-- Listings are newest first and page by (created_us, stream_id); the rowid closes every index. A run changes its
-- status a handful of times in its life, so an index for each way of asking costs little.
CREATE INDEX runs_by_created ON runs (ns, created_us);
CREATE INDEX runs_by_flow ON runs (ns, flow, created_us);
CREATE INDEX runs_by_status ON runs (ns, status, created_us);
CREATE INDEX runs_by_flow_and_status ON runs (ns, flow, status, created_us);
-- Codes below 5 are the states of a run that has not ended.
CREATE INDEX runs_active ON runs (ns, created_us) WHERE status < 5;

CREATE TABLE run_tags (
    ns         TEXT    NOT NULL,
    tag        TEXT    NOT NULL,
    created_us INTEGER NOT NULL,
    run_id     INTEGER NOT NULL,
    PRIMARY KEY (ns, tag, created_us, run_id)
) WITHOUT ROWID;

-- A step's stream is created by its opening, so stream_id is also the order of opening within the run.
CREATE TABLE steps (
    stream_id  INTEGER PRIMARY KEY,
    run_id     INTEGER NOT NULL,
    step       TEXT    NOT NULL,
    status     INTEGER NOT NULL CONSTRAINT steps_status_is_known CHECK (status BETWEEN 0 AND 4),
    in_foreach INTEGER NOT NULL CONSTRAINT steps_in_foreach_is_bool CHECK (in_foreach IN (0, 1)),
    total      INTEGER NOT NULL CONSTRAINT steps_total_is_count CHECK (total >= 0),
    running    INTEGER NOT NULL CONSTRAINT steps_running_is_count CHECK (running >= 0),
    backoff    INTEGER NOT NULL CONSTRAINT steps_backoff_is_count CHECK (backoff >= 0),
    succeeded  INTEGER NOT NULL CONSTRAINT steps_succeeded_is_count CHECK (succeeded >= 0),
    failed     INTEGER NOT NULL CONSTRAINT steps_failed_is_count CHECK (failed >= 0),
    cancelled  INTEGER NOT NULL CONSTRAINT steps_cancelled_is_count CHECK (cancelled >= 0),
    opened_us  INTEGER NOT NULL,
    ended_us   INTEGER
);
CREATE INDEX steps_by_run ON steps (run_id);
CREATE INDEX steps_by_name ON steps (run_id, step);

CREATE TABLE tasks (
    stream_id  INTEGER NOT NULL,
    split      INTEGER NOT NULL CONSTRAINT tasks_split_is_index CHECK (split >= 0),
    run_id     INTEGER NOT NULL,
    status     INTEGER NOT NULL CONSTRAINT tasks_status_is_known CHECK (status BETWEEN 0 AND 7),
    attempt    INTEGER NOT NULL,
    worker     TEXT,
    leased_us  INTEGER,
    started_us INTEGER,
    ended_us   INTEGER,
    error      TEXT,
    output     TEXT,
    artifacts  TEXT,
    PRIMARY KEY (stream_id, split)
) WITHOUT ROWID;
-- "Which tasks of this run failed, run, wait for a retry?" is one seek, whatever the run's width. Succeeded tasks (3) are left
-- out: they are the many, a walk over all tasks finds them at once, and the index stays as small as what is unsettled.
CREATE INDEX tasks_by_status ON tasks (run_id, status, stream_id, split) WHERE status <> 3;

CREATE TABLE attempts (
    stream_id  INTEGER NOT NULL,
    split      INTEGER NOT NULL,
    attempt    INTEGER NOT NULL CONSTRAINT attempts_count_from_zero CHECK (attempt >= 0),
    status     INTEGER NOT NULL CONSTRAINT attempts_status_is_known CHECK (status BETWEEN 0 AND 4),
    worker     TEXT    NOT NULL,
    token      TEXT    NOT NULL,
    leased_us  INTEGER NOT NULL,
    started_us INTEGER,
    ended_us   INTEGER,
    error      TEXT,
    PRIMARY KEY (stream_id, split, attempt)
) WITHOUT ROWID;
