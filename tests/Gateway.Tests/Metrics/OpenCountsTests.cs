using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Fanfare.Engine;
using Fanfare.Storage;

namespace Fanfare.Gateway.Tests.Metrics;

/// <summary>What is told of dead letters while the store cannot count them.</summary>
public sealed class OpenCountsTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);

    private readonly string _home = Directory.CreateTempSubdirectory("fanfare-counts-").FullName;
    private readonly ConcurrentQueue<string> _warnings = new();
    private readonly FastClock _clock = new();
    private readonly Told _told = new();

    // One of each count that begins, and of each look at what is due.
    private readonly SemaphoreSlim _begun = new(0), _scanned = new(0);
    private volatile Func<OpenCounts> _count = () => throw new IOException("the disk is away");
    private SqliteStore _store = null!;
    private EngineNode _engine = null!;

    public async Task InitializeAsync()
    {
        _store = await SqliteStore.OpenAsync(_home, TimeProvider.System);
        _engine = new EngineNode(
            new EngineOptions { Seed = 1, ScanEvery = TimeSpan.FromMilliseconds(20), IsMeasured = true },
            Hooked.Over(_store.Journal, OnScan), Hooked.Over(_store.ReadModel, OnCount), new FakeBlobs(), _clock,
            new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler, _warnings.Enqueue);
        await _engine.RecoverAsync();
    }

    public async Task DisposeAsync()
    {
        await _engine.DisposeAsync();
        await _store.DisposeAsync();
    }

    public void Dispose()
    {
        _told.Dispose();
        _begun.Dispose();
        _scanned.Dispose();
        Directory.Delete(_home, recursive: true);
    }

    [Fact]
    public async Task WhileTheStoreCannotCount_WhatItCountedBeforeIsTold_AndThatIsSaidOnce()
    {
        await CountsAsync(() => Counts(41, 17));
        Assert.Equal("41 events, 17 notices", _told.DeadLetters());
        _warnings.Clear();

        await CountsAsync(() => throw new IOException("the disk is full"), times: 5);
        Assert.Equal("41 events, 17 notices", _told.DeadLetters());
        Assert.Contains("the disk is full", Assert.Single(_warnings), StringComparison.Ordinal);

        await CountsAsync(() => Counts(3, 0));
        Assert.Equal("3 events, 0 notices", _told.DeadLetters());
        // The next trouble is news again.
        await CountsAsync(() => throw new IOException("the disk is away"), times: 3);
        Assert.Equal(2, _warnings.Count);
        Assert.Contains("the disk is away", _warnings.Last(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatTheStoreNeverCounted_IsNotToldAsNone()
    {
        await CountsAsync(_count, times: 3);

        Assert.Equal("", _told.DeadLetters());
    }

    [Fact]
    public async Task AStoreThatAnsweredLateWithAnError_IsAskedAgainWithinAMinute()
    {
        await CountsAsync(() => Counts(41, 17));
        var failed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _count = () =>
        {
            _clock.Forward(TimeSpan.FromSeconds(30));
            _count = () => Counts(42, 17);
            failed.SetResult();
            throw new TimeoutException("no answer within 30 s");
        };
        await failed.Task.WaitAsync(_limit);
        // By then that is dealt with.
        await ScannedAsync(2);
        Assert.Equal("41 events, 17 notices", _told.DeadLetters());

        _clock.Forward(TimeSpan.FromMinutes(1));
        await CountsAsync(_count);

        Assert.Equal("42 events, 17 notices", _told.DeadLetters());
    }

    [Fact]
    public async Task AStoreThatNeedsLongToCount_IsAskedSeldom()
    {
        var asked = 0;
        _count = () =>
        {
            _clock.Forward(TimeSpan.FromSeconds(30));
            return Counts(++asked, 0);
        };
        while (_told.DeadLetters() is not "1 events, 0 notices") await ScannedAsync(1);

        _clock.Forward(TimeSpan.FromMinutes(9));
        await ScannedAsync(5);
        Assert.Equal(1, asked);

        _clock.Forward(TimeSpan.FromMinutes(1));
        while (_told.DeadLetters() is not "2 events, 0 notices") await ScannedAsync(1);
    }

    private static OpenCounts Counts(int events, int notices) => new(events, notices, new Dictionary<RunStatus, int>());

    /// <summary>The store answers so from now on; returns when the engine has dealt with so many of these answers.</summary>
    private async Task CountsAsync(Func<OpenCounts> count, int times = 1)
    {
        _count = count;
        while (_begun.Wait(0)) continue;
        // The first may have had its answer before, and the next begins when the one before it is dealt with.
        for (var i = 0; i < times + 2; i++) await BegunAsync();
    }

    private async Task BegunAsync() => Assert.True(await _begun.WaitAsync(_limit), "Nothing was counted.");

    private async Task ScannedAsync(int times)
    {
        while (_scanned.Wait(0)) continue;
        for (var i = 0; i < times; i++) Assert.True(await _scanned.WaitAsync(_limit), "Nothing was looked for.");
    }

    private object? OnScan(string method)
    {
        if (method == nameof(IJournal.ScanWakesAsync)) _scanned.Release();
        return null;
    }

    private object? OnCount(string method)
    {
        if (method != nameof(IReadModel.CountOpenAsync)) return null;
        _begun.Release();
        try
        {
            return Task.FromResult(_count());
        }
        catch (Exception error) when (error is IOException or TimeoutException)
        {
            return Task.FromException<OpenCounts>(error);
        }
    }

    /// <summary>The system's clock, which can be put forward.</summary>
    private sealed class FastClock : TimeProvider
    {
        private long _ahead;

        public void Forward(TimeSpan time) => Interlocked.Add(ref _ahead, time.Ticks);

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Ahead;

        public override long GetTimestamp() => System.GetTimestamp() + (long)(Ahead.TotalSeconds * TimestampFrequency);

        private TimeSpan Ahead => new(Interlocked.Read(ref _ahead));
    }

    /// <summary>What the gauge of dead letters says.</summary>
    private sealed class Told : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly List<string> _said = [];

        public Told()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == Telemetry.Meter && instrument.Name is "fanfare.dead_letters" or "fanfare.queue.tasks") listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) =>
            {
                if (instrument.Name == "fanfare.dead_letters") _said.Add($"{value} {tags[0].Value}s");
            });
            _listener.Start();
        }

        /// <summary>Empty where it says nothing.</summary>
        public string DeadLetters()
        {
            _said.Clear();
            _listener.RecordObservableInstruments();
            return string.Join(", ", _said);
        }

        public void Dispose() => _listener.Dispose();
    }
}
