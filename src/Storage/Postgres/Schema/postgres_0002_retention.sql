-- Schema version 2: old runs are archived and removed.

-- A run that is closed (it takes nothing any more), then archived (its rows are hidden), then removed: from then on this and the head of its
-- stream are its tombstone, which says where the archive lies and keeps its id from starting again.
CREATE TABLE retired_runs (
    run_id      bigint   PRIMARY KEY,
    ns          text     COLLATE "C" NOT NULL,
    run         text     COLLATE "C" NOT NULL,
    flow        text     COLLATE "C" NOT NULL,
    deployment  integer  NOT NULL,
    status      smallint NOT NULL CONSTRAINT retired_runs_have_ended CHECK (status BETWEEN 5 AND 7),
    created_us  bigint   NOT NULL,
    ended_us    bigint   NOT NULL,
    archive     text     CONSTRAINT retired_runs_archive_is_named CHECK ((archive IS NULL) = (archived_us IS NULL)),
    archived_us bigint,
    removed_us  bigint   CONSTRAINT retired_runs_remove_what_is_archived CHECK (removed_us IS NULL OR archived_us IS NOT NULL)
);
-- What each round begins with. The first two hold what is under way, and are nearly always empty.
CREATE INDEX retired_runs_closed ON retired_runs (ended_us, run_id) WHERE archived_us IS NULL;
CREATE INDEX retired_runs_hidden ON retired_runs (archived_us, run_id) WHERE archived_us IS NOT NULL AND removed_us IS NULL;
CREATE INDEX retired_runs_removed ON retired_runs (removed_us, run_id) WHERE removed_us IS NOT NULL;

-- Which runs ended longest ago. Codes from 5 on are the states of a run that has ended; it gets its entry when it does.
CREATE INDEX runs_ended ON runs (ended_us, stream_id) WHERE status >= 5;

-- A steady load that is removed as fast as it comes leaves as many dead rows as live ones within one --retain. PostgreSQL's default vacuums a table when a
-- fifth of it is dead, which for a history of ten million tasks is two million rows, in one go. These are vacuumed at a fiftieth: more often,
-- each time less, and what was removed is room for what comes. The small tables (wakes, grants, writers, leader) stay at the default.
ALTER TABLE tasks SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.1);
ALTER TABLE events SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.1);
ALTER TABLE attempts SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
ALTER TABLE steps SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE streams SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE runs SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE run_tags SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
