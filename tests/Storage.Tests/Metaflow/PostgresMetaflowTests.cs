using Fanfare.Contracts;
using Fanfare.Postgres;

namespace Fanfare.Storage.Tests.Metaflow;

[NeedsPostgres]
public sealed class PostgresMetaflowTests(SharedPostgres shared) : MetaflowConformance, IClassFixture<SharedPostgres>
{
    private readonly string _database = shared.NewSchema();

    protected override async Task<IMetaflowStore> OpenAsync() => await PostgresMetaflow.OpenAsync(_database, TimeProvider.System);

    [PostgresFact]
    public async Task ServersThatWriteTheSameAtOnce_MakeItOnce()
    {
        await using var other = await OpenAsync();
        await using var third = await OpenAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => new[] { other, third }[i % 2].AddAsync(new NewMetaflowFlow($"F{i * 7 % 10}", "me", "[]", "[]"), default)));

        Assert.Equal(10, answers.Count(answer => answer.Outcome == MetaflowOutcome.Done));
        Assert.Equal(50, answers.Count(answer => answer.Outcome == MetaflowOutcome.Exists));
    }
}
