using Fanfare.Contracts;

namespace Fanfare.Worker.Tests.Fakes;

/// <summary>Builders that name what matters.</summary>
public static class A
{
    private static int _last;

    public static Lease Task(string shell, Func<StepSpec, StepSpec>? step = null, Func<Lease, Lease>? lease = null)
    {
        var number = Interlocked.Increment(ref _last);
        var spec = new StepSpec { Name = "work", Run = new CommandSpec(null, shell), Grace = TimeSpan.FromSeconds(1) };
        spec = step?.Invoke(spec) ?? spec;
        var result = new Lease
        {
            Task = new TaskRef("default", "run1", new StepKey(spec.Name, SplitPath.Empty, new SplitPath(0)), 0),
            Name = spec.Name,
            Token = $"{number}.0.j",
            Attempt = 0,
            Flow = "flow",
            Deployment = 3,
            Step = spec,
            Parameters = "{}",
            Inputs = [],
        };
        return lease?.Invoke(result) ?? result;
    }
}
