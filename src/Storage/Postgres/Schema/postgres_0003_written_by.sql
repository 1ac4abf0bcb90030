-- The transaction that took the journal over last. The row was written by it and by nothing else, as its xmin says, unless somebody has put the row there anew: a restore from a dump.
-- Null until the next takeover.
ALTER TABLE journal ADD COLUMN written_by bigint;
