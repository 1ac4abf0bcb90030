-- What the read model asks. Pages go on from a key, never from an offset. Every read that must be of one piece is one statement, since
-- each statement has a snapshot of its own. The planner has no INDEXED BY, so the statements leave it little to choose: a name or an id is
-- looked up in a subquery that stands for one value, and what a lateral subquery's LIMIT or OFFSET fences off can only be joined by a loop.

-- name: stream_id
SELECT id FROM streams WHERE name = $1;

-- fragment: its_run
(SELECT id FROM streams WHERE name = $1)

-- name: history
-- Rows until those after the first hold the events asked for; of the first, some may lie before the position.
SELECT h.position, (SELECT n.name FROM streams n WHERE n.id = h.stream_id), h.seq, h.at_us, h.actor, h.version, h.payload, h.events
FROM (
    SELECT e.*, sum(e.events) OVER position - e.events - first_value(e.events) OVER position AS before
    FROM (SELECT * FROM events l WHERE l.run_id = $(its_run) AND l.position > $2 ORDER BY l.position LIMIT $3) e
    WINDOW position AS (ORDER BY e.position ROWS UNBOUNDED PRECEDING)
) h
WHERE h.before < $3 ORDER BY h.position;

-- fragment: deployment_columns
d.ns, d.flow, d.version, d.digest, d.spec, d.source, d.package, d.created_us, d.actor, d.deleted_us

-- name: deployment
SELECT $(deployment_columns) FROM deployments d WHERE d.ns = $1 AND d.flow = $2 AND d.version = $3;

-- name: latest_deployment
SELECT $(deployment_columns) FROM deployments d WHERE d.ns = $1 AND d.flow = $2 AND d.deleted_us IS NULL ORDER BY d.version DESC LIMIT 1;

-- name: deployments
-- Newest first.
SELECT $(deployment_columns) FROM deployments d WHERE d.ns = $1 AND d.flow = $2 AND d.version < $3 AND d.deleted_us IS NULL ORDER BY d.version DESC LIMIT $4;

-- name: flows
-- Hops from flow to flow along the index of those that are there, so that a flow of ten thousand deployments costs no more than one.
WITH RECURSIVE hops AS (
    SELECT (SELECT min(flow) FROM deployments WHERE ns = $1 AND flow > $2 AND deleted_us IS NULL) AS flow, 1 AS hop
    UNION ALL
    SELECT (SELECT min(flow) FROM deployments WHERE ns = $1 AND flow > h.flow AND deleted_us IS NULL), h.hop + 1 FROM hops h WHERE h.flow IS NOT NULL AND h.hop < $3
)
SELECT $(deployment_columns)
FROM hops h CROSS JOIN LATERAL (SELECT * FROM deployments l WHERE l.ns = $1 AND l.flow = h.flow AND l.deleted_us IS NULL ORDER BY l.version DESC LIMIT 1) d
ORDER BY h.hop;

-- name: schedule
SELECT ns, flow, name, due_us, standing FROM schedules WHERE ns = $1 AND flow = $2 AND name = $3 AND standing IS NOT NULL;

-- name: schedules
SELECT ns, flow, name, due_us, standing FROM schedules WHERE ns = $1 AND (flow, name) > ($2, $3) AND standing IS NOT NULL ORDER BY flow, name LIMIT $4;

-- name: schedules_due
SELECT ns, flow, name, due_us, standing FROM schedules WHERE ns = $1 AND due_us IS NOT NULL AND standing IS NOT NULL ORDER BY due_us LIMIT $2;

-- name: schedules_of_flow
SELECT ns, flow, name, due_us, standing FROM schedules WHERE ns = $1 AND flow = $2 AND name > $3 AND standing IS NOT NULL ORDER BY name LIMIT $4;

-- name: trigger
SELECT ns, flow, name, standing FROM triggers WHERE ns = $1 AND flow = $2 AND name = $3;

-- name: triggers
SELECT ns, flow, name, standing FROM triggers WHERE ns = $1 AND (flow, name) > ($2, $3) ORDER BY flow, name LIMIT $4;

-- name: triggers_of_flow
SELECT ns, flow, name, standing FROM triggers WHERE ns = $1 AND flow = $2 AND name > $3 ORDER BY name LIMIT $4;

-- name: pool
SELECT name, standing FROM pools WHERE name = $1;

-- name: pools
SELECT name, standing FROM pools WHERE name > $1 ORDER BY name LIMIT $2;

-- name: listeners
SELECT t.ns, t.flow, t.name, t.standing FROM trigger_sources s JOIN triggers t ON t.ns = s.ns AND t.flow = s.flow AND t.name = s.name
WHERE s.kind = $1 AND s.ns = $2 AND s.source = $3 ORDER BY s.flow, s.name;

-- name: awaited_flows
SELECT DISTINCT ns, source FROM trigger_sources WHERE kind = $1;

-- fragment: event_columns
stream_id, ns, event, kind, name, payload, event_key, actor, at_us, outcomes

-- name: event
SELECT $(event_columns) FROM published_events WHERE ns = $1 AND event = $2;

-- name: events_published
SELECT $(event_columns) FROM published_events WHERE ns = $1 AND (at_us, stream_id) < ($2, $3) ORDER BY at_us DESC, stream_id DESC LIMIT $4;

-- name: events_of_name
SELECT $(event_columns) FROM published_events WHERE ns = $1 AND (at_us, stream_id) < ($2, $3) AND name = $5 ORDER BY at_us DESC, stream_id DESC LIMIT $4;

-- fragment: backfill_columns
stream_id, ns, backfill, flow, name, actor, created_us, standing

-- name: backfill
SELECT $(backfill_columns) FROM backfills WHERE ns = $1 AND backfill = $2;

-- name: backfills
SELECT $(backfill_columns) FROM backfills WHERE ns = $1 AND (created_us, stream_id) < ($2, $3) ORDER BY created_us DESC, stream_id DESC LIMIT $4;

-- name: backfills_of_flow
SELECT $(backfill_columns) FROM backfills WHERE ns = $1 AND (created_us, stream_id) < ($2, $3) AND flow = $5 ORDER BY created_us DESC, stream_id DESC LIMIT $4;

-- fragment: notice_columns
stream_id, ns, notice, flow, at_us, standing

-- name: notice
SELECT $(notice_columns) FROM notices WHERE ns = $1 AND notice = $2;

-- name: notices
SELECT $(notice_columns) FROM notices WHERE ns = $1 AND is_raised AND (at_us, stream_id) < ($2, $3) ORDER BY at_us DESC, stream_id DESC LIMIT $4;

-- name: notices_of_flow
SELECT $(notice_columns) FROM notices WHERE ns = $1 AND is_raised AND (at_us, stream_id) < ($2, $3) AND flow = $5 ORDER BY at_us DESC, stream_id DESC LIMIT $4;

-- name: dead_notices
SELECT $(notice_columns) FROM notices WHERE ns = $1 AND is_dead AND (at_us, stream_id) < ($2, $3) ORDER BY at_us DESC, stream_id DESC LIMIT $4;

-- name: dead_notices_of_flow
SELECT $(notice_columns) FROM notices WHERE ns = $1 AND is_dead AND (at_us, stream_id) < ($2, $3) AND flow = $5 ORDER BY at_us DESC, stream_id DESC LIMIT $4;

-- name: dead_letters
SELECT ns, event, flow, name, kind, source, at_us, reason FROM dead_letters
WHERE ns = $1 AND (at_us, event, flow, name) > ($2, $3, $4, $5) AND ($7::text IS NULL OR flow = $7) AND ($8::text IS NULL OR name = $8) ORDER BY at_us, event, flow, name LIMIT $6;

-- name: open
-- Counts of all namespaces, each along one index and no further than a bound.
SELECT
    (SELECT count(*) FROM (SELECT FROM dead_letters ORDER BY ns, at_us, event, flow, name LIMIT $1) d),
    (SELECT count(*) FROM (SELECT FROM notices WHERE is_dead ORDER BY ns, at_us, stream_id LIMIT $1) n),
    count(*) FILTER (WHERE r.status = 0), count(*) FILTER (WHERE r.status = 1), count(*) FILTER (WHERE r.status = 2), count(*) FILTER (WHERE r.status = 3), count(*) FILTER (WHERE r.status = 4)
FROM (SELECT status FROM runs WHERE status < 5 ORDER BY ns, created_us, stream_id LIMIT $1) r;

-- fragment: run_columns
r.stream_id, r.ns, r.run, r.flow, r.deployment, r.status, r.parameters, r.tags, r.priority, r.idempotency_key, r.actor, r.generation, r.created_us, r.ended_us, r.error

-- fragment: run_filter
-- What the chosen index does not narrow by is checked on the way; bounds that were not asked for are null.
    AND ($6::text IS NULL OR r.flow = $6)
    AND ($7::smallint IS NULL OR r.status = $7)
    AND ($8::boolean IS NULL OR (r.status < 5) = $8)
    AND ($9::integer IS NULL OR r.deployment = $9)

-- fragment: run_page
    AND (r.created_us, r.stream_id) < ($2, $3) AND r.created_us > $4 AND r.created_us < $5
    $(run_filter)
ORDER BY r.created_us DESC, r.stream_id DESC LIMIT $10

-- name: runs_named
SELECT $(run_columns) FROM runs r WHERE r.stream_id = ANY (ARRAY (SELECT id FROM streams WHERE name = ANY ($1)));

-- name: runs_by_created
SELECT $(run_columns) FROM runs r WHERE r.ns = $1 $(run_page);

-- name: runs_by_flow
SELECT $(run_columns) FROM runs r WHERE r.ns = $1 AND r.flow = $6 $(run_page);

-- name: runs_by_status
SELECT $(run_columns) FROM runs r WHERE r.ns = $1 AND r.status = $7 $(run_page);

-- name: runs_by_flow_and_status
SELECT $(run_columns) FROM runs r WHERE r.ns = $1 AND r.flow = $6 AND r.status = $7 $(run_page);

-- name: runs_active
SELECT $(run_columns) FROM runs r WHERE r.ns = $1 AND r.status < 5 $(run_page);

-- name: runs_by_tag
-- From the tag's entries, newest first, to their runs.
SELECT $(run_columns)
FROM run_tags t CROSS JOIN LATERAL (SELECT * FROM runs WHERE stream_id = t.run_id OFFSET 0) r
WHERE t.ns = $1 AND t.tag = $11 AND (t.created_us, t.run_id) < ($2, $3) AND t.created_us > $4 AND t.created_us < $5
    $(run_filter)
ORDER BY t.created_us DESC, t.run_id DESC LIMIT $10;

-- fragment: step_columns
(SELECT n.name FROM streams n WHERE n.id = s.stream_id), s.status, s.in_foreach, s.total, s.running, s.backoff, s.succeeded, s.failed, s.cancelled, s.opened_us, s.ended_us, s.stream_id

-- name: step
SELECT $(step_columns) FROM steps s WHERE s.stream_id = (SELECT id FROM streams WHERE name = $1);

-- name: steps
SELECT $(step_columns) FROM steps s
WHERE s.run_id = $(its_run) AND s.stream_id > $2
ORDER BY s.stream_id LIMIT $3;

-- fragment: task_columns
t.stream_id, t.split, t.status, t.attempt, t.worker, t.leased_us, t.started_us, t.ended_us, t.error, t.output, t.artifacts

-- fragment: task_stream
(SELECT n.name FROM streams n WHERE n.id = t.stream_id)

-- fragment: running
-- What a grant says of one of its tasks, which has no row of its own. That is asked one by one: any join could turn into a walk over all tasks.
g.stream_id, u.split, 1::smallint AS status, 0 AS attempt, g.worker, g.leased_us, NULL::bigint AS started_us, NULL::bigint AS ended_us, NULL AS error, NULL AS output, NULL AS artifacts

-- fragment: granted
FROM grants g CROSS JOIN LATERAL unnest(g.splits) AS u (split)
WHERE (SELECT t.split FROM tasks t WHERE t.stream_id = g.stream_id AND t.split = u.split) IS NULL AND

-- fragment: granted_page
SELECT $(running), (SELECT n.name FROM streams n WHERE n.id = g.stream_id) $(granted)

-- name: task
SELECT $(task_columns) FROM tasks t WHERE t.stream_id = (SELECT id FROM streams WHERE name = $1) AND t.split = $2
UNION ALL
SELECT $(running) $(granted) g.stream_id = (SELECT id FROM streams WHERE name = $1) AND $2 = ANY (g.splits) AND u.split = $2;

-- name: tasks_of_step
-- $4 is a status or null; one opening is walked by its key. The running (1) are those that their rows say it of, and those of grants.
SELECT * FROM (
    (SELECT $(task_columns), $(task_stream) FROM tasks t
        WHERE t.stream_id = (SELECT id FROM streams WHERE id = $2 AND run_id = $(its_run)) AND t.split > $3 AND ($4::smallint IS NULL OR t.status = $4) ORDER BY t.split LIMIT $5)
    UNION ALL ($(granted_page) $4::smallint IS NULL AND $(granted_of_step))
) p ORDER BY 1, 2 LIMIT $5;

-- fragment: granted_of_step
g.stream_id = $2 AND g.run_id = $(its_run) AND u.split > $3 ORDER BY 1, 2 LIMIT $5

-- name: tasks_of_step_by_status
-- "status <> 3" is the index's own condition.
SELECT * FROM (
    (SELECT $(task_columns), $(task_stream) FROM tasks t
        WHERE t.run_id = $(its_run) AND t.status = $4 AND t.status <> 3 AND t.stream_id = $2 AND t.split > $3 ORDER BY t.split LIMIT $5)
    UNION ALL ($(granted_page) $4 = 1 AND $(granted_of_step))
) p ORDER BY 1, 2 LIMIT $5;

-- fragment: granted_of_run
g.run_id = $(its_run) AND g.stream_id > $2

-- fragment: granted_of_name
$(granted_of_run) AND (SELECT s.step FROM steps s WHERE s.stream_id = g.stream_id) = $5

-- name: tasks_of_run_by_status
SELECT * FROM (
    (SELECT $(task_columns), $(task_stream) FROM tasks t
        WHERE t.run_id = $(its_run) AND t.status = $3 AND t.status <> 3 AND t.stream_id > $2 ORDER BY t.stream_id, t.split LIMIT $4)
    UNION ALL ($(granted_page) $3 = 1 AND $(granted_of_run) ORDER BY 1, 2 LIMIT $4)
) p ORDER BY 1, 2 LIMIT $4;

-- fragment: of_openings
-- From opening to opening in order, each walked by its key. The openings come sorted and a loop keeps their order, so there is nothing left
-- to sort, and the limit ends the walk early.
SELECT $(task_columns), $(task_stream)
FROM (SELECT s.stream_id FROM steps s WHERE s.run_id = $(its_run) AND s.stream_id > $2

-- fragment: in_order
ORDER BY s.stream_id OFFSET 0) o
CROSS JOIN LATERAL (SELECT * FROM tasks l WHERE l.stream_id = o.stream_id

-- fragment: page_of_openings
ORDER BY l.split LIMIT $4) t
ORDER BY o.stream_id LIMIT $4

-- name: tasks_of_run
SELECT * FROM (
    ($(of_openings) $(in_order) AND ($3::smallint IS NULL OR l.status = $3) $(page_of_openings))
    UNION ALL ($(granted_page) $3::smallint IS NULL AND $(granted_of_run) ORDER BY 1, 2 LIMIT $4)
) p ORDER BY 1, 2 LIMIT $4;

-- name: tasks_of_run_by_name
SELECT * FROM (
    ($(of_openings) AND s.step = $5 $(in_order) AND ($3::smallint IS NULL OR l.status = $3) $(page_of_openings))
    UNION ALL ($(granted_page) $3::smallint IS NULL AND $(granted_of_name) ORDER BY 1, 2 LIMIT $4)
) p ORDER BY 1, 2 LIMIT $4;

-- name: tasks_of_run_by_name_and_status
SELECT * FROM (
    ($(of_openings) AND s.step = $5 $(in_order) AND l.run_id = $(its_run) AND l.status = $3 AND l.status <> 3 $(page_of_openings))
    UNION ALL ($(granted_page) $3 = 1 AND $(granted_of_name) ORDER BY 1, 2 LIMIT $4)
) p ORDER BY 1, 2 LIMIT $4;

-- name: attempts
SELECT * FROM (
    SELECT a.attempt, a.status, a.worker, a.token, a.leased_us, a.started_us, a.ended_us, a.error FROM attempts a
    WHERE a.stream_id = (SELECT id FROM streams WHERE name = $1) AND a.split = $2
    UNION ALL
    SELECT t.attempt, 1::smallint, t.worker, t.token, t.leased_us, t.started_us, t.ended_us, t.error FROM tasks t
    WHERE t.stream_id = (SELECT id FROM streams WHERE name = $1) AND t.split = $2 AND t.token IS NOT NULL
    UNION ALL
    SELECT 0, 0::smallint, g.worker, (string_to_array(g.tokens, ' '))[array_position(g.splits, $2)], g.leased_us, NULL, NULL, NULL
    $(granted) g.stream_id = (SELECT id FROM streams WHERE name = $1) AND $2 = ANY (g.splits) AND u.split = $2
) a ORDER BY a.attempt;

-- fragment: outputs_from
-- A page ends at a number of rows or of bytes, whichever comes first, with at least one row: octet_length reads no large value, so what lies
-- beyond is neither read nor sent.
SELECT p.split, p.attempt, p.output, p.artifacts, p.bytes FROM (
    SELECT q.*, sum(q.own) OVER (ORDER BY q.split ROWS UNBOUNDED PRECEDING) AS bytes FROM (
        SELECT t.split, t.attempt, t.output, t.artifacts, coalesce(octet_length(t.output), 0) + coalesce(octet_length(t.artifacts), 0) AS own

-- fragment: outputs_until
        ORDER BY t.split LIMIT $3) q) p
WHERE p.bytes - p.own < $4 ORDER BY p.split

-- fragment: has_output
-- 3 succeeded, 4 caught, 5 skipped: those that have an output to hand on.
l.stream_id = (SELECT id FROM streams WHERE name = $1) AND l.status BETWEEN 3 AND 5

-- name: outputs
$(outputs_from) FROM (SELECT * FROM tasks l WHERE $(has_output) AND l.split >= $2 AND l.split < $5 ORDER BY l.split LIMIT $3) t $(outputs_until);

-- name: outputs_of_ranges
$(outputs_from) FROM unnest($2::integer[], $5::integer[]) AS r(first, past)
    CROSS JOIN LATERAL (SELECT * FROM tasks l WHERE $(has_output) AND l.split >= r.first AND l.split < r.past ORDER BY l.split LIMIT $3) t $(outputs_until);
