using Xunit.Abstractions;
using Xunit.Sdk;

namespace Fanfare.Postgres;

/// <summary>A test of an abstract class that every backend inherits. Where the machine does not have what the class's <see cref="BackendAttribute"/> names, it is skipped by name.</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("Fanfare.Postgres." + nameof(BackendFactDiscoverer), "Fanfare.Postgres")]
public sealed class BackendFactAttribute : FactAttribute;

/// <summary>Found by xunit by its name.</summary>
public sealed class BackendFactDiscoverer(IMessageSink diagnostics) : IXunitTestCaseDiscoverer
{
    public IEnumerable<IXunitTestCase> Discover(ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute) =>
        [new BackendTestCase(diagnostics, discoveryOptions.MethodDisplayOrDefault(), discoveryOptions.MethodDisplayOptionsOrDefault(), testMethod)];
}

/// <summary>Asks its class for the reason to skip it.</summary>
public sealed class BackendTestCase : XunitTestCase
{
    [Obsolete("For xunit, which fills it from its serialized form.", error: true)]
    public BackendTestCase()
    {
    }

    public BackendTestCase(IMessageSink diagnostics, TestMethodDisplay display, TestMethodDisplayOptions options, ITestMethod method)
        : base(diagnostics, display, options, method)
    {
    }

    protected override string? GetSkipReason(IAttributeInfo factAttribute) =>
        base.GetSkipReason(factAttribute)
        ?? TestMethod.TestClass.Class.GetCustomAttributes(typeof(BackendAttribute)).Cast<IReflectionAttributeInfo>().Select(a => ((BackendAttribute)a.Attribute).Refusal).FirstOrDefault(r => r is not null);
}
