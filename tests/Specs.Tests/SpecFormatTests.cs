using Fanfare.Contracts;

namespace Fanfare.Specs.Tests;

/// <summary>A spec with something that an older release cannot read is kept in a newer format, and with all else in the old one.</summary>
public sealed class SpecFormatTests
{
    private static readonly StepSpec _plain = new() { Name = "train", Run = new CommandSpec(["train"], null) };

    /// <summary>What releases of format 1 read. It stays as it is.</summary>
    private static readonly Dictionary<Type, string> _format1 = new()
    {
        [typeof(FlowSpec)] = "Name Description Parameters Steps Start Timeout OnFailure Finally Tags",
        [typeof(ParameterSpec)] = "Name Type Required Default Help Sensitive",
        [typeof(StepSpec)] = "Name Description Run Env Workdir Resources Queue Timeout Grace Retry CatchOutput Priority MaxParallel Join Next",
        [typeof(CommandSpec)] = "Argv Shell",
        [typeof(EnvSpec)] = "Name Value Secret",
        [typeof(ResourceSpec)] = "Cpu MemoryBytes Gpu DiskBytes",
        [typeof(RetrySpec)] = "MaxAttempts MaxLosses InitialDelay Factor MaxDelay Jitter ExitCodes",
        [typeof(JoinSpec)] = "Kind Count",
        [typeof(GoTo)] = "Step",
        [typeof(StaticSplit)] = "Steps",
        [typeof(Foreach)] = "Step Over",
        [typeof(Switch)] = "Output Cases Default MaxLoops",
        [typeof(SwitchCase)] = "Value Step",
        [typeof(OverRange)] = "Start Stop Step StopParameter",
        [typeof(OverOutput)] = "Output",
        [typeof(OverFile)] = "Path",
    };

    /// <summary>What came later, each with a spec that has it.</summary>
    private static readonly Dictionary<string, FlowSpec> _later = new()
    {
        ["FlowSpec.Schedules"] = Of(_plain) with { Schedules = [new ScheduleSpec { Name = "nightly", Every = TimeSpan.FromDays(1) }] },
        ["FlowSpec.Triggers"] = Of(_plain) with { Triggers = [new TriggerSpec { Name = "loaded", Sources = [new TriggerSource { Event = "loaded" }] }] },
        ["FlowSpec.Notify"] = Of(_plain) with { Notify = [new NotifySpec { On = [NoticeKind.Failed], To = ["ops"] }] },
        ["StepSpec.Gang"] = Of(_plain with { Gang = true }),
        ["StepSpec.Warm"] = Of(_plain with { Warm = ["server"] }),
    };

    [Fact]
    public void EveryMemberThatIsAdded_HasAFormat()
    {
        var added = _format1.SelectMany(known => known.Key.GetProperties().Where(property => property.CanWrite)
            .Select(property => property.Name).Except(known.Value.Split(' ')).Select(name => $"{known.Key.Name}.{name}"));

        Assert.Equal(_later.Keys.Order(), added.Order());
        Assert.All(_later.Values, spec => Assert.True(SpecFormat.Of(spec) > 1));
    }

    [Fact]
    public void ASpecWithoutThem_IsOfTheFirstFormat()
    {
        Assert.Equal(1, SpecFormat.Of(Of(_plain)));
        Assert.Null(SpecFormat.Beyond(Of(_plain), 1));
    }

    [Fact]
    public void ItIsToldWhatAFormatDoesNotHave()
    {
        Assert.Equal("'gang' of step 'train'", SpecFormat.Beyond(_later["StepSpec.Gang"], 1));
        Assert.Equal("'warm' of step 'train'", SpecFormat.Beyond(_later["StepSpec.Warm"], 1));
        Assert.Null(SpecFormat.Beyond(_later["StepSpec.Warm"], 2));
    }

    [Fact]
    public void ADeployment_IsKeptInTheFormatOfItsSpec()
    {
        Assert.Equal(2, FormatOf(FlowSpecJson.Write(_later["StepSpec.Gang"])));
        Assert.Equal(1, FormatOf(FlowSpecJson.Write(Of(_plain))));
        Assert.Equal(1, FormatOf("no spec"));

        static int FormatOf(string spec) => JournalFormat.Of(new FlowDeployed(1, "digest", spec, "", null));
    }

    private static FlowSpec Of(StepSpec step) => new() { Name = "f", Steps = [step] };
}
