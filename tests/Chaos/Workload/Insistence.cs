using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

namespace Fanfare.Chaos.Workload;

/// <summary>A client that asks until it is answered: what every program that relies on a scheduler has to be.</summary>
internal sealed class Insistence(int port) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5), Pause = TimeSpan.FromMilliseconds(150);

    private readonly HttpClient _http = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2) })
    {
        BaseAddress = new Uri($"http://127.0.0.1:{port}"),
        Timeout = Patience,
    };

    private readonly List<string> _defects = [];

    /// <summary>Answers that a server never may give: 500.</summary>
    public IReadOnlyList<string> Defects
    {
        get
        {
            lock (_defects) return [.. _defects];
        }
    }

    /// <summary>How often it had to ask again.</summary>
    public int Repeats { get; private set; }

    /// <summary>An answer that says yes or no; all others are asked for again.</summary>
    public async Task<(int Status, string Body)> AskAsync(HttpMethod method, string path, object? body, CancellationToken cancel)
    {
        for (; ; Repeats++)
        {
            try
            {
                using var request = new HttpRequestMessage(method, path);
                if (body is not null) request.Content = JsonContent.Create(body);
                using var answer = await _http.SendAsync(request, cancel);
                var (status, text) = ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(cancel));
                if (status == 500) Note($"{method} {path}: {text}");
                if (status is < 500 and not (408 or 429)) return (status, text);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or SocketException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                // Cut off, refused, or too slow: whether it was done is unknown, so it is asked again.
            }
            await Task.Delay(Pause, cancel);
        }
    }

    public async Task<T> AskAsync<T>(HttpMethod method, string path, object? body, CancellationToken cancel)
    {
        var (status, text) = await AskAsync(method, path, body, cancel);
        if (status >= 300) throw new InvalidOperationException($"{method} {path}: {status}\n{text}");
        return (T)JsonSerializer.Deserialize(text, ContractsJson.Default.GetTypeInfo(typeof(T))!)!;
    }

    /// <summary>All pages of a listing; <paramref name="path"/> ends in its query.</summary>
    public async Task<List<T>> ListAsync<T>(string path, CancellationToken cancel)
    {
        var items = new List<T>();
        for (string? cursor = null; ;)
        {
            var page = await AskAsync<ListResponse<T>>(HttpMethod.Get, cursor is null ? path : $"{path}&cursor={Uri.EscapeDataString(cursor)}", null, cancel);
            items.AddRange(page.Items);
            if (page.Next is null || page.Items.Count == 0) return items;
            cursor = page.Next;
        }
    }

    public void Dispose() => _http.Dispose();

    private void Note(string defect)
    {
        lock (_defects) _defects.Add(defect);
    }
}
