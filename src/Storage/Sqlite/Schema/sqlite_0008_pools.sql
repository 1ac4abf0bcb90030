-- Schema version 8: pools of machines; how each is, as JSON.

CREATE TABLE pools (
    name     TEXT NOT NULL PRIMARY KEY,
    standing TEXT NOT NULL
) WITHOUT ROWID;
