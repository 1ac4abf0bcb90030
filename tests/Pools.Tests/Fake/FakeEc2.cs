using System.Globalization;
using System.Net;
using System.Text;
using System.Xml.Linq;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fanfare.Pools.Tests.Fake;

/// <summary>What goes wrong with a request. Some of it before the work is done, some after.</summary>
internal enum Trouble { None, Throttled, Error500, Error503WithoutBody, Hang, CutBefore, CutAfter, GarbageAfter, DoctypeAfter, SlowAfter, Redirect }

/// <summary>A request as it came.</summary>
internal sealed record Asked(string Action, IReadOnlyDictionary<string, string> Fields, string Session)
{
    /// <summary>Its parameters in the order of their names, one a line.</summary>
    public string Sorted => string.Concat(Fields.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key}={f.Value}\n"));
}

/// <summary>EC2 on this machine, as far as pools go: it checks signatures, keeps what it makes, and fails as it is told to.</summary>
internal sealed partial class FakeEc2 : IAsyncDisposable
{
    private static readonly XNamespace Ns = "http://ec2.amazonaws.com/doc/2016-11-15/";

    private readonly WebApplication _app;
    private readonly Lock _lock = new();
    private readonly List<Asked> _asked = [];
    private readonly Dictionary<string, Queue<object>> _troubles = [];

    private readonly TaskCompletionSource _slow = new(TaskCreationOptions.RunContinuationsAsynchronously), _hurry = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private FakeEc2(WebApplication app) => _app = app;

    public Uri Url => new(_app.Urls.Single());

    public IReadOnlyList<Asked> Asked
    {
        get
        {
            lock (_lock) return [.. _asked];
        }
    }

    /// <summary>Items in a page, whatever is asked for.</summary>
    public int PageSize { get; set; } = 1000;

    /// <summary>Is over when a request that is slow has done its work.</summary>
    public Task Slow => _slow.Task;

    /// <summary>Lets slow requests be answered.</summary>
    public void Hurry() => _hurry.TrySetResult();

    public static async Task<FakeEc2> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var fake = new FakeEc2(app);
        app.Run(fake.TakeAsync);
        await app.StartAsync();
        return fake;
    }

    /// <summary>What the next requests for an action meet, one after the other.</summary>
    public void Next(string action, params Trouble[] troubles)
    {
        lock (_lock)
            foreach (var trouble in troubles) Queue(action).Enqueue(trouble);
    }

    /// <summary>The next request for an action is refused as a whole, and nothing is done.</summary>
    public void NextRefusal(string action, int status, string code, string message = "No.")
    {
        lock (_lock) Queue(action).Enqueue((status, code, message));
    }

    /// <summary>How often an action was asked for.</summary>
    public int Count(string action) => Asked.Count(a => a.Action == action);

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private Queue<object> Queue(string action) => _troubles.TryGetValue(action, out var queue) ? queue : _troubles[action] = new();

    private async Task TakeAsync(HttpContext http)
    {
        using var buffer = new MemoryStream();
        await http.Request.Body.CopyToAsync(buffer);
        var body = buffer.ToArray();
        var fields = Encoding.UTF8.GetString(body).Split('&').Select(f => f.Split('=', 2)).ToDictionary(f => WebUtility.UrlDecode(f[0]), f => WebUtility.UrlDecode(f[1]));
        var action = fields["Action"];
        object trouble;
        lock (_lock)
        {
            _asked.Add(new Asked(action, fields, http.Request.Headers["X-Amz-Security-Token"].ToString()));
            trouble = Queue(action).TryDequeue(out var next) ? next : Trouble.None;
        }
        if (Signature.Fault(http.Request, body) is { } fault) await RefuseAsync(http, 403, "SignatureDoesNotMatch", fault);
        else if (fields["Version"] != "2016-11-15" || http.Request.Method != "POST" || http.Request.ContentType?.StartsWith("application/x-www-form-urlencoded", StringComparison.Ordinal) != true) await RefuseAsync(http, 400, "InvalidRequest", "That is no request of version 2016-11-15.");
        else if (trouble is (int status, string code, string message)) await RefuseAsync(http, status, code, message);
        else await AnswerAsync(http, action, fields, (Trouble)trouble);
    }

    private async Task AnswerAsync(HttpContext http, string action, Dictionary<string, string> fields, Trouble trouble)
    {
        switch (trouble)
        {
            case Trouble.Throttled: await RefuseAsync(http, 503, "RequestLimitExceeded", "Request limit exceeded."); return;
            case Trouble.Error500: await RefuseAsync(http, 500, "InternalError", "An internal error has occurred."); return;
            case Trouble.Error503WithoutBody: http.Response.StatusCode = 503; return;
            case Trouble.Hang: await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default); return;
            case Trouble.CutBefore: http.Abort(); return;
            case Trouble.Redirect: (http.Response.StatusCode, http.Response.Headers.Location) = (307, "/elsewhere"); return;
        }
        XElement content;
        try
        {
            lock (_lock) content = Do(action, fields);
        }
        catch (RefusedException refused)
        {
            await RefuseAsync(http, refused.Status, refused.Code, refused.Message);
            return;
        }
        if (trouble == Trouble.SlowAfter)
        {
            _slow.TrySetResult();
            await _hurry.Task.WaitAsync(http.RequestAborted);
        }
        http.Response.ContentType = "text/xml;charset=UTF-8";
        switch (trouble)
        {
            case Trouble.CutAfter: http.Abort(); break;
            case Trouble.GarbageAfter: await http.Response.WriteAsync("<html>half a pa"); break;
            case Trouble.DoctypeAfter: await http.Response.WriteAsync($"<!DOCTYPE a [<!ENTITY b 'c'>]>\n{content}"); break;
            default: await http.Response.WriteAsync($"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{content}"); break;
        }
    }

    private static Task RefuseAsync(HttpContext http, int status, string code, string message)
    {
        http.Response.StatusCode = status;
        return http.Response.WriteAsync(new XElement("Response", new XElement("Errors", new XElement("Error", new XElement("Code", code), new XElement("Message", message))), new XElement("RequestID", "59dbff89-35bd-4eac-99ed-be587EXAMPLE")).ToString());
    }

    private XElement Do(string action, Dictionary<string, string> fields) => new(Ns + (action + "Response"), new XElement(Ns + "requestId", "59dbff89-35bd-4eac-99ed-be587EXAMPLE"), action switch
    {
        "CreateFleet" => CreateFleet(fields),
        "DescribeInstances" => DescribeInstances(fields),
        "TerminateInstances" => Terminate(fields),
        "CreateTags" => CreateTags(fields),
        "DescribeSpotPriceHistory" => Page(fields, "spotPriceHistorySet", Prices.Where(p => List(fields, "InstanceType").Contains(p.Type)).Select(Price)),
        "DescribeInstanceTypes" => Page(fields, "instanceTypeSet", Types.Where(t => Filter(fields, "instance-type")!.Contains(t.Name)).Select(Type)),
        _ => throw new RefusedException(400, "InvalidAction", $"There is no {action}."),
    });

    /// <summary>A part of the items, and the token for the next one.</summary>
    private object[] Page(Dictionary<string, string> fields, string set, IEnumerable<XElement> items)
    {
        var all = items.ToList();
        var from = fields.TryGetValue("NextToken", out var token) ? int.Parse(token["from-".Length..], CultureInfo.InvariantCulture) : 0;
        var size = Math.Min(PageSize, int.Parse(fields["MaxResults"], CultureInfo.InvariantCulture));
        return [new XElement(Ns + set, all.Skip(from).Take(size)), new XElement(Ns + "nextToken", from + size < all.Count ? $"from-{from + size}" : null)];
    }

    private static List<string> List(Dictionary<string, string> fields, string name) => [.. Enumerable.Range(1, fields.Count).Select(i => fields.GetValueOrDefault($"{name}.{i}")).TakeWhile(v => v is not null).Select(v => v!)];

    private static List<string>? Filter(Dictionary<string, string> fields, string name)
    {
        var number = Enumerable.Range(1, fields.Count).TakeWhile(i => fields.ContainsKey($"Filter.{i}.Name")).FirstOrDefault(i => fields[$"Filter.{i}.Name"] == name);
        return number == 0 ? null : List(fields, $"Filter.{number}.Value");
    }

    private static Dictionary<string, string> Tags(Dictionary<string, string> fields, string name) =>
        Enumerable.Range(1, fields.Count).TakeWhile(i => fields.ContainsKey($"{name}.{i}.Key")).ToDictionary(i => fields[$"{name}.{i}.Key"], i => fields[$"{name}.{i}.Value"]);

    private sealed class RefusedException(int status, string code, string message) : Exception(message)
    {
        public int Status => status;

        public string Code => code;
    }
}
