-- What opening streams and finding due ones runs.

-- name: heads
SELECT s.name, s.id, s.run_id, s.seq, w.acknowledged, s.epoch FROM streams s LEFT JOIN wakes w ON w.stream_id = s.id WHERE s.name = ANY ($1);

-- name: events_of
SELECT stream_id, seq, at_us, actor, version, payload, events FROM events WHERE stream_id = ANY ($1) ORDER BY stream_id, seq;

-- name: wakes_due
SELECT s.name, w.due_us, w.stream_id FROM wakes w JOIN streams s ON s.id = w.stream_id
WHERE (w.due_us, w.stream_id) > ($1, $2) AND w.due_us <= $3 AND ($5::smallint[] IS NULL OR s.shard = ANY ($5)) ORDER BY w.due_us, w.stream_id LIMIT $4;
