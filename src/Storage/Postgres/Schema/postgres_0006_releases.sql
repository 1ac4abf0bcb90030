-- Servers of two releases share the database while one after another is replaced, and one may have to go back. So a migration tells which release can still use the schema after it.
CREATE TABLE schema_oldest (
    only_row smallint NOT NULL DEFAULT 1 PRIMARY KEY CHECK (only_row = 1),
    -- The schema version that the oldest such release makes. A migration that older ones can live with leaves it as it is; any other raises it.
    version  integer  NOT NULL
);

INSERT INTO schema_oldest (version) VALUES (6);
