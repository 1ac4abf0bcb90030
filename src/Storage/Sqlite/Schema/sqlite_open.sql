-- What opening a journal runs, once.

-- name: tables
SELECT count(*) FROM sqlite_master WHERE type = 'table';

-- name: has_schema_version
SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_version';

-- name: create_schema_version
-- One row for each migration that ran. Any release reads this table before all others, so it never changes.
CREATE TABLE schema_version (
    version    INTEGER PRIMARY KEY,
    applied_us INTEGER NOT NULL
);

-- name: schema_version
SELECT coalesce(max(version), 0) FROM schema_version;

-- name: add_schema_version
INSERT INTO schema_version (version, applied_us) VALUES (?1, ?2);

-- name: has_journal
SELECT count(*) FROM journal;

-- name: add_journal
INSERT INTO journal (only_row, incarnation, term, format, batch, position) VALUES (1, ?1, 0, ?2, 0, 0);

-- name: format
SELECT format FROM journal;

-- name: raise_term
-- From here on, every append of an earlier server is fenced. A newer release also leaves its mark in the format.
UPDATE journal SET term = term + 1, format = max(format, ?1);

-- name: renew
UPDATE journal SET incarnation = ?1;

-- name: journal
SELECT incarnation, term, batch, position FROM journal;

-- name: last_event
SELECT coalesce(max(position), 0) FROM events;
