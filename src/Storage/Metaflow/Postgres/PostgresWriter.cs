using System.Diagnostics;
using Fanfare.Contracts;
using Fanfare.Storage.Postgres;
using Npgsql;

namespace Fanfare.Storage.Metaflow.Postgres;

/// <summary>Commits batches over one connection, which is made anew when it breaks. What fails for a reason that passes is tried again for some seconds. A commit that was not answered may have held: then a name
/// that is made again is there already, which callers look for anyway, and metadata is there twice, of which the newest counts.</summary>
internal sealed class PostgresWriter(NpgsqlDataSource source) : IAsyncDisposable
{
    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(20), _longestPause = TimeSpan.FromSeconds(1), _patience = TimeSpan.FromSeconds(5);

    private NpgsqlConnection? _connection;

    public async Task CommitAsync(IReadOnlyList<Write> batch)
    {
        var started = Stopwatch.GetTimestamp();
        for (var pause = _firstPause; ; pause = pause * 2 < _longestPause ? pause * 2 : _longestPause)
        {
            try
            {
                _connection ??= await source.ConnectAsync(CancellationToken.None).ConfigureAwait(false);
                await PostgresBatch.CommitAsync(_connection, batch).ConfigureAwait(false);
                return;
            }
            catch (Exception error) when (IsPassing(error))
            {
                await ForgetAsync().ConfigureAwait(false);
                if (Stopwatch.GetElapsedTime(started) + pause >= _patience) throw new RefusedException(RefusalKind.Busy, "FAN0008", Trouble(error));
            }
            catch (PostgresException refused) when (batch.Count == 1 && refused.SqlState is ['2', '2', ..] or ['5', '4', ..])
            {
                throw new RefusedException(RefusalKind.Invalid, "FAN0001", $"The database cannot hold the values: {refused.MessageText}.");
            }
            await Task.Delay(pause).ConfigureAwait(false);
        }
    }

    public ValueTask DisposeAsync() => ForgetAsync();

    // Another server that writes the same names in another order, as well as a database that is away.
    private static bool IsPassing(Exception error) => PostgresFailure.IsEnvironment(error) || error is PostgresException { SqlState: ['4', '0', ..] };

    private string Trouble(Exception error) => PostgresFailure.CannotReach(error, PostgresFailure.Place(source)["database ".Length..]);

    private async ValueTask ForgetAsync()
    {
        if (_connection is not { } connection) return;
        _connection = null;
        await connection.DisposeAsync().ConfigureAwait(false);
    }
}
