-- Schema version 2: old runs are archived and removed.

-- A run that is closed (it takes nothing any more), then archived (its rows are hidden), then removed: from then on this and the head of its
-- stream are its tombstone, which says where the archive lies and keeps its id from starting again.
CREATE TABLE retired_runs (
    run_id      INTEGER PRIMARY KEY,
    ns          TEXT    NOT NULL,
    run         TEXT    NOT NULL,
    flow        TEXT    NOT NULL,
    deployment  INTEGER NOT NULL,
    status      INTEGER NOT NULL CONSTRAINT retired_runs_have_ended CHECK (status BETWEEN 5 AND 7),
    created_us  INTEGER NOT NULL,
    ended_us    INTEGER NOT NULL,
    archive     TEXT    CONSTRAINT retired_runs_archive_is_named CHECK ((archive IS NULL) = (archived_us IS NULL)),
    archived_us INTEGER,
    removed_us  INTEGER CONSTRAINT retired_runs_remove_what_is_archived CHECK (removed_us IS NULL OR archived_us IS NOT NULL)
);
-- What each round begins with. The first two hold what is under way, and are nearly always empty.
CREATE INDEX retired_runs_closed ON retired_runs (ended_us) WHERE archived_us IS NULL;
CREATE INDEX retired_runs_hidden ON retired_runs (archived_us) WHERE archived_us IS NOT NULL AND removed_us IS NULL;
CREATE INDEX retired_runs_removed ON retired_runs (removed_us) WHERE removed_us IS NOT NULL;

-- Which runs ended longest ago. Codes from 5 on are the states of a run that has ended; it gets its entry when it does.
CREATE INDEX runs_ended ON runs (ended_us) WHERE status >= 5;
