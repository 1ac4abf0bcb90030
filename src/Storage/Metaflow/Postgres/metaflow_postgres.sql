-- What the store of Metaflow's metadata runs on PostgreSQL. Rows to be written come as arrays, one a column, which unnest puts side by side; ord is the place of a write among those of its kind.
-- Each of these statements tells what became of each write. Any server may write at any time: the constraints decide.
-- One row is looked up as the first at or after its key, and those of a run, a step or a task as what lies between two equal keys, in the order of the index that has the key. By equality alone the planner takes any index that
-- begins with some of the columns for just as good wherever it expects one row: when the tables are new, or when most steps have one task, and then walks over a foreach of a million for each of them.

-- name: check
SELECT 1;

-- name: add_flows
WITH given AS MATERIALIZED (
    SELECT DISTINCT ON (g.flow_id) g.* FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[]) WITH ORDINALITY AS g(flow_id, user_name, at, tags, system_tags, ord) ORDER BY g.flow_id, g.ord
), added AS (
    INSERT INTO flows_v3 (flow_id, user_name, ts_epoch, tags, system_tags) SELECT flow_id, user_name, at, tags::jsonb, system_tags::jsonb FROM given ORDER BY flow_id
    ON CONFLICT DO NOTHING RETURNING flow_id
)
SELECT g.ord FROM given g JOIN added a ON a.flow_id = g.flow_id;

-- name: add_runs
-- Numbers are given beforehand: what is returned of a row that was added has nothing else that tells whose it is.
WITH given AS MATERIALIZED (
    SELECT g.*, nextval('runs_v3_run_number_seq') AS number
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[]) WITH ORDINALITY AS g(flow_id, run_id, user_name, at, beat, tags, system_tags, ord)
), known AS MATERIALIZED (
    SELECT g.* FROM given g JOIN flows_v3 f ON f.flow_id = g.flow_id
), added AS (
    INSERT INTO runs_v3 (flow_id, run_number, run_id, user_name, ts_epoch, last_heartbeat_ts, tags, system_tags)
    SELECT flow_id, number, run_id, user_name, at, beat, tags::jsonb, system_tags::jsonb FROM known ORDER BY flow_id, run_id, ord
    ON CONFLICT DO NOTHING RETURNING run_number
)
SELECT k.ord, k.number, a.run_number IS NOT NULL FROM known k LEFT JOIN added a ON a.run_number = k.number;

-- fragment: run_of
-- The run that a write names, by its number or by its id.
JOIN LATERAL (
    SELECT * FROM (SELECT $(run_columns) FROM runs_v3 r WHERE (r.flow_id, r.run_number) >= (g.flow, g.number) ORDER BY r.flow_id, r.run_number LIMIT 1) r WHERE r.flow_id = g.flow AND r.run_number = g.number
    UNION ALL
    SELECT * FROM (SELECT $(run_columns) FROM runs_v3 r WHERE (r.flow_id, r.run_id) >= (g.flow, g.run) ORDER BY r.flow_id, r.run_id LIMIT 1) r WHERE r.flow_id = g.flow AND r.run_id = g.run
) r ON true

-- fragment: task_of
-- The task that a write names, by its number or by its name.
JOIN LATERAL (
    SELECT t.task_id, t.task_name FROM (SELECT * FROM tasks_v3 WHERE task_id = g.task OFFSET 0) t WHERE t.flow_id = g.flow AND t.run_number = r.run_number AND t.step_name = g.step
    UNION ALL
    SELECT t.task_id, t.task_name FROM (
        SELECT * FROM tasks_v3 WHERE (flow_id, run_number, step_name, task_name) >= (g.flow, r.run_number, g.step, g.task_called) ORDER BY flow_id, run_number, step_name, task_name LIMIT 1
    ) t WHERE t.flow_id = g.flow AND t.run_number = r.run_number AND t.step_name = g.step AND t.task_name = g.task_called
) t ON true

-- name: add_steps
WITH known AS MATERIALIZED (
    SELECT g.step, g.by, g.at, g.own_tags, g.own_system_tags, g.ord, r.*, row_number() OVER (PARTITION BY r.flow_id, r.run_number, g.step ORDER BY g.ord) AS turn
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[]) WITH ORDINALITY AS g(flow, number, run, step, by, at, own_tags, own_system_tags, ord)
    $(run_of)
), added AS (
    INSERT INTO steps_v3 (flow_id, run_number, run_id, step_name, user_name, ts_epoch, tags, system_tags)
    SELECT flow_id, run_number, coalesce(run_id, run_number::text), step, by, at, own_tags::jsonb, own_system_tags::jsonb FROM known WHERE turn = 1 ORDER BY flow_id, run_number, step
    ON CONFLICT DO NOTHING RETURNING flow_id, run_number, step_name
)
SELECT r.ord, a.step_name IS NOT NULL, $(run_columns)
FROM known r LEFT JOIN added a ON r.turn = 1 AND a.flow_id = r.flow_id AND a.run_number = r.run_number AND a.step_name = r.step;

-- name: add_tasks
WITH known AS MATERIALIZED (
    SELECT g.step, g.name, g.by, g.at, g.beat, g.own_tags, g.own_system_tags, g.ord, r.*, nextval('tasks_v3_task_id_seq') AS task
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::text[], $10::text[]) WITH ORDINALITY
        AS g(flow, number, run, step, name, by, at, beat, own_tags, own_system_tags, ord)
    $(run_of)
    JOIN LATERAL (
        SELECT * FROM steps_v3 WHERE (flow_id, run_number, step_name) >= (r.flow_id, r.run_number, g.step) ORDER BY flow_id, run_number, step_name LIMIT 1
    ) s ON s.flow_id = r.flow_id AND s.run_number = r.run_number AND s.step_name = g.step
), added AS (
    INSERT INTO tasks_v3 (flow_id, run_number, run_id, step_name, task_id, task_name, user_name, ts_epoch, last_heartbeat_ts, tags, system_tags)
    SELECT flow_id, run_number, run_id, step, task, name, by, at, beat, own_tags::jsonb, own_system_tags::jsonb FROM known ORDER BY flow_id, run_number, step, name, ord
    ON CONFLICT DO NOTHING RETURNING task_id
)
SELECT r.ord, a.task_id IS NOT NULL, $(run_columns), r.task FROM known r LEFT JOIN added a ON a.task_id = r.task;

-- name: add_metadata
-- $1 to $6: the posts; the rest: their rows, each with the place of its post.
WITH posts AS MATERIALIZED (
    SELECT g.ord, g.step, r.flow_id, r.run_number, r.run_id, t.task_id, t.task_name
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[]) WITH ORDINALITY AS g(flow, number, run, step, task, task_called, ord)
    $(run_of)
    $(task_of)
), added AS (
    INSERT INTO metadata_v3 (flow_id, run_number, run_id, step_name, task_id, task_name, field_name, value, type, user_name, ts_epoch, tags, system_tags)
    SELECT p.flow_id, p.run_number, p.run_id, p.step, p.task_id, p.task_name, i.field, i.value, i.type, i.by, i.at, i.tags::jsonb, i.system_tags::jsonb
    FROM unnest($7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[]) WITH ORDINALITY AS i(post, field, value, type, by, at, tags, system_tags, ord)
    JOIN posts p ON p.ord = i.post ORDER BY i.ord
)
SELECT ord FROM posts;

-- name: add_artifacts
-- As metadata; of rows with the same key the first is taken, and counts for its post if nobody had added it before.
WITH posts AS MATERIALIZED (
    SELECT g.ord, g.step, r.flow_id, r.run_number, r.run_id, t.task_id, t.task_name
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[]) WITH ORDINALITY AS g(flow, number, run, step, task, task_called, ord)
    $(run_of)
    $(task_of)
), items AS MATERIALIZED (
    SELECT DISTINCT ON (p.flow_id, p.run_number, p.step, p.task_id, i.attempt, i.name) p.flow_id, p.run_number, p.run_id, p.step, p.task_id, p.task_name, i.*
    FROM unnest($7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::smallint[], $16::bigint[], $17::text[], $18::text[]) WITH ORDINALITY
        AS i(post, name, location, ds_type, sha, type, content_type, by, attempt, at, tags, system_tags, ord)
    JOIN posts p ON p.ord = i.post ORDER BY p.flow_id, p.run_number, p.step, p.task_id, i.attempt, i.name, i.ord
), added AS (
    INSERT INTO artifact_v3 (flow_id, run_number, run_id, step_name, task_id, task_name, name, location, ds_type, sha, type, content_type, user_name, attempt_id, ts_epoch, tags, system_tags)
    SELECT flow_id, run_number, run_id, step, task_id, task_name, name, location, ds_type, sha, type, content_type, by, attempt, at, tags::jsonb, system_tags::jsonb
    FROM items ORDER BY flow_id, run_number, step, task_id, attempt, name
    ON CONFLICT DO NOTHING RETURNING flow_id, run_number, step_name, task_id, attempt_id, name
)
SELECT p.ord, (
    SELECT count(*) FROM items i JOIN added a ON a.flow_id = i.flow_id AND a.run_number = i.run_number AND a.step_name = i.step AND a.task_id = i.task_id AND a.attempt_id = i.attempt AND a.name = i.name WHERE i.post = p.ord)
FROM posts p;

-- name: beat_tasks
WITH known AS MATERIALIZED (
    SELECT g.ord, g.at, t.task_id
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[]) WITH ORDINALITY AS g(flow, number, run, step, task, task_called, at, ord)
    $(run_of)
    $(task_of)
), beaten AS (
    UPDATE tasks_v3 t SET last_heartbeat_ts = l.at FROM (SELECT task_id, max(at) AS at FROM known GROUP BY task_id ORDER BY task_id) l
    WHERE t.task_id = l.task_id AND (t.last_heartbeat_ts IS NULL OR t.last_heartbeat_ts < l.at)
)
SELECT ord FROM known;

-- name: beat_runs
-- A run beats with each of its tasks: it is written again only when that says something new, which is after some seconds.
WITH known AS MATERIALIZED (
    SELECT g.ord, g.at, r.flow_id, r.run_number
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[]) WITH ORDINALITY AS g(flow, number, run, at, ord)
    $(run_of)
), beaten AS (
    UPDATE runs_v3 t SET last_heartbeat_ts = l.at FROM (SELECT flow_id, run_number, max(at) AS at FROM known GROUP BY flow_id, run_number ORDER BY flow_id, run_number) l
    WHERE t.flow_id = l.flow_id AND t.run_number = l.run_number AND (t.last_heartbeat_ts IS NULL OR t.last_heartbeat_ts < l.at - 4)
)
SELECT ord FROM known;

-- name: change_tags
-- The expression is computed on the row as it is when its lock is had, so changes that other servers make at the same time are not lost.
-- $1 to $3: the run; $4: tags to add; $5: tags to take away.
UPDATE runs_v3 r SET tags = CASE WHEN r.system_tags ?| $5::text[] THEN r.tags ELSE (
    SELECT coalesce(jsonb_agg(c.tag ORDER BY c.at), '[]') FROM (
        SELECT b.tag, min(b.at) AS at FROM (
            SELECT e.tag, e.at FROM jsonb_array_elements_text(CASE WHEN jsonb_typeof(r.tags) = 'array' THEN r.tags ELSE '[]' END) WITH ORDINALITY AS e(tag, at) WHERE e.tag <> ALL ($5::text[])
            UNION ALL
            SELECT n.tag, 1000000000 + n.at FROM unnest($4::text[]) WITH ORDINALITY AS n(tag, at) WHERE NOT coalesce(r.system_tags ? n.tag, false)
        ) b GROUP BY b.tag
    ) c
) END
WHERE r.flow_id = $1::text AND r.run_number = coalesce($2::bigint, (SELECT s.run_number FROM runs_v3 s WHERE s.flow_id = $1::text AND s.run_id = $3::text))
RETURNING coalesce(r.tags::text, 'null'), coalesce(r.system_tags::text, 'null');

-- fragment: flow_columns
f.flow_id, f.user_name, f.ts_epoch, coalesce(f.tags::text, 'null'), coalesce(f.system_tags::text, 'null')

-- name: flow
SELECT $(flow_columns) FROM flows_v3 f WHERE f.flow_id = $1;

-- name: flows
SELECT $(flow_columns) FROM flows_v3 f WHERE (f.ts_epoch, f.flow_id) < ($1, $2) ORDER BY f.ts_epoch DESC, f.flow_id DESC LIMIT $3;

-- fragment: run_columns
r.flow_id, r.run_number, r.run_id, r.user_name, r.ts_epoch, r.last_heartbeat_ts, r.tags, r.system_tags

-- name: run_by_number
SELECT $(run_columns) FROM (SELECT * FROM runs_v3 WHERE (flow_id, run_number) >= ($1, $2) ORDER BY flow_id, run_number LIMIT 1) r WHERE r.flow_id = $1 AND r.run_number = $2;

-- name: run_by_id
SELECT $(run_columns) FROM (SELECT * FROM runs_v3 WHERE (flow_id, run_id) >= ($1, $2) ORDER BY flow_id, run_id LIMIT 1) r WHERE r.flow_id = $1 AND r.run_id = $2;

-- name: runs
SELECT $(run_columns) FROM runs_v3 r WHERE r.flow_id = $1 AND (r.ts_epoch, r.run_number) < ($2, $3) ORDER BY r.ts_epoch DESC, r.run_number DESC LIMIT $4;

-- fragment: of_end
-- What the tasks of the last step say: few rows, which are found before they are sorted.
SELECT m.field_name, m.value, m.ts_epoch, m.id FROM metadata_v3 m WHERE (m.flow_id, m.run_number, m.step_name) >= (r.flow_id, r.run_number, 'end') AND (m.flow_id, m.run_number, m.step_name) <= (r.flow_id, r.run_number, 'end')
ORDER BY m.flow_id, m.run_number, m.step_name, m.task_id, m.field_name, m.id

-- name: runs_with_end
SELECT $(run_columns), o.value, o.ts_epoch, a.ts_epoch
FROM (SELECT * FROM runs_v3 r WHERE r.flow_id = $1 AND (r.ts_epoch, r.run_number) < ($2, $3) ORDER BY r.ts_epoch DESC, r.run_number DESC LIMIT $4) r
LEFT JOIN LATERAL (SELECT * FROM ($(of_end)) m WHERE m.field_name = 'attempt_ok' ORDER BY m.ts_epoch DESC, m.id DESC LIMIT 1) o ON true
LEFT JOIN LATERAL (SELECT * FROM ($(of_end)) m WHERE m.field_name = 'attempt' ORDER BY m.ts_epoch DESC, m.id DESC LIMIT 1) a ON true
ORDER BY r.ts_epoch DESC, r.run_number DESC;

-- name: step
SELECT s.step_name, s.user_name, s.ts_epoch FROM (
    SELECT * FROM steps_v3 WHERE (flow_id, run_number, step_name) >= ($1, $2, $3) ORDER BY flow_id, run_number, step_name LIMIT 1
) s WHERE s.flow_id = $1 AND s.run_number = $2 AND s.step_name = $3;

-- name: steps
SELECT s.step_name, s.user_name, s.ts_epoch FROM (
    SELECT * FROM steps_v3 WHERE (flow_id, run_number) >= ($1, $2) AND (flow_id, run_number) <= ($1, $2) ORDER BY flow_id, run_number, step_name
) s ORDER BY s.ts_epoch, s.step_name;

-- fragment: task_columns
t.step_name, t.task_id, t.task_name, t.user_name, t.ts_epoch, t.last_heartbeat_ts

-- name: task_by_number
SELECT $(task_columns) FROM (SELECT * FROM tasks_v3 WHERE task_id = $4 OFFSET 0) t WHERE t.flow_id = $1 AND t.run_number = $2 AND t.step_name = $3;

-- name: task_by_name
SELECT $(task_columns) FROM (
    SELECT * FROM tasks_v3 WHERE (flow_id, run_number, step_name, task_name) >= ($1, $2, $3, $4) ORDER BY flow_id, run_number, step_name, task_name LIMIT 1
) t WHERE t.flow_id = $1 AND t.run_number = $2 AND t.step_name = $3 AND t.task_name = $4;

-- name: tasks
SELECT $(task_columns) FROM tasks_v3 t WHERE t.flow_id = $1 AND t.run_number = $2 AND t.step_name = $3 AND (t.ts_epoch, t.task_id) < ($4, $5) ORDER BY t.ts_epoch DESC, t.task_id DESC LIMIT $6;

-- fragment: datum_columns
m.id, m.step_name, m.task_id, m.task_name, m.field_name, m.value, m.type, m.user_name, m.ts_epoch, coalesce(m.tags::text, 'null'), coalesce(m.system_tags::text, 'null')

-- name: metadata_of_run
SELECT $(datum_columns) FROM metadata_v3 m WHERE m.flow_id = $1 AND m.run_number = $2 AND (m.ts_epoch, m.id) < ($3, $4) ORDER BY m.ts_epoch DESC, m.id DESC LIMIT $5;

-- name: metadata_of_task
-- Found by the task and then sorted, not sought for among the run's in their order.
SELECT $(datum_columns) FROM (
    SELECT * FROM metadata_v3 WHERE (flow_id, run_number, step_name, task_id) >= ($1, $2, $6, $7) AND (flow_id, run_number, step_name, task_id) <= ($1, $2, $6, $7)
    ORDER BY flow_id, run_number, step_name, task_id, field_name, id
) m
WHERE (m.ts_epoch, m.id) < ($3, $4) ORDER BY m.ts_epoch DESC, m.id DESC LIMIT $5;

-- name: tasks_by_metadata
SELECT DISTINCT m.task_id, m.task_name FROM metadata_v3 m
WHERE m.flow_id = $1 AND m.run_number = $2 AND m.step_name = $3 AND ($4::text IS NULL OR m.field_name = $4) AND ($5::text IS NULL OR m.value ~ $5) ORDER BY m.task_id;

-- fragment: artifact_columns
a.step_name, a.task_id, a.task_name, a.name, a.location, a.ds_type, a.sha, a.type, a.content_type, a.user_name, a.attempt_id, a.ts_epoch

-- fragment: attempt_wanted
a.attempt_id = coalesce($3::smallint, (SELECT max(b.attempt_id) FROM artifact_v3 b WHERE b.flow_id = a.flow_id AND b.run_number = a.run_number AND b.step_name = a.step_name AND b.task_id = a.task_id))

-- fragment: artifact_page
(a.step_name, a.task_id, a.attempt_id, a.name) > ($4, $5, $6::smallint, $7) ORDER BY a.step_name, a.task_id, a.attempt_id, a.name LIMIT $8

-- name: artifacts_of_run
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = $1 AND a.run_number = $2 AND $(attempt_wanted) AND $(artifact_page);

-- name: artifacts_of_step
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = $1 AND a.run_number = $2 AND a.step_name = $9 AND $(attempt_wanted) AND $(artifact_page);

-- name: artifacts_of_task
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = $1 AND a.run_number = $2 AND a.step_name = $9 AND a.task_id = $10 AND $(attempt_wanted) AND $(artifact_page);

-- fragment: newest
NOT EXISTS (SELECT FROM artifact_v3 b WHERE b.flow_id = a.flow_id AND b.run_number = a.run_number AND b.step_name = a.step_name AND b.task_id = a.task_id AND b.attempt_id > a.attempt_id AND b.name = a.name)
AND (a.ts_epoch, a.task_id, a.name) < ($3, $4, $5) ORDER BY a.ts_epoch DESC, a.task_id DESC, a.name DESC LIMIT $6

-- name: newest_of_run
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = $1 AND a.run_number = $2 AND $(newest);

-- name: newest_of_step
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = $1 AND a.run_number = $2 AND a.step_name = $7 AND $(newest);

-- name: newest_of_task
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = $1 AND a.run_number = $2 AND a.step_name = $7 AND a.task_id = $8 AND $(newest);

-- name: artifact
SELECT $(artifact_columns) FROM artifact_v3 a WHERE a.flow_id = $1 AND a.run_number = $2 AND a.step_name = $3 AND a.task_id = $4 AND a.name = $5
AND a.attempt_id = coalesce($6::smallint, (SELECT max(b.attempt_id) FROM artifact_v3 b WHERE b.flow_id = $1 AND b.run_number = $2 AND b.step_name = $3 AND b.task_id = $4 AND b.name = 'name'), 0::smallint);
