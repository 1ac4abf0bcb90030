-- Schema version 3: flows are deleted.

-- When the deployment's flow was deleted. The row stays: runs have it.
ALTER TABLE deployments ADD COLUMN deleted_us INTEGER;
-- What is listed, and started.
CREATE UNIQUE INDEX deployments_there ON deployments (ns, flow, version) WHERE deleted_us IS NULL;
