using System.Runtime.InteropServices;

namespace Fanfare.Cli;

/// <summary>Ctrl-C and its kin. The first one asks the command to end well, the second ends the process at once.</summary>
internal sealed class Interrupts : IDisposable
{
    // Some senders signal the process and then its whole group: that is one wish, not two.
    private static readonly TimeSpan Echo = TimeSpan.FromMilliseconds(250);

    private readonly CancellationTokenSource _requested = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly TimeProvider _clock;
    private readonly Action _exitAtOnce;
    private readonly Lock _lock = new();
    private long? _signalledAt;
    private int _count;

    /// <param name="exitAtOnce">What the second interrupt does.</param>
    public Interrupts(TimeProvider clock, Action exitAtOnce)
    {
        _clock = clock;
        _exitAtOnce = exitAtOnce;
    }

    /// <summary>Cancelled by the first interrupt.</summary>
    public CancellationToken Requested => _requested.Token;

    /// <summary>Takes over SIGINT and SIGTERM of this process.</summary>
    public void Listen()
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM])
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                if (!IsEcho()) Raise();
            }));
    }

    /// <summary>What a signal does.</summary>
    public void Raise()
    {
        if (Interlocked.Increment(ref _count) == 1) _requested.Cancel();
        else _exitAtOnce();
    }

    private bool IsEcho()
    {
        lock (_lock)
        {
            if (_signalledAt is { } at && _clock.GetElapsedTime(at) < Echo) return true;
            _signalledAt = _clock.GetTimestamp();
            return false;
        }
    }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _requested.Dispose();
    }
}
