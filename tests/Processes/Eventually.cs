namespace Fanfare.Processes;

/// <summary>Waits for what another process does.</summary>
public static class Eventually
{
    /// <summary>Long enough for a busy machine; what is waited for takes a fraction of it.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(30);

    /// <summary>The first answer that is not null.</summary>
    public static async Task<T> GetAsync<T>(Func<Task<T?>> ask, string what)
        where T : class
    {
        for (var until = DateTime.UtcNow + Limit; ;)
        {
            if (await ask() is { } answer) return answer;
            if (DateTime.UtcNow > until) throw new TimeoutException($"{what} did not come within {Limit.TotalSeconds} s.");
            await Task.Delay(Look);
        }
    }

    public static Task TrueAsync(Func<Task<bool>> ask, string what) => GetAsync(async () => await ask() ? what : null, what);

    public static Task TrueAsync(Func<bool> ask, string what) => TrueAsync(() => Task.FromResult(ask()), what);

    public static Task FileAsync(string path) => TrueAsync(() => File.Exists(path), $"The file {path}");
}
