-- What Metaflow's clients record. Runs in a schema of its own, which the server makes beforehand and has put on the search path for this file. Names of tables, columns and sequences are those of Metaflow's own
-- service (its release 2.5.1), so that its UI can be pointed at this schema. Releases that do not know these tables can use the database as before.

CREATE TABLE flows_v3 (
    flow_id     varchar(255) PRIMARY KEY,
    user_name   varchar(255),
    ts_epoch    bigint       NOT NULL,
    tags        jsonb,
    system_tags jsonb
);
CREATE INDEX flows_by_time ON flows_v3 (ts_epoch DESC, flow_id DESC);

-- Heartbeats are no part of any index: with room on its page, a row that beats stays where it is.
CREATE TABLE runs_v3 (
    flow_id           varchar(255) NOT NULL REFERENCES flows_v3,
    run_number        bigserial    NOT NULL,
    run_id            varchar(255),
    user_name         varchar(255),
    ts_epoch          bigint       NOT NULL,
    last_heartbeat_ts bigint,
    tags              jsonb,
    system_tags       jsonb,
    PRIMARY KEY (flow_id, run_number),
    CONSTRAINT runs_v3_flow_id_run_id_key UNIQUE (flow_id, run_id)
) WITH (fillfactor = 70);
CREATE INDEX runs_by_time ON runs_v3 (flow_id, ts_epoch DESC, run_number DESC);
-- What the UI asks for.
CREATE INDEX runs_of_all_flows_by_time ON runs_v3 (ts_epoch DESC);
CREATE INDEX runs_by_tag ON runs_v3 USING gin ((tags || system_tags));
CREATE INDEX runs_by_owner ON runs_v3 ((CASE WHEN system_tags ? ('user:' || user_name) THEN user_name ELSE NULL END), ts_epoch DESC);

CREATE TABLE steps_v3 (
    flow_id     varchar(255) NOT NULL,
    run_number  bigint       NOT NULL,
    -- The run's number as text, where it has no id.
    run_id      varchar(255),
    step_name   varchar(255) NOT NULL,
    user_name   varchar(255),
    ts_epoch    bigint       NOT NULL,
    tags        jsonb,
    system_tags jsonb,
    PRIMARY KEY (flow_id, run_number, step_name),
    CONSTRAINT steps_v3_flow_id_run_id_step_name_key UNIQUE (flow_id, run_id, step_name),
    FOREIGN KEY (flow_id, run_number) REFERENCES runs_v3
);

CREATE TABLE tasks_v3 (
    flow_id           varchar(255) NOT NULL,
    run_number        bigint       NOT NULL,
    run_id            varchar(255),
    step_name         varchar(255) NOT NULL,
    task_id           bigserial    PRIMARY KEY,
    task_name         varchar(255),
    user_name         varchar(255),
    ts_epoch          bigint       NOT NULL,
    last_heartbeat_ts bigint,
    tags              jsonb,
    system_tags       jsonb,
    CONSTRAINT tasks_v3_flow_id_run_number_step_name_task_name_key UNIQUE (flow_id, run_number, step_name, task_name),
    FOREIGN KEY (flow_id, run_number, step_name) REFERENCES steps_v3
) WITH (fillfactor = 70);
CREATE INDEX tasks_by_time ON tasks_v3 (flow_id, run_number, step_name, ts_epoch DESC, task_id DESC);

CREATE TABLE metadata_v3 (
    flow_id     varchar(255) NOT NULL,
    run_number  bigint       NOT NULL,
    run_id      varchar(255),
    step_name   varchar(255) NOT NULL,
    task_id     bigint       NOT NULL,
    task_name   varchar(255),
    id          bigserial    NOT NULL,
    field_name  varchar(255) NOT NULL,
    value       text         NOT NULL,
    type        varchar(255) NOT NULL,
    user_name   varchar(255),
    ts_epoch    bigint       NOT NULL,
    tags        jsonb,
    system_tags jsonb,
    PRIMARY KEY (flow_id, run_number, step_name, task_id, field_name, id)
);
CREATE INDEX metadata_by_time ON metadata_v3 (flow_id, run_number, ts_epoch DESC, id DESC);

CREATE TABLE artifact_v3 (
    flow_id      varchar(255) NOT NULL,
    run_number   bigint       NOT NULL,
    run_id       varchar(255),
    step_name    varchar(255) NOT NULL,
    task_id      bigint       NOT NULL,
    task_name    varchar(255),
    name         varchar(255) NOT NULL,
    -- Of no length, since a bucket's name and a long prefix may stand before the key.
    location     text         NOT NULL,
    ds_type      varchar(255) NOT NULL,
    sha          varchar(255),
    type         varchar(255),
    content_type varchar(255),
    user_name    varchar(255),
    attempt_id   smallint     NOT NULL,
    ts_epoch     bigint       NOT NULL,
    tags         jsonb,
    system_tags  jsonb,
    PRIMARY KEY (flow_id, run_number, step_name, task_id, attempt_id, name)
);
