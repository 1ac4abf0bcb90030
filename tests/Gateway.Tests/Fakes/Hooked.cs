using System.Reflection;

namespace Fanfare.Gateway.Tests;

/// <summary>A port of which a test answers some calls itself.</summary>
public class Hooked : DispatchProxy
{
    private object _port = null!;
    private Func<string, object?> _hook = null!;

    /// <param name="hook">Given a method's name, what it returns; null for what the port says.</param>
    public static T Over<T>(T port, Func<string, object?> hook)
        where T : class
    {
        var proxy = Create<T, Hooked>();
        var hooked = (Hooked)(object)proxy;
        (hooked._port, hooked._hook) = (port, hook);
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        _hook(targetMethod!.Name) ?? targetMethod.Invoke(_port, BindingFlags.DoNotWrapExceptions, null, args, null);
}
