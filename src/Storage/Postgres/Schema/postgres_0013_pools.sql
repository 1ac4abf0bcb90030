-- Schema version 13: pools of machines; how each is, as JSON. Releases that know nothing of them go on using the schema: as long as one of them takes part, no pool is made.

CREATE TABLE pools (
    name     text COLLATE "C" NOT NULL PRIMARY KEY,
    standing text NOT NULL
);
