using System.Runtime.InteropServices;

namespace Fanfare.Cli;

/// <summary>Ctrl-C and its kin. The first one asks the command to end well, the second ends the process at once.</summary>
internal sealed class Interrupts : IDisposable
{
    private readonly CancellationTokenSource _requested = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Action _exitAtOnce;
    private int _count;

    /// <param name="exitAtOnce">What the second interrupt does.</param>
    public Interrupts(Action exitAtOnce) => _exitAtOnce = exitAtOnce;

    /// <summary>Cancelled by the first interrupt.</summary>
    public CancellationToken Requested => _requested.Token;

    /// <summary>Takes over SIGINT and SIGTERM of this process.</summary>
    public void Listen()
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM])
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                Raise();
            }));
    }

    public void Raise()
    {
        if (Interlocked.Increment(ref _count) == 1) _requested.Cancel();
        else _exitAtOnce();
    }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _requested.Dispose();
    }
}
