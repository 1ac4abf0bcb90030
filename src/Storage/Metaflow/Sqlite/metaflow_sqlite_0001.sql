-- What Metaflow's clients record. Names of tables and columns are those of Metaflow's own service, so that what is written for its tables reads these.

CREATE TABLE flows_v3 (
    flow_id     TEXT    NOT NULL PRIMARY KEY,
    user_name   TEXT,
    ts_epoch    INTEGER NOT NULL,
    tags        TEXT    NOT NULL,
    system_tags TEXT    NOT NULL
) WITHOUT ROWID;
CREATE INDEX flows_by_time ON flows_v3 (ts_epoch DESC, flow_id DESC);

-- Numbers are never given twice, so AUTOINCREMENT.
CREATE TABLE runs_v3 (
    run_number        INTEGER PRIMARY KEY AUTOINCREMENT,
    flow_id           TEXT    NOT NULL,
    run_id            TEXT,
    user_name         TEXT,
    ts_epoch          INTEGER NOT NULL,
    last_heartbeat_ts INTEGER,
    tags              TEXT    NOT NULL,
    system_tags       TEXT    NOT NULL,
    CONSTRAINT runs_id_is_unique UNIQUE (flow_id, run_id)
);
CREATE INDEX runs_by_time ON runs_v3 (flow_id, ts_epoch DESC, run_number DESC);

CREATE TABLE steps_v3 (
    flow_id     TEXT    NOT NULL,
    run_number  INTEGER NOT NULL,
    run_id      TEXT    NOT NULL,
    step_name   TEXT    NOT NULL,
    user_name   TEXT,
    ts_epoch    INTEGER NOT NULL,
    tags        TEXT    NOT NULL,
    system_tags TEXT    NOT NULL,
    PRIMARY KEY (flow_id, run_number, step_name)
) WITHOUT ROWID;

CREATE TABLE tasks_v3 (
    task_id           INTEGER PRIMARY KEY AUTOINCREMENT,
    flow_id           TEXT    NOT NULL,
    run_number        INTEGER NOT NULL,
    run_id            TEXT,
    step_name         TEXT    NOT NULL,
    task_name         TEXT,
    user_name         TEXT,
    ts_epoch          INTEGER NOT NULL,
    last_heartbeat_ts INTEGER,
    tags              TEXT    NOT NULL,
    system_tags       TEXT    NOT NULL,
    CONSTRAINT tasks_name_is_unique UNIQUE (flow_id, run_number, step_name, task_name)
);
CREATE INDEX tasks_by_time ON tasks_v3 (flow_id, run_number, step_name, ts_epoch DESC, task_id DESC);

CREATE TABLE metadata_v3 (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    flow_id     TEXT    NOT NULL,
    run_number  INTEGER NOT NULL,
    run_id      TEXT,
    step_name   TEXT    NOT NULL,
    task_id     INTEGER NOT NULL,
    task_name   TEXT,
    field_name  TEXT    NOT NULL,
    value       TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    user_name   TEXT,
    ts_epoch    INTEGER NOT NULL,
    tags        TEXT    NOT NULL,
    system_tags TEXT    NOT NULL
);
CREATE INDEX metadata_by_task ON metadata_v3 (flow_id, run_number, step_name, task_id, ts_epoch DESC, id DESC);
CREATE INDEX metadata_by_run ON metadata_v3 (flow_id, run_number, ts_epoch DESC, id DESC);

CREATE TABLE artifact_v3 (
    flow_id      TEXT    NOT NULL,
    run_number   INTEGER NOT NULL,
    run_id       TEXT,
    step_name    TEXT    NOT NULL,
    task_id      INTEGER NOT NULL,
    task_name    TEXT,
    attempt_id   INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    location     TEXT    NOT NULL,
    ds_type      TEXT    NOT NULL,
    sha          TEXT,
    type         TEXT,
    content_type TEXT,
    user_name    TEXT,
    ts_epoch     INTEGER NOT NULL,
    tags         TEXT    NOT NULL,
    system_tags  TEXT    NOT NULL,
    PRIMARY KEY (flow_id, run_number, step_name, task_id, attempt_id, name)
) WITHOUT ROWID;
