using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Fanfare.Gateway;

/// <summary>How lines of a log are written.</summary>
public enum LogForm
{
    /// <summary>For people: the message alone.</summary>
    Text,

    /// <summary>For machines: one JSON object a line.</summary>
    Json,
}

/// <summary>A process's log: what its parts say, by category and level, as lines to an operator and, where the environment names a receiver, by OTLP. Lines are written by a thread of its own, so that who logs never waits for who reads; what is too much for that is dropped and counted.
/// Disposing writes what is left.</summary>
public sealed class ServerLog : ILoggerProvider
{
    private const int MostWaiting = 10_000;

    /// <summary>Longest a stop waits for what is not written yet.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    private static readonly Meter _meter = new(Telemetry.Meter);
    private static readonly Counter<long> _dropped = _meter.CreateCounter<long>("fanfare.log.dropped", "{line}", "Lines of the server's log that were dropped, since they came faster than they could be written.");

    private readonly BlockingCollection<string> _waiting = new(MostWaiting);
    private readonly ConcurrentDictionary<string, ILogger> _loggers = new(StringComparer.Ordinal);
    private readonly Action<string> _write;
    private readonly LogForm _format;
    private readonly TimeProvider _clock;
    private readonly Thread _thread;
    private readonly OtlpLogs? _otlp;

    /// <param name="write">Takes lines, from one thread.</param>
    /// <param name="variable">An environment variable's value; null or empty where it is not set.</param>
    public ServerLog(LogForm format, LogLevels levels, Action<string> write, TimeProvider clock, Func<string, string?> variable)
    {
        (_format, Levels, _write, _clock) = (format, levels, write, clock);
        _otlp = OtlpLogs.Begin(variable);
        levels.Changed += Tell;
        _thread = new Thread(Run) { IsBackground = true, Name = "log" };
        _thread.Start();
    }

    public LogLevels Levels { get; }

    /// <summary>Has every count be seen from now on, at 0 until the first time.</summary>
    internal static void BeginCounts() => _dropped.Add(0);

    public ILogger CreateLogger(string categoryName) => _loggers.GetOrAdd(categoryName, name => new Logger(this, name, _otlp?.CreateLogger(name)));

    /// <summary>Takes lines of a category that say no more than that they are lines.</summary>
    public Action<string> Writer(string category, LogLevel level = LogLevel.Information)
    {
        var logger = CreateLogger(category);
        return line => logger.Log(level, default, LogFields.None, null, (_, _) => line);
    }

    public void Dispose()
    {
        Levels.Changed -= Tell;
        _waiting.CompleteAdding();
        if (_thread.Join(_patience)) _waiting.Dispose();
        _otlp?.Dispose();
    }

    // A change of levels is told whatever they are.
    private void Tell(string message) => Put(LineOf("Fanfare.Server", LogLevel.Information, message, LogFields.None, null));

    private void Put(string line)
    {
        try
        {
            if (_waiting.TryAdd(line)) return;
        }
        catch (InvalidOperationException)
        {
            // The log has ended.
        }
        _dropped.Add(1);
    }

    private string LineOf(string category, LogLevel level, string message, IReadOnlyList<KeyValuePair<string, object?>> fields, Exception? exception) => _format == LogForm.Json
        ? JsonLine.Of(_clock.GetUtcNow(), level, category, message, fields, exception)
        : exception is null ? message : $"{message} {exception}";

    private void Run()
    {
        foreach (var line in _waiting.GetConsumingEnumerable()) _write(line);
    }

    private sealed class Logger(ServerLog log, string category, ILogger? otlp) : ILogger
    {
        private Level? _level;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel)
        {
            var rules = log.Levels.Rules;
            if (_level is not { } known || !ReferenceEquals(known.Rules, rules)) _level = known = new Level(rules, LogLevels.Of(rules, category));
            return logLevel != LogLevel.None && logLevel >= known.From;
        }

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            log.Put(log.LineOf(category, logLevel, formatter(state, exception), state as IReadOnlyList<KeyValuePair<string, object?>> ?? LogFields.None, exception));
            otlp?.Log(logLevel, eventId, state, exception, formatter);
        }

        private sealed record Level(IReadOnlyDictionary<string, LogLevel> Rules, LogLevel From);
    }
}
