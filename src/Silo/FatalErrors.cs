using Orleans.Runtime;

namespace Fanfare.Silo;

/// <summary>What Orleans would end the process for, above all that the other silos declared this one dead. Here it ends the silo's life, and the process begins another.</summary>
internal sealed class FatalErrors(Action<string> log) : IFatalErrorHandler
{
    private readonly TaskCompletionSource _happened = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Happened => _happened.Task;

    /// <summary>Null while nothing has.</summary>
    public string? What { get; private set; }

    public bool IsUnexpected(Exception exception) => true;

    public void OnFatalException(object? sender = null, string? context = null, Exception? exception = null)
    {
        if (What is not null) return;
        if (exception is not null) log($"The silo failed: {exception}");
        What = exception is null ? "The other silos declared this one dead: it hung, or they could not reach it." : $"The silo failed: {exception.Message}";
        _happened.TrySetResult();
    }
}
