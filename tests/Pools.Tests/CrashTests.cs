using Fanfare.Pools.Ec2;
using Fanfare.Pools.Tests.Fake;

namespace Fanfare.Pools.Tests;

/// <summary>Launches whose server dies at any point of them, several times over, on an EC2 that refuses, loses answers, throttles, shows late what it made and takes machines back. Whoever comes next has what was remembered before the launch, and EC2.</summary>
public sealed class CrashTests
{
    private const int Seeds = 1000;

    private static readonly MachineChoice[] Choices = [Stage.Small, Stage.SmallB, Stage.Other];

    [Fact]
    public async Task ALaunch_MakesNothingTwiceAndLosesNothing_WhereverItsServerDies()
    {
        await using var stage = await Stage.SetUpAsync(new Ec2Options { Attempts = 2 });
        var seen = new Dictionary<string, int>();
        for (var seed = 0; seed < Seeds; seed++)
        {
            var life = new Life(stage, seed, seen, salt: false);
            Assert.True(await life.PlayAsync() is null, $"Seed {seed}: {life.Fault}");
        }
        // Each of these has to come about, or the test shows less than it says.
        foreach (var part in new[] { "died before a request", "died after the work", "died after the answer", "died twice or more", "repeated late", "machine taken back", "unsettled", "could not look for what was made", "partial", "several offerings gave", "full" })
            Assert.True(seen.GetValueOrDefault(part) >= Seeds / 100, $"'{part}' came about {seen.GetValueOrDefault(part)} times in {Seeds}.");
    }

    [Fact]
    public async Task TheCheck_NoticesALaunchWhoseTokensAreNotTheSameAgain()
    {
        await using var stage = await Stage.SetUpAsync(new Ec2Options { Attempts = 2 });
        var faults = new List<string>();
        for (var seed = 0; seed < 60; seed++)
            if (await new Life(stage, seed, [], salt: true).PlayAsync() is { } fault) faults.Add(fault);

        Assert.Contains(faults, f => f.Contains("made twice", StringComparison.Ordinal));
    }

    /// <summary>One launch from its beginning to the day when all is known of it.</summary>
    private sealed class Life(Stage stage, int seed, Dictionary<string, int> seen, bool salt)
    {
        private readonly Random _random = new(seed);

        public string? Fault { get; private set; }

        /// <summary>What went wrong; null when nothing did.</summary>
        public async Task<string?> PlayAsync()
        {
            stage.Fake.Reset();
            SetTheStage();
            var request = Request();
            var deaths = 0;
            LaunchAnswer? answer = null;
            var isLate = false;
            while (answer is null)
            {
                // A new server: it knows the request, since that was remembered before it was sent, and nothing else.
                var dying = new Dying(stage.Client, deaths < 3 ? _random.Next(6) : int.MaxValue, _random.Next(2) == 0, salt ? $"{deaths}" : "");
                var provider = new Ec2Provider(dying, request.Cluster, stage.Options, stage.Clock);
                try
                {
                    answer = await UntilSettledAsync(provider, request);
                    if (deaths < 3 && _random.Next(4) == 0)
                    {
                        Saw("died after the answer");
                        throw new DeathException();
                    }
                }
                catch (DeathException)
                {
                    answer = null;
                    if (dying.Point is { } point) Saw(point);
                    if (++deaths == 2) Saw("died twice or more");
                    if (_random.Next(5) == 0) TakeOneBack();
                    if (_random.Next(8) == 0) isLate |= Pass(stage.Options.RepeatWithin);
                }
            }
            if (isLate) Saw("repeated late");
            if (answer.Instances.Count == request.Count) Saw("full");
            else if (answer.Instances.Count > 0) Saw("partial");
            if (answer.Instances.Select(i => (i.Capacity, i.Type)).Distinct().Count() > 1) Saw("several offerings gave");
            return Fault = await JudgeAsync(request, answer);
        }

        private async Task<LaunchAnswer> UntilSettledAsync(Ec2Provider provider, LaunchRequest request)
        {
            while (true)
            {
                try
                {
                    var answer = await provider.LaunchAsync(request, CancellationToken.None);
                    if (answer.IsSettled) return answer;
                }
                catch (InstanceProviderException passing) when (passing.IsPassing)
                {
                    Saw("could not look for what was made");
                }
                Saw("unsettled");
                Pass(TimeSpan.FromMinutes(2));
            }
        }

        private async Task<string?> JudgeAsync(LaunchRequest request, LaunchAnswer answer)
        {
            Pass(stage.Options.ListedWithin);
            stage.Fake.Calm();
            var made = stage.Fake.Instances.Select(i => i.Id).ToHashSet();
            var told = answer.Instances.Select(i => i.Id).ToList();
            var listed = await new Ec2Provider(stage.Client, request.Cluster, stage.Options, stage.Clock).ListAsync(CancellationToken.None);
            if (made.Count > request.Count) return $"{request.Count} machines were asked for and {made.Count} made: some were made twice.";
            if (!made.SetEquals(told) || told.Count != made.Count) return $"{made.Count} machines were made, and the answer tells of {told.Count}.";
            if (!made.SetEquals(listed.Select(i => i.Id))) return "A list does not show what there is.";
            if (listed.Any(i => i.Launch != LaunchToken.Of(request) || i.Pool != request.Pool)) return "There is a machine that belongs to no launch.";
            return null;
        }

        private LaunchRequest Request()
        {
            var count = 1 + _random.Next(6);
            return stage.Launch(count, [.. Offering.Mix([.. _random.GetItems(Choices, 2).Distinct()], null, count, _random.Next(101), _random.Next(3) > 0), .. _random.Next(2) == 0 ? new[] { Stage.OnDemand(Choices) } : []]) with { Id = $"l-{seed}" };
        }

        private void SetTheStage()
        {
            stage.Fake.HideFor = _random.Next(4);
            foreach (var choice in Choices)
                foreach (var capacity in new[] { CapacityKind.Spot, CapacityKind.OnDemand })
                    if (_random.Next(4) == 0) stage.Fake.Refused[(capacity, choice.Type, choice.Zone!)] = _random.GetItems(["InsufficientInstanceCapacity", "VcpuLimitExceeded", "Unsupported"], 1)[0];
            if (_random.Next(3) == 0) stage.Fake.Left["m7i.large"] = _random.Next(4);
            stage.Fake.Next("CreateFleet", _random.GetItems([Trouble.None, Trouble.None, Trouble.None, Trouble.Throttled, Trouble.Error500, Trouble.CutBefore, Trouble.CutAfter, Trouble.GarbageAfter], 6));
            stage.Fake.Next("DescribeInstances", _random.GetItems([Trouble.None, Trouble.None, Trouble.Throttled, Trouble.CutAfter], 3));
        }

        private void TakeOneBack()
        {
            if (stage.Fake.Instances is not { Count: > 0 } instances) return;
            stage.Fake.Interrupt(instances[_random.Next(instances.Count)].Id);
            Saw("machine taken back");
        }

        private bool Pass(TimeSpan time)
        {
            stage.Clock.Advance(time + TimeSpan.FromSeconds(1));
            // Lists lag, but not for ever.
            stage.Fake.Show(madeUntil: stage.Clock.GetUtcNow() - stage.Options.ListedWithin);
            return true;
        }

        private void Saw(string what) => seen[what] = seen.GetValueOrDefault(what) + 1;
    }

    private sealed class DeathException : Exception;

    /// <summary>A server that dies at one of its requests: before it is sent, or when the work is done and the answer is not there yet.</summary>
    /// <param name="salt">Makes tokens another server's own.</param>
    private sealed class Dying(IEc2 ec2, int at, bool afterTheWork, string salt) : IEc2
    {
        private int _calls;

        public string? Point { get; private set; }

        public Task<FleetAnswer> CreateFleetAsync(FleetRequest request, CancellationToken cancellationToken) => LiveAsync(() => ec2.CreateFleetAsync(request with { ClientToken = request.ClientToken + salt }, cancellationToken));

        public Task<IReadOnlyList<Ec2Instance>> DescribeInstancesAsync(IReadOnlyDictionary<string, string> tags, CancellationToken cancellationToken) => LiveAsync(() => ec2.DescribeInstancesAsync(tags, cancellationToken));

        public Task TerminateInstancesAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken) => throw new InvalidOperationException("A launch ends nothing.");

        public Task CreateTagsAsync(IReadOnlyCollection<string> ids, IReadOnlyDictionary<string, string> tags, CancellationToken cancellationToken) => throw new InvalidOperationException("A launch tags what it makes as it makes it.");

        public Task<IReadOnlyList<SpotPrice>> DescribeSpotPriceHistoryAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => throw new InvalidOperationException("A launch asks for no prices.");

        public Task<IReadOnlyList<MachineType>> DescribeInstanceTypesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken) => throw new InvalidOperationException("A launch asks for no types.");

        private async Task<T> LiveAsync<T>(Func<Task<T>> call)
        {
            var dies = _calls++ == at;
            if (dies && !afterTheWork) throw Die("died before a request");
            var work = call();
            if (!dies) return await work;
            // A refusal or a lost answer reaches the dead as little as a good one.
            await work.ContinueWith(_ => { }, TaskScheduler.Default);
            throw Die("died after the work");
        }

        private DeathException Die(string point)
        {
            Point = point;
            return new DeathException();
        }
    }
}
