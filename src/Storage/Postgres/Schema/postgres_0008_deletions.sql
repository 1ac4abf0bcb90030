-- Flows are deleted. Releases that know nothing of it go on using the schema: as long as one of them takes part, no flow is.

-- When the deployment's flow was deleted. The row stays: runs have it.
ALTER TABLE deployments ADD COLUMN deleted_us bigint;
-- What is listed, and started.
CREATE UNIQUE INDEX deployments_there ON deployments (ns, flow, version) WHERE deleted_us IS NULL;
