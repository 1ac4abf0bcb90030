using System.Diagnostics;
using System.Text.Json;

namespace Fanfare.EndToEnd.Metrics;

/// <summary>Prometheus' own programs: what they take, Prometheus takes.</summary>
internal static class Prometheus
{
    private static readonly Lazy<(string? Folder, string? Refusal)> _found = new(Look);

    /// <summary>Why they cannot be had here; null when they can.</summary>
    public static string? Refusal => _found.Value.Refusal;

    public static string Program(string name) => Path.Combine(_found.Value.Folder ?? throw new InvalidOperationException(Refusal), name);

    /// <summary>Runs a program to its end.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string program, string input, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync().WaitAsync(Eventually.Limit);
        return (process.ExitCode, await output + await error);
    }

    private static (string? Folder, string? Refusal) Look()
    {
        if (!OperatingSystem.IsLinux()) return (null, "The tests start Prometheus on Linux only.");
        if (Find() is { } there) return (there, null);
        var error = Install();
        return Find() is { } installed ? (installed, null) : (null, $"Prometheus is not installed{(error is null ? "" : $" and could not be: {error}")} (Debian: apt-get install prometheus)");
    }

    private static string? Find() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
        .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "promtool")) && File.Exists(Path.Combine(folder, "prometheus")));

    // As root, with the system's own package, which else would start a server of its own.
    private static string? Install()
    {
        if (!Environment.IsPrivilegedProcess || !File.Exists("/usr/bin/apt-get")) return null;
        const string script = """
            export DEBIAN_FRONTEND=noninteractive
            install() { apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends prometheus; }
            made=
            if [ ! -e /usr/sbin/policy-rc.d ]; then printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; made=1; fi
            install || { apt-get -qq -o DPkg::Lock::Timeout=120 update; install; }
            status=$?
            [ -z "$made" ] || rm -f /usr/sbin/policy-rc.d
            exit $status
            """;
        using var process = Process.Start(new ProcessStartInfo("timeout", ["300", "sh", "-c", script]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? null : string.Join(' ', error.GetAwaiter().GetResult().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).TakeLast(3));
    }
}

/// <summary>A test that needs Prometheus' programs; skipped by name where they cannot be had.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PrometheusFactAttribute : FactAttribute
{
    public PrometheusFactAttribute() => Skip = Prometheus.Refusal;
}

/// <summary>A Prometheus that scrapes servers every 200 ms.</summary>
internal sealed class RunningPrometheus : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("fanfare-prometheus-").FullName;
    private readonly Process _process;
    private readonly HttpClient _http;

    public RunningPrometheus(string target)
        : this([target], "groups: []")
    {
    }

    /// <param name="rules">File of rules, which are evaluated every second.</param>
    public RunningPrometheus(IReadOnlyList<string> targets, string rules)
    {
        File.WriteAllText(Path.Combine(_home, "rules.yml"), rules);
        File.WriteAllText(Path.Combine(_home, "prometheus.yml"), $$"""
            global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 1s}
            rule_files: [rules.yml]
            scrape_configs:
              - job_name: fanfare
                static_configs: [{targets: {{JsonSerializer.Serialize(targets)}}}]
            """);
        var port = Api.FreePort();
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        _process = Process.Start(new ProcessStartInfo(Prometheus.Program("prometheus"), [
            $"--config.file={_home}/prometheus.yml", $"--storage.tsdb.path={_home}/data", $"--web.listen-address=127.0.0.1:{port}", "--log.level=error"])
        { RedirectStandardOutput = true, RedirectStandardError = true })!;
    }

    /// <summary>Waits until an expression has a value that is so; says what went wrong with the scrapes when it does not come.</summary>
    public async Task<double> ValueAsync(string expression, Func<double, bool> isSo)
    {
        var last = "nothing";
        try
        {
            var found = await Eventually.GetAsync(async () =>
            {
                if (await AskAsync($"/api/v1/query?query={Uri.EscapeDataString(expression)}") is not { } answer) return null;
                last = answer.GetRawText();
                return answer.GetProperty("result").EnumerateArray().Select(series => series.GetProperty("value")[1].GetString()!).FirstOrDefault(value => isSo(double.Parse(value, System.Globalization.CultureInfo.InvariantCulture)));
            }, expression);
            return double.Parse(found, System.Globalization.CultureInfo.InvariantCulture);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} It was {last}. Targets: {await AskAsync("/api/v1/targets")}");
        }
    }

    /// <summary>Whether an expression has a value now, whatever it is.</summary>
    public async Task<bool> HasSeriesAsync(string expression) =>
        await AskAsync($"/api/v1/query?query={Uri.EscapeDataString(expression)}") is { } answer && answer.GetProperty("result").GetArrayLength() > 0;

    public async Task<JsonElement> MetadataAsync(string metric) => (await AskAsync($"/api/v1/metadata?metric={metric}"))!.Value.GetProperty(metric)[0];

    /// <summary>Waits until an alert fires.</summary>
    /// <param name="label">One that it has to have; null for any.</param>
    public Task FiringAsync(string alert, (string Name, string Value)? label = null) => AlertsAsync(alert, label, state => state == "firing", "fires");

    /// <summary>Waits until an alert has been evaluated and does not fire.</summary>
    public Task NotFiringAsync(string alert, (string Name, string Value)? label = null) => AlertsAsync(alert, label, state => state != "firing", "fires no more");

    private async Task AlertsAsync(string alert, (string Name, string Value)? label, Func<string, bool> isSo, string what)
    {
        try
        {
            await Eventually.TrueAsync(async () => await StateAsync() is { } state && isSo(state), $"That {alert} {what}");
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} Alerts: {await AskAsync("/api/v1/alerts")}. Rules: {await AskAsync("/api/v1/rules")}");
        }

        // Firing, pending, inactive; null while the rules have not been evaluated.
        async Task<string?> StateAsync()
        {
            if (await AskAsync("/api/v1/rules") is not { } rules) return null;
            var rule = rules.GetProperty("groups").EnumerateArray().SelectMany(group => group.GetProperty("rules").EnumerateArray()).First(rule => rule.GetProperty("name").GetString() == alert);
            if (rule.GetProperty("health").GetString() != "ok") return null;
            return rule.GetProperty("alerts").EnumerateArray().Where(found => label is not { } one || (found.GetProperty("labels").TryGetProperty(one.Name, out var value) && value.GetString() == one.Value))
                .Select(found => found.GetProperty("state").GetString()).Order(StringComparer.Ordinal).FirstOrDefault() ?? "inactive";
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_home, recursive: true);
    }

    private async Task<JsonElement?> AskAsync(string path)
    {
        try
        {
            using var answer = await _http.GetAsync(path);
            return answer.IsSuccessStatusCode ? JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("data") : null;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}
