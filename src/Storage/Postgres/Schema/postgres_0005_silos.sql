-- Membership of the Orleans silos of a cluster. Orleans' ADO.NET provider keeps it by statements that it finds in the table orleansquery under names of its own;
-- names of parameters and columns are what it asks for.

-- Raised with every change of a cluster's silos: who changes one must have seen the last change.
CREATE TABLE silos_version (
    deploymentid text        PRIMARY KEY,
    version      integer     NOT NULL DEFAULT 0,
    changed_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE silos (
    deploymentid text        NOT NULL REFERENCES silos_version,
    address      text        NOT NULL,
    port         integer     NOT NULL,
    -- Tells the starts of a silo at one address apart.
    generation   integer     NOT NULL,
    siloname     text        NOT NULL,
    hostname     text        NOT NULL,
    status       integer     NOT NULL,
    proxyport    integer,
    suspecttimes text,
    starttime    timestamptz NOT NULL,
    iamalivetime timestamptz NOT NULL,
    PRIMARY KEY (deploymentid, address, port, generation)
);

CREATE TABLE orleansquery (
    querykey  text PRIMARY KEY,
    querytext text NOT NULL
);

INSERT INTO orleansquery (querykey, querytext) VALUES
('InsertMembershipVersionKey', '
WITH added AS (INSERT INTO silos_version (deploymentid) VALUES (@DeploymentId) ON CONFLICT DO NOTHING RETURNING 1)
SELECT count(*)::integer FROM added'),

('InsertMembershipKey', '
WITH raised AS (
    UPDATE silos_version v SET version = version + 1, changed_at = now()
    WHERE v.deploymentid = @DeploymentId AND v.version = @Version
        AND NOT EXISTS (SELECT FROM silos WHERE deploymentid = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation)
    RETURNING 1
), added AS (
    INSERT INTO silos (deploymentid, address, port, generation, siloname, hostname, status, proxyport, starttime, iamalivetime)
    SELECT @DeploymentId, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime FROM raised
    RETURNING 1
)
SELECT count(*)::integer FROM added'),

('UpdateMembershipKey', '
WITH raised AS (
    UPDATE silos_version v SET version = version + 1, changed_at = now()
    WHERE v.deploymentid = @DeploymentId AND v.version = @Version
        AND EXISTS (SELECT FROM silos WHERE deploymentid = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation)
    RETURNING 1
), changed AS (
    UPDATE silos SET status = @Status, suspecttimes = @SuspectTimes, iamalivetime = @IAmAliveTime
    WHERE deploymentid = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation AND EXISTS (SELECT FROM raised)
    RETURNING 1
)
SELECT count(*)::integer FROM changed'),

('UpdateIAmAlivetimeKey', '
UPDATE silos SET iamalivetime = @IAmAliveTime
WHERE deploymentid = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation'),

-- The version comes with or without a silo.
('MembershipReadRowKey', '
SELECT v.deploymentid, s.address, s.port, s.generation, s.siloname, s.hostname, s.status, s.proxyport, s.suspecttimes, s.starttime, s.iamalivetime, v.version
FROM silos_version v LEFT JOIN silos s ON s.deploymentid = v.deploymentid AND s.address = @Address AND s.port = @Port AND s.generation = @Generation
WHERE v.deploymentid = @DeploymentId'),

('MembershipReadAllKey', '
SELECT v.deploymentid, s.address, s.port, s.generation, s.siloname, s.hostname, s.status, s.proxyport, s.suspecttimes, s.starttime, s.iamalivetime, v.version
FROM silos_version v LEFT JOIN silos s ON s.deploymentid = v.deploymentid
WHERE v.deploymentid = @DeploymentId'),

('DeleteMembershipTableEntriesKey', '
WITH gone AS (DELETE FROM silos WHERE deploymentid = @DeploymentId)
DELETE FROM silos_version WHERE deploymentid = @DeploymentId'),

-- 3 is the status of a silo that takes part.
('CleanupDefunctSiloEntriesKey', '
DELETE FROM silos WHERE deploymentid = @DeploymentId AND iamalivetime < @IAmAliveTime AND status <> 3'),

('GatewaysQueryKey', '
SELECT address, proxyport, generation FROM silos WHERE deploymentid = @DeploymentId AND status = @Status AND proxyport > 0');
