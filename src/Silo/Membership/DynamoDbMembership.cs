using System.Globalization;
using Amazon.DynamoDBv2;
using Amazon.DynamoDBv2.Model;
using Fanfare.Cli.Hosting;
using Orleans.Runtime;

namespace Fanfare.Silo.Membership;

/// <summary>Membership of the silos in a table of DynamoDB, which is made where it is not there. A cluster is one item: its version, and a map of its silos. So a change of a silo and of the version is one update, under the condition
/// that the version is the one that the change was decided on, and a read sees all at one time. An item's bound of 400 KB does for a thousand silos. Orleans' own provider is no dependency since it cannot be had everywhere this is built.</summary>
internal sealed class DynamoDbMembership : IMembershipTable, IDisposable
{
    private const string ClusterKey = "cluster", Version = "version", Silos = "silos";

    /// <summary>The longest that a new table may take to be ready.</summary>
    private static readonly TimeSpan _readyWithin = TimeSpan.FromMinutes(1), _look = TimeSpan.FromMilliseconds(500);

    private static readonly Dictionary<string, string> _names = new() { ["#version"] = Version, ["#silos"] = Silos };

    private readonly AmazonDynamoDBClient _client;
    private readonly string _table, _cluster;
    private readonly TimeProvider _clock;

    public DynamoDbMembership(MembershipPlace place, string cluster, TimeProvider clock)
    {
        (_table, _cluster, _clock) = (place.Table!, cluster, clock);
        var config = new AmazonDynamoDBConfig();
        if (place.Endpoint is { } endpoint) config.ServiceURL = endpoint.ToString();
        _client = new AmazonDynamoDBClient(config);
    }

    public void Dispose() => _client.Dispose();

    public async Task InitializeMembershipTable(bool tryInitTableVersion)
    {
        await MakeTableAsync();
        if (!tryInitTableVersion) return;
        try
        {
            await _client.PutItemAsync(new PutItemRequest
            {
                TableName = _table,
                Item = new() { [ClusterKey] = new(_cluster), [Version] = Number(0), [Silos] = new AttributeValue { M = [], IsMSet = true } },
                ConditionExpression = $"attribute_not_exists({Version})",
            });
        }
        catch (ConditionalCheckFailedException)
        {
            // Another silo was first.
        }
    }

    public async Task<MembershipTableData> ReadAll()
    {
        var read = await _client.GetItemAsync(new GetItemRequest { TableName = _table, Key = Key, ConsistentRead = true });
        if (read.Item is not { Count: > 0 } item) return new MembershipTableData([], VersionOf(0));
        return new MembershipTableData([.. (item[Silos].M ?? []).Select(silo => Tuple.Create(Entry(silo.Key, silo.Value.M), silo.Value.M[Version].N))], VersionOf(Number(item[Version])));
    }

    public async Task<MembershipTableData> ReadRow(SiloAddress key)
    {
        var all = await ReadAll();
        return new MembershipTableData([.. all.Members.Where(silo => silo.Item1.SiloAddress.Equals(key))], all.Version);
    }

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => WriteAsync(entry, tableVersion, "attribute_not_exists(#silos.#silo)", null);

    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) => WriteAsync(entry, tableVersion, "#silos.#silo.#version = :etag", etag);

    public async Task UpdateIAmAlive(MembershipEntry entry)
    {
        try
        {
            await _client.UpdateItemAsync(new UpdateItemRequest
            {
                TableName = _table,
                Key = Key,
                UpdateExpression = "SET #silos.#silo.alive_at = :now",
                ConditionExpression = "attribute_exists(#silos.#silo)",
                ExpressionAttributeNames = new() { ["#silos"] = Silos, ["#silo"] = entry.SiloAddress.ToParsableString() },
                ExpressionAttributeValues = new() { [":now"] = Time(entry.IAmAliveTime) },
            });
        }
        catch (ConditionalCheckFailedException)
        {
            // It was removed, which it will read.
        }
    }

    public Task DeleteMembershipTableEntries(string clusterId) => _client.DeleteItemAsync(_table, Key);

    public async Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate)
    {
        foreach (var (entry, _) in (await ReadAll()).Members.Where(silo => silo.Item1.Status != SiloStatus.Active && silo.Item1.IAmAliveTime < beforeDate.UtcDateTime && silo.Item1.StartTime < beforeDate.UtcDateTime))
        {
            await _client.UpdateItemAsync(new UpdateItemRequest
            {
                TableName = _table,
                Key = Key,
                UpdateExpression = "REMOVE #silos.#silo",
                ExpressionAttributeNames = new() { ["#silos"] = Silos, ["#silo"] = entry.SiloAddress.ToParsableString() },
            });
        }
    }

    private Dictionary<string, AttributeValue> Key => new() { [ClusterKey] = new(_cluster) };

    private async Task MakeTableAsync()
    {
        try
        {
            await _client.CreateTableAsync(new CreateTableRequest
            {
                TableName = _table,
                KeySchema = [new KeySchemaElement(ClusterKey, KeyType.HASH)],
                AttributeDefinitions = [new AttributeDefinition(ClusterKey, ScalarAttributeType.S)],
                BillingMode = BillingMode.PAY_PER_REQUEST,
            });
        }
        catch (ResourceInUseException)
        {
            // It is there.
        }
        catch (AmazonDynamoDBException denied) when (denied.ErrorCode is "AccessDeniedException")
        {
            // Who may not make a table may still use one; if there is none, the look below says so.
        }
        for (var since = _clock.GetTimestamp(); (await _client.DescribeTableAsync(_table)).Table.TableStatus != TableStatus.ACTIVE; await Task.Delay(_look, _clock))
            if (_clock.GetElapsedTime(since) > _readyWithin) throw new OrleansException($"DynamoDB's table {_table} is not ready after {_readyWithin.TotalSeconds:0} s.");
    }

    private async Task<bool> WriteAsync(MembershipEntry entry, TableVersion next, string condition, string? etag)
    {
        var update = new UpdateItemRequest
        {
            TableName = _table,
            Key = Key,
            UpdateExpression = "SET #version = :next, #silos.#silo = :silo",
            ConditionExpression = $"#version = :seen AND {condition}",
            ExpressionAttributeNames = new(_names) { ["#silo"] = entry.SiloAddress.ToParsableString() },
            ExpressionAttributeValues = new() { [":next"] = Number(next.Version), [":seen"] = new AttributeValue { N = next.VersionEtag }, [":silo"] = new AttributeValue { M = Item(entry, next.Version) } },
        };
        if (etag is not null) update.ExpressionAttributeValues[":etag"] = new AttributeValue { N = etag };
        try
        {
            await _client.UpdateItemAsync(update);
            return true;
        }
        catch (ConditionalCheckFailedException)
        {
            // Another silo changed something first: Orleans reads again.
            return false;
        }
    }

    private static Dictionary<string, AttributeValue> Item(MembershipEntry entry, int version)
    {
        var item = new Dictionary<string, AttributeValue>
        {
            [Version] = Number(version),
            ["status"] = Number((int)entry.Status),
            ["host"] = new(entry.HostName),
            ["name"] = new(entry.SiloName),
            ["gateway_port"] = Number(entry.ProxyPort),
            ["started_at"] = Time(entry.StartTime),
            ["alive_at"] = Time(entry.IAmAliveTime),
        };
        if (entry.SuspectTimes is { Count: > 0 } suspected)
            item["suspected"] = new AttributeValue { L = [.. suspected.Select(by => new AttributeValue { M = new() { ["by"] = new(by.Item1.ToParsableString()), ["at"] = Time(by.Item2) } })] };
        return item;
    }

    private static MembershipEntry Entry(string silo, Dictionary<string, AttributeValue> item) => new()
    {
        SiloAddress = SiloAddress.FromParsableString(silo),
        Status = (SiloStatus)Number(item["status"]),
        HostName = item["host"].S,
        SiloName = item["name"].S,
        ProxyPort = Number(item["gateway_port"]),
        StartTime = Time(item["started_at"]),
        IAmAliveTime = Time(item["alive_at"]),
        SuspectTimes = item.TryGetValue("suspected", out var suspected) ? [.. suspected.L.Select(by => Tuple.Create(SiloAddress.FromParsableString(by.M["by"].S), Time(by.M["at"])))] : [],
    };

    private static TableVersion VersionOf(int version) => new(version, version.ToString(CultureInfo.InvariantCulture));

    private static AttributeValue Number(int value) => new() { N = value.ToString(CultureInfo.InvariantCulture) };

    private static int Number(AttributeValue value) => int.Parse(value.N, CultureInfo.InvariantCulture);

    private static AttributeValue Time(DateTime value) => new(value.ToUniversalTime().ToString("O", CultureInfo.InvariantCulture));

    private static DateTime Time(AttributeValue value) => DateTime.Parse(value.S, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind);
}
