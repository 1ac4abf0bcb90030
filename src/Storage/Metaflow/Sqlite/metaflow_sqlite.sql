-- What the store of Metaflow's metadata runs on its SQLite file.

-- name: version
PRAGMA user_version;

-- name: tables
SELECT count(*) FROM sqlite_master WHERE type = 'table';

-- name: begin
BEGIN IMMEDIATE;

-- name: commit
COMMIT;

-- name: rollback
ROLLBACK;

-- name: check
SELECT 1;

-- name: add_flow
INSERT INTO flows_v3 (flow_id, user_name, ts_epoch, tags, system_tags) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING;

-- name: add_run
INSERT INTO runs_v3 (flow_id, run_id, user_name, ts_epoch, last_heartbeat_ts, tags, system_tags) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING;

-- name: add_step
INSERT INTO steps_v3 (flow_id, run_number, run_id, step_name, user_name, ts_epoch, tags, system_tags) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING;

-- name: add_task
INSERT INTO tasks_v3 (flow_id, run_number, run_id, step_name, task_name, user_name, ts_epoch, last_heartbeat_ts, tags, system_tags)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING;

-- name: add_datum
INSERT INTO metadata_v3 (flow_id, run_number, run_id, step_name, task_id, task_name, field_name, value, type, user_name, ts_epoch, tags, system_tags)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13);

-- name: add_artifact
INSERT INTO artifact_v3 (flow_id, run_number, run_id, step_name, task_id, task_name, name, location, ds_type, sha, type, content_type, user_name, attempt_id, ts_epoch, tags, system_tags)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) ON CONFLICT DO NOTHING;

-- name: beat_run
UPDATE runs_v3 SET last_heartbeat_ts = ?2 WHERE run_number = ?1 AND (last_heartbeat_ts IS NULL OR last_heartbeat_ts < ?2);

-- name: beat_task
UPDATE tasks_v3 SET last_heartbeat_ts = ?2 WHERE task_id = ?1 AND (last_heartbeat_ts IS NULL OR last_heartbeat_ts < ?2);

-- name: set_tags
UPDATE runs_v3 SET tags = ?2 WHERE run_number = ?1;

-- fragment: flow_columns
flow_id, user_name, ts_epoch, tags, system_tags

-- name: flow
SELECT $(flow_columns) FROM flows_v3 WHERE flow_id = ?1;

-- name: flows
SELECT $(flow_columns) FROM flows_v3 INDEXED BY flows_by_time WHERE (ts_epoch, flow_id) < (?1, ?2) ORDER BY ts_epoch DESC, flow_id DESC LIMIT ?3;

-- fragment: run_columns
r.flow_id, r.run_number, r.run_id, r.user_name, r.ts_epoch, r.last_heartbeat_ts, r.tags, r.system_tags

-- name: run_by_number
SELECT $(run_columns) FROM runs_v3 r WHERE r.run_number = ?2 AND r.flow_id = ?1;

-- name: run_by_id
SELECT $(run_columns) FROM runs_v3 r WHERE r.flow_id = ?1 AND r.run_id = ?2;

-- name: runs
SELECT $(run_columns) FROM runs_v3 r WHERE r.flow_id = ?1 AND (r.ts_epoch, r.run_number) < (?2, ?3) ORDER BY r.ts_epoch DESC, r.run_number DESC LIMIT ?4;

-- name: end_ok
SELECT value, ts_epoch FROM metadata_v3 INDEXED BY metadata_by_task WHERE flow_id = ?1 AND run_number = ?2 AND step_name = 'end' AND field_name = 'attempt_ok' ORDER BY ts_epoch DESC, id DESC LIMIT 1;

-- name: end_attempt
SELECT ts_epoch FROM metadata_v3 INDEXED BY metadata_by_task WHERE flow_id = ?1 AND run_number = ?2 AND step_name = 'end' AND field_name = 'attempt' ORDER BY ts_epoch DESC, id DESC LIMIT 1;

-- name: step
SELECT step_name, user_name, ts_epoch FROM steps_v3 WHERE flow_id = ?1 AND run_number = ?2 AND step_name = ?3;

-- name: steps
SELECT step_name, user_name, ts_epoch FROM steps_v3 WHERE flow_id = ?1 AND run_number = ?2 ORDER BY ts_epoch, step_name;

-- fragment: task_columns
step_name, task_id, task_name, user_name, ts_epoch, last_heartbeat_ts

-- name: task_by_number
SELECT $(task_columns) FROM tasks_v3 WHERE task_id = ?4 AND flow_id = ?1 AND run_number = ?2 AND step_name = ?3;

-- name: task_by_name
SELECT $(task_columns) FROM tasks_v3 WHERE flow_id = ?1 AND run_number = ?2 AND step_name = ?3 AND task_name = ?4;

-- name: tasks
SELECT $(task_columns) FROM tasks_v3 WHERE flow_id = ?1 AND run_number = ?2 AND step_name = ?3 AND (ts_epoch, task_id) < (?4, ?5) ORDER BY ts_epoch DESC, task_id DESC LIMIT ?6;

-- fragment: datum_columns
id, step_name, task_id, task_name, field_name, value, type, user_name, ts_epoch, tags, system_tags

-- name: metadata_of_run
SELECT $(datum_columns) FROM metadata_v3 INDEXED BY metadata_by_run WHERE flow_id = ?1 AND run_number = ?2 AND (ts_epoch, id) < (?3, ?4) ORDER BY ts_epoch DESC, id DESC LIMIT ?5;

-- name: metadata_of_task
SELECT $(datum_columns) FROM metadata_v3 INDEXED BY metadata_by_task WHERE flow_id = ?1 AND run_number = ?2 AND step_name = ?6 AND task_id = ?7 AND (ts_epoch, id) < (?3, ?4) ORDER BY ts_epoch DESC, id DESC LIMIT ?5;

-- name: values_of_step
-- Each task's values, one task after another.
SELECT task_id, task_name, field_name, value FROM metadata_v3 INDEXED BY metadata_by_task WHERE flow_id = ?1 AND run_number = ?2 AND step_name = ?3 ORDER BY task_id;

-- fragment: artifact_columns
a.step_name, a.task_id, a.task_name, a.name, a.location, a.ds_type, a.sha, a.type, a.content_type, a.user_name, a.attempt_id, a.ts_epoch

-- fragment: attempt_wanted
a.attempt_id = coalesce(?3, (SELECT max(b.attempt_id) FROM artifact_v3 b WHERE b.flow_id = a.flow_id AND b.run_number = a.run_number AND b.step_name = a.step_name AND b.task_id = a.task_id))

-- fragment: artifact_page
(a.step_name, a.task_id, a.attempt_id, a.name) > (?4, ?5, ?6, ?7) ORDER BY a.step_name, a.task_id, a.attempt_id, a.name LIMIT ?8

-- fragment: artifact_page_of_step
-- Of what is given only what comes after the step: else SQLite would begin with the run's first.
a.step_name = ?9 AND (a.task_id, a.attempt_id, a.name) > (?5, ?6, ?7) ORDER BY a.task_id, a.attempt_id, a.name LIMIT ?8

-- fragment: artifact_page_of_task
a.step_name = ?9 AND a.task_id = ?10 AND (a.attempt_id, a.name) > (?6, ?7) ORDER BY a.attempt_id, a.name LIMIT ?8

-- name: artifacts_of_run
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = ?1 AND a.run_number = ?2 AND $(attempt_wanted) AND $(artifact_page);

-- name: artifacts_of_step
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = ?1 AND a.run_number = ?2 AND $(attempt_wanted) AND $(artifact_page_of_step);

-- name: artifacts_of_task
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = ?1 AND a.run_number = ?2 AND $(attempt_wanted) AND $(artifact_page_of_task);

-- fragment: is_newest
NOT EXISTS (SELECT 1 FROM artifact_v3 b WHERE b.flow_id = a.flow_id AND b.run_number = a.run_number AND b.step_name = a.step_name AND b.task_id = a.task_id AND b.attempt_id > a.attempt_id AND b.name = a.name)

-- fragment: newest_page
(a.ts_epoch, a.task_id, a.name) < (?3, ?4, ?5) ORDER BY a.ts_epoch DESC, a.task_id DESC, a.name DESC LIMIT ?6

-- name: newest_of_run
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = ?1 AND a.run_number = ?2 AND $(is_newest) AND $(newest_page);

-- name: newest_of_step
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = ?1 AND a.run_number = ?2 AND a.step_name = ?7 AND $(is_newest) AND $(newest_page);

-- name: newest_of_task
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = ?1 AND a.run_number = ?2 AND a.step_name = ?7 AND a.task_id = ?8 AND $(is_newest) AND $(newest_page);

-- name: artifact
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = ?1 AND a.run_number = ?2 AND a.step_name = ?3 AND a.task_id = ?4 AND a.name = ?5
AND a.attempt_id = coalesce(?6, (SELECT max(b.attempt_id) FROM artifact_v3 b WHERE b.flow_id = ?1 AND b.run_number = ?2 AND b.step_name = ?3 AND b.task_id = ?4 AND b.name = 'name'), 0);
