-- What opening a database runs, once.

-- name: lock
-- One server migrates at a time; the others wait. The number is the word "fanfare" in ASCII.
SELECT pg_advisory_xact_lock(28821994371609189);

-- name: has_schema
SELECT to_regnamespace($1) IS NOT NULL;

-- name: has_schema_version
SELECT to_regclass('schema_version') IS NOT NULL;

-- name: others_tables
SELECT count(*) FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p');

-- name: search_path
SELECT current_setting('search_path');

-- name: set_search_path
-- Until the transaction ends.
SELECT set_config('search_path', $1, true);

-- name: create_schema_version
-- One row for each migration that ran. Any release reads this table before all others, so it never changes.
CREATE TABLE schema_version (
    version    integer     PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: schema_version
SELECT coalesce(max(version), 0) FROM schema_version;

-- name: schema_oldest
SELECT version FROM schema_oldest;

-- name: add_schema_version
INSERT INTO schema_version (version) VALUES ($1);

-- name: add_journal
INSERT INTO journal (only_row, incarnation, term, format, system_id, timeline) VALUES (1, $1, 0, $2, 0, 0) ON CONFLICT DO NOTHING;
