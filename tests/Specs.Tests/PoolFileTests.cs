using System.Text;
using Fanfare.Contracts;

namespace Fanfare.Specs.Tests;

public sealed class PoolFileTests
{
    private const string Local = "name: p, machine: {cpu: 2}, max: 3", Cloud = "name: p, provider: ec2, machine: {cpu: 8}, max: 3";

    private const string Needs = "vcpus: 8, memory: 30GiB, architecture: x86_64";

    public static TheoryData<string> Documented => [.. File.ReadAllText(Path.Combine(Examples.Root, "docs", "pools.md")).Split("```yaml\n").Skip(1).Select(block => block[..block.IndexOf("```", StringComparison.Ordinal)])];

    [Theory, MemberData(nameof(Documented))]
    public void WhatTheDocumentationShows_IsRight(string text) => Assert.Empty(PoolFileReader.Read(text).Errors);

    [Fact]
    public void AFile_SaysWhatMachinesThereAre_AndHowMany()
    {
        var pool = Good("""
            name: gpu
            provider: ec2
            queues: [gpu, train]
            machine: {cpu: 7.5, memory: 30GiB, gpu: 1, disk: 100GB}
            max: 20
            min: 1
            spare: 2
            idle: 5m
            register_within: 15m
            lifetime: 1d
            ec2:
              template: fanfare-gpu:7
              types: [g6.2xlarge, g6.4xlarge]
              zones: [eu-central-1a, eu-central-1b]
              spot: 80%
              on_demand_fallback: false
              max_price: 0.40
              tags: {team: ml, cost-centre: 7}
            """);

        Assert.Equal(("gpu", PoolProvider.Ec2, 20, 1, 2), (pool.Name, pool.Provider, pool.Max, pool.Min, pool.Spare));
        Assert.Equal(["gpu", "train"], pool.Queues);
        Assert.Equal(new ResourceSpec(7.5, 30L << 30, 1, 100_000_000_000), pool.Machine);
        Assert.Equal((TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(15), TimeSpan.FromDays(1)), (pool.Idle, pool.RegisterWithin, pool.Lifetime));
        var ec2 = pool.Ec2!;
        Assert.Equal(("fanfare-gpu:7", 80, false, 0.40m, null), (ec2.Template, ec2.SpotPercent, ec2.OnDemandFallback, ec2.MaxPrice, ec2.Needs));
        Assert.Equal([new("g6.2xlarge", "eu-central-1a"), new("g6.2xlarge", "eu-central-1b"), new("g6.4xlarge", "eu-central-1a"), new MachineChoice("g6.4xlarge", "eu-central-1b")], ec2.Choices);
        Assert.Equal([("cost-centre", "7"), ("team", "ml")], ec2.Tags!.Select(tag => (tag.Key, tag.Value)).Order());
    }

    [Fact]
    public void WhatIsLeftOut_IsAsDocumented()
    {
        var pool = Good("{name: small, machine: {cpu: 2}, max: 3, ec2: null}");

        Assert.Equal((PoolProvider.Local, 0, 0, 3), (pool.Provider, pool.Min, pool.Spare, pool.Max));
        Assert.Empty(pool.Queues);
        Assert.Equal((TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(10), null, null), (pool.Idle, pool.RegisterWithin, pool.Lifetime, pool.Ec2));
        Assert.Equal(new ResourceSpec(2, 0, 0, 0), pool.Machine);

        var ec2 = Good($"{{{Cloud}, ec2: {{template: lt-0a1b2c3d, types: c7i.large}}}}").Ec2!;
        Assert.Equal((0, true, null, null), (ec2.SpotPercent, ec2.OnDemandFallback, ec2.MaxPrice, ec2.Tags));
        Assert.Equal([new MachineChoice("c7i.large")], ec2.Choices);
    }

    [Fact]
    public void Machines_AreNamedByWhatTheyNeed_Instead()
    {
        var ec2 = Good($$"""
            {{{Cloud.Replace("cpu: 8", "cpu: 8, gpu: 1", StringComparison.Ordinal)}}, ec2: {template: "t-1:$Latest", subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e], spot: 100,
              needs: {vcpus: 8, most_vcpus: 16, memory: 31000MB, most_memory: 64.5GiB, architecture: x86_64, gpus: 1, most_gpus: 2, gpu_kinds: [l4, t4], without: "t2.*"} } }
            """).Ec2!;

        Assert.Equal([new("", null, "subnet-0a1b2c3d"), new MachineChoice("", null, "subnet-0a1b2c3e")], ec2.Choices);
        var needs = ec2.Needs!;
        // At least so much, and at most: never a mebibyte beyond what was said.
        Assert.Equal((8, 16, 29564L, 66048L, "x86_64", 1, 2), (needs.VCpus, needs.MostVCpus, needs.MemoryMiB, needs.MostMemoryMiB, needs.Architecture, needs.Gpus, needs.MostGpus));
        Assert.Equal(["l4", "t4"], needs.GpuKinds);
        Assert.Equal(["t2.*"], needs.Without);
        Assert.Equal(100, ec2.SpotPercent);

        Assert.Equal([new MachineChoice("")], Good($"{{{Cloud}, ec2: {{template: abc, needs: {{{Needs}}}}}}}").Ec2!.Choices);
    }

    [Fact]
    public void ChoicesAreCounted()
    {
        string Text(int types, int zones) =>
            $"{{{Cloud}, ec2: {{template: abc, types: [{string.Join(", ", Enumerable.Range(0, types).Select(i => $"c{i}.large"))}], zones: [{string.Join(", ", Enumerable.Range(0, zones).Select(i => $"eu-west-{i}a"))}]}}}}";

        Assert.Equal(60, Good(Text(20, 3)).Ec2!.Choices.Count);
        var (pool, errors) = PoolFileReader.Read(Text(21, 3));
        Assert.Null(pool);
        Assert.Equal(("ec2.types", "21 types at 3 places are 63 choices; it may be at most 60."), (errors.Single().Path, errors[0].Message));
    }

    // A file that is taken gives launches that are: for one machine, for as many as the pool has, and for what is asked for at most.
    [Theory]
    [InlineData("types: [g6.2xlarge, g6.4xlarge], spot: 33%")]
    [InlineData("types: g6.2xlarge, spot: 100%, on_demand_fallback: false, max_price: 0.0011")]
    [InlineData("types: g6.2xlarge, zones: eu-central-1a, on_demand_fallback: false")]
    [InlineData("needs: {" + Needs + "}, zones: [eu-central-1a, eu-central-1b], spot: 1%")]
    [InlineData("needs: {" + Needs + ", gpus: 1, most_gpus: 1, gpu_kinds: l4, most_vcpus: 8, most_memory: 30GiB}, spot: 0")]
    public void WhatIsTaken_CanBeLaunched(string machines)
    {
        var pool = Good($"{{{Cloud.Replace("max: 3", "max: 5000", StringComparison.Ordinal)}, ec2: {{template: abc, {machines}}}}}");

        foreach (var count in new[] { 1, 2, 3, LaunchRequest.MostInstances })
        {
            new LaunchRequest
            {
                Cluster = "c",
                Pool = pool.Name,
                Id = "1",
                AskedAt = DateTimeOffset.UnixEpoch,
                Count = count,
                Template = pool.Ec2!.Template,
                Offerings = Offering.Mix(pool.Ec2.Choices, pool.Ec2.Needs, count, pool.Ec2.SpotPercent, pool.Ec2.OnDemandFallback, pool.Ec2.MaxPrice),
            }.Check();
        }
    }

    [Theory]
    [InlineData("machine: {cpu: 2}, max: 3", "'name' is missing")]
    [InlineData("name: a b, machine: {cpu: 2}, max: 3", "name 'a b' is no valid name of a pool")]
    [InlineData("name: p, max: 3", "'machine' is missing")]
    [InlineData("name: p, machine: {memory: 1GiB}, max: 3", "machine.cpu 'cpu' is missing")]
    [InlineData("name: p, machine: {cpu: 0}, max: 3", "machine.cpu A machine that offers no core")]
    [InlineData("name: p, machine: {cpu: -1}, max: 3", "machine.cpu 'cpu' is '-1'; it must be a number from 0 to 4096.")]
    [InlineData("name: p, machine: {cpu: 2, gpus: 1}, max: 3", "'gpus' is no field of a machine.")]
    [InlineData("name: p, machine: {cpu: 2, memory: much}, max: 3", "machine.memory 'memory' is 'much'; it must be a size")]
    [InlineData("name: p, machine: 8, max: 3", "a mapping that describes a machine")]
    [InlineData("name: p, machine: {cpu: 2}", "'max' is missing")]
    [InlineData("name: p, machine: {cpu: 2}, max: 0", "max 'max' is '0'; it must be an integer from 1 to 10000.")]
    [InlineData("name: p, machine: {cpu: 2}, max: 10001", "an integer from 1 to 10000")]
    [InlineData(Local + ", min: 4", "min It is 4 machines, and the pool has at most 3.")]
    [InlineData(Local + ", min: -1", "min 'min' is '-1'")]
    [InlineData(Local + ", spare: 4", "spare It is 4 machines, and the pool has at most 3.")]
    [InlineData(Local + ", idle: 500ms", "idle 'idle' is '500ms'; it must be a duration from 1s to 1d")]
    [InlineData(Local + ", idle: 25h", "from 1s to 1d")]
    [InlineData(Local + ", idle: 5", "from 1s to 1d")]
    [InlineData(Local + ", register_within: 9s", "from 10s to 1d")]
    [InlineData(Local + ", register_within: 2d", "from 10s to 1d")]
    [InlineData(Local + ", lifetime: 59s", "from 1m to 365d")]
    [InlineData(Local + ", lifetime: 366d", "from 1m to 365d")]
    [InlineData(Local + ", lifetime: [1d]", "from 1m to 365d")]
    [InlineData(Local + ", queues: []", "queues 'queues' is an empty list.")]
    [InlineData(Local + ", queues: [a, b, a]", "queues[2] 'a' stands twice.")]
    [InlineData(Local + ", queues: ['a/b']", "queues[0] 'a/b' is no valid name of a queue")]
    [InlineData(Local + ", provider: ec3", "provider 'provider' is 'ec3'; it must be one of local, ec2. Did you mean 'ec2'?")]
    [InlineData(Local + ", provider: [ec2]", "provider 'provider' is a list")]
    [InlineData(Local + ", provider: ec2", "'ec2' is missing; it is required.")]
    [InlineData(Local + ", ec2: {template: abc, types: c7i.large}", "ec2 'ec2' says which machines of EC2 there are to be, and this pool is made of processes")]
    [InlineData(Local + ", regster_within: 5m", "'regster_within' is no field of a pool. Did you mean 'register_within'?")]
    public void WhatIsWrongWithAPool_IsTold_WithItsPlaceAndARemedy(string fields, string what) => CheckWrong($"{{{fields}}}", what);

    [Theory]
    [InlineData("types: c7i.large", "ec2.template 'template' is missing")]
    [InlineData("template: 'a b', types: c7i.large", "ec2.template 'template' is 'a b'; it must be the id or name of a launch template")]
    [InlineData("template: 'abc:latest', types: c7i.large", "ec2.template")]
    [InlineData("template: lt-mine, types: c7i.large", "ec2.template")]
    [InlineData("template: abc", "ec2 It says of no machine which it is.")]
    [InlineData("template: abc, types: c7i.large, needs: {" + Needs + "}", "ec2.needs Machines are named by 'types' already.")]
    [InlineData("template: abc, types: []", "ec2.types 'types' is an empty list.")]
    [InlineData("template: abc, types: large", "it must be a type of machines")]
    [InlineData("template: abc, types: [c7i.large, c7i.large]", "ec2.types[1] 'c7i.large' stands twice.")]
    [InlineData("template: abc, types: c7i.large, zones: 'Frankfurt!'", "it must be an availability zone")]
    [InlineData("template: abc, types: c7i.large, subnets: vpc-1234", "it must be the id of a subnet")]
    [InlineData("template: abc, types: c7i.large, zones: eu-central-1a, subnets: subnet-0a1b2c3d", "ec2.subnets Places are named by 'zones' already.")]
    [InlineData("template: abc, types: c7i.large, spot: 101%", "ec2.spot 'spot' is '101%'; it must be a percentage from 0 to 100.")]
    [InlineData("template: abc, types: c7i.large, spot: half", "a percentage from 0 to 100")]
    [InlineData("template: abc, types: c7i.large, spot: '%'", "a percentage from 0 to 100")]
    [InlineData("template: abc, types: c7i.large, spot: 0.5", "a percentage from 0 to 100")]
    [InlineData("template: abc, types: c7i.large, spot: 80, max_price: 0.001", "ec2.max_price 'max_price' is '0.001'; it must be a price in US dollars an hour")]
    [InlineData("template: abc, types: c7i.large, spot: 80, max_price: $1", "a price in US dollars an hour")]
    [InlineData("template: abc, types: c7i.large, max_price: 0.40", "ec2.max_price A price cap is for spot machines")]
    [InlineData("template: abc, types: c7i.large, on_demand_fallback: maybe", "ec2.on_demand_fallback 'on_demand_fallback' is 'maybe'; it must be true or false.")]
    [InlineData("template: abc, types: c7i.large, tags: {'fanfare:pool': x}", "Tags that begin with 'fanfare:' are Fanfare's own.")]
    [InlineData("template: abc, types: c7i.large, tags: {queues: x}", "ec2.tags.queues The tag 'queues' is Fanfare's own")]
    [InlineData("template: abc, types: c7i.large, tags: {'AWS:x': x}", "Tags that begin with 'AWS:' are AWS's own.")]
    [InlineData("template: abc, types: c7i.large, tags: {'': x}", "The name of a tag has 0 characters")]
    [InlineData("template: abc, types: c7i.large, tags: {a: \"b\\u0007\"}", "or a control character among them")]
    [InlineData("template: abc, types: c7i.large, tags: {a: [b]}", "ec2.tags.a 'a' is a list")]
    [InlineData("template: abc, types: c7i.large, tags: [a]", "a mapping of tags to texts")]
    [InlineData("template: abc, types: c7i.large, type: c7i.large", "'type' is no field of a pool's machines of EC2. Did you mean 'types'?")]
    [InlineData("template: abc, needs: {memory: 1GiB, architecture: arm64}", "ec2.needs.vcpus 'vcpus' is missing")]
    [InlineData("template: abc, needs: {vcpus: 0, memory: 1GiB, architecture: arm64}", "ec2.needs.vcpus 'vcpus' is '0'")]
    [InlineData("template: abc, needs: {vcpus: 1, architecture: arm64}", "ec2.needs.memory 'memory' is missing")]
    [InlineData("template: abc, needs: {vcpus: 1, memory: 64, architecture: arm64}", "ec2.needs.memory It is 64 bytes; no machine has less than 1 MiB.")]
    [InlineData("template: abc, needs: {vcpus: 1, memory: 1GiB}", "ec2.needs.architecture 'architecture' is missing")]
    [InlineData("template: abc, needs: {vcpus: 1, memory: 1GiB, architecture: amd64}", "it must be one of x86_64, arm64. Write x86_64.")]
    [InlineData("template: abc, needs: {" + Needs + ", most_vcpus: 4}", "ec2.needs.most_vcpus It is 4, and a machine needs 8 vCPUs.")]
    [InlineData("template: abc, needs: {" + Needs + ", most_memory: 8GiB}", "ec2.needs.most_memory It is 8192 MiB, and a machine needs 30720 MiB.")]
    [InlineData("template: abc, needs: {" + Needs + ", gpus: 4, most_gpus: 2}", "ec2.needs.most_gpus It is 2, and a machine needs 4 GPUs.")]
    [InlineData("template: abc, needs: {" + Needs + ", most_gpus: 2}", "ec2.needs.most_gpus 'most_gpus' is about GPUs, and a machine needs none.")]
    [InlineData("template: abc, needs: {" + Needs + ", gpu_kinds: l4}", "ec2.needs.gpu_kinds 'gpu_kinds' is about GPUs, and a machine needs none.")]
    [InlineData("template: abc, needs: {" + Needs + ", gpus: 1, gpu_kinds: [L4!]}", "a kind of GPU as EC2 names it")]
    [InlineData("template: abc, needs: {" + Needs + ", without: 't2 or so'}", "a type of machines, or several with '*'")]
    [InlineData("template: abc, needs: {" + Needs + ", gpu: 1}", "'gpu' is no field of what machines need. Did you mean 'gpus'?")]
    public void WhatIsWrongWithItsMachines_IsTold_WithItsPlaceAndARemedy(string ec2, string what) => CheckWrong($"{{{Cloud}, ec2: {{{ec2}}}}}", what);

    [Fact]
    public void WorkersOfOneMachine_ShareNoGpus()
    {
        CheckWrong("{name: p, machine: {cpu: 8, gpu: 1}, max: 2}", "machine Workers of one machine cannot share its GPUs, and each of this pool would take the same ones.");
        Assert.Empty(PoolFileReader.Read("{name: p, machine: {cpu: 8, gpu: 1}, max: 1}").Errors);
    }

    [Fact]
    public void GpusThatTheMachinesDoNotHave_CannotBeOffered() =>
        CheckWrong($"{{name: p, provider: ec2, machine: {{cpu: 8, gpu: 2}}, max: 1, ec2: {{template: abc, needs: {{{Needs}, gpus: 1}}}}}}", "machine A machine offers 2 GPUs to tasks, and what 'ec2.needs' asks for has 1.");

    [Fact]
    public void NamesOfQueues_AreATagOfEachMachine()
    {
        string Text(int queues) => $"{{{Cloud}, queues: [{string.Join(", ", Enumerable.Range(0, queues).Select(i => $"q{i}-{new string('x', 60)}"))}], ec2: {{template: abc, types: c7i.large}}}}";

        Assert.Equal(4, Good(Text(4)).Queues.Count);
        CheckWrong(Text(5), "queues The names of its queues have 319 characters with the commas between them");
        Assert.Equal(5, Good(Text(5).Replace("provider: ec2, ", "", StringComparison.Ordinal).Replace(", ec2: {template: abc, types: c7i.large}", "", StringComparison.Ordinal)).Queues.Count);
        CheckWrong($"{{{Local}, queues: [{string.Join(", ", Enumerable.Range(0, 101).Select(i => $"q{i}"))}]}}", "queues There are 101 queues; it may be at most 100.");
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("a: [", "")]
    [InlineData("[a]", "a mapping that describes a pool")]
    [InlineData("name: p\u0000", "U+0000; a pool is text")]
    public void WhatIsNoPoolAtAll_IsTold(string text, string what) => CheckWrong(text, what);

    [Fact]
    public void HalfASurrogatePair_IsRefused() => CheckWrong("name: a" + (char)0xD83D, "U+D83D; a pool is text");

    [Fact]
    public void AHugeFile_IsRefusedQuickly()
    {
        Assert.Contains("which is the most for a pool", PoolFileReader.Read("name: " + new string('x', Limits.SpecBytes)).Errors.Single().Message, StringComparison.Ordinal);

        var types = new StringBuilder();
        for (var i = 0; types.Length < Limits.SpecBytes - 200; i++) types.Append(i).Append(".a,");
        var before = ThreadTime.Now();
        var errors = PoolFileReader.Read($"{{{Cloud}, ec2: {{template: abc, types: [{types}]}}}}").Errors;
        Assert.InRange(ThreadTime.Now() - before, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.Contains("it may be at most 60", errors.Single().Message, StringComparison.Ordinal);
    }

    private static PoolSpec Good(string text)
    {
        var (pool, errors) = PoolFileReader.Read(text);
        Assert.Empty(errors);
        return pool!;
    }

    private static void CheckWrong(string text, string what)
    {
        var (pool, errors) = PoolFileReader.Read(text);

        Assert.Null(pool);
        var error = errors[0];
        Assert.Contains(what, $"{error.Path} {error.Message} {error.Remedy}", StringComparison.Ordinal);
        Assert.True(error.Line >= 1 && error.Remedy.Length > 0, error.ToString());
        Assert.True(errors.Count == 1, string.Join('\n', errors));
    }
}
