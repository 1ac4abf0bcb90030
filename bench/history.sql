-- A history of old runs as the engine leaves it: runs of 10,000 tasks that succeeded at once. $1 is their number. Their ids and positions lie before all that
-- a server gives out, as those of older runs do.
INSERT INTO streams (id, name, run_id, seq, epoch)
SELECT -2 * i, 'default/run/old' || i, -2 * i, 4, 1 FROM generate_series(1, $1) i;
INSERT INTO streams (id, name, run_id, seq, epoch)
SELECT -2 * i + 1, 'default/step/old' || i || '/2:b0', -2 * i, 20001, 1 FROM generate_series(1, $1) i;
INSERT INTO runs (stream_id, ns, run, flow, deployment, status, parameters, tags, priority, actor, generation, created_us, ended_us)
SELECT -2 * i, 'default', 'old' || i, 'foreach', 1, 5, '{}', '[]', 0, 'bench', 0, 1700000000000000 + i * 60000000::bigint, 1700000000000000 + i * 60000000::bigint + 5000000 FROM generate_series(1, $1) i;
INSERT INTO steps (stream_id, run_id, step, status, in_foreach, total, running, backoff, succeeded, failed, cancelled, opened_us, ended_us)
SELECT -2 * i + 1, -2 * i, 'b0', 2, true, 10000, 0, 0, 10000, 0, 0, 1700000000000000 + i, 1700000005000000 + i FROM generate_series(1, $1) i;
INSERT INTO events (position, stream_id, seq, run_id, at_us, events, actor, version, payload)
SELECT 1 + f, -2 * i + 1, 400 * (f + 1), -2 * i, 1700000000000000 + i, 400, 'worker:bench0', 1,
    convert_to('[' || string_agg('{"t":"task_succeeded","split":' || n || ',"attempt":0,"token":"' || md5(n::text || i) || '.1.0.' || i || '","started_at":"2025-01-01T00:00:00.123456+00:00","ended_at":"2025-01-01T00:00:00.234567+00:00"}', ',') || ']', 'UTF8')
FROM generate_series(1, $1) i, generate_series(0, 49) f, generate_series(f * 200, f * 200 + 399) n GROUP BY i, f;
INSERT INTO tasks (stream_id, split, run_id, status, attempt, worker, leased_us, started_us, ended_us, token)
SELECT -2 * i + 1, s, -2 * i, 3, 0, 'bench0', 1700000000000000 + s, 1700000000000100 + s, 1700000000000200 + s, 'a1b2c3d4e5f60718.' || s || '.0.abcdef012345'
FROM generate_series(1, $1) i, generate_series(0, 9999) s;
ANALYZE;
CHECKPOINT;
