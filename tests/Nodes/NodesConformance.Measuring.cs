using Fanfare.Bench;
using Fanfare.Contracts;
using Fanfare.Postgres;

namespace Fanfare.Nodes;

// What the gauges of several nodes say together.
public abstract partial class NodesConformance
{
    [PostgresFact]
    public async Task WhatThereIsInAll_OneNodeTells_WhileNodesComeGoAndDie_AsItRisesAndFalls()
    {
        await using var site = NewSite();
        using var gauges = new Gauges();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        await SumAsync(0, 0, 0);
        var flow = Flows.Foreach(1, 1) with
        {
            Parameters = [new ParameterSpec { Name = "size", Type = ParameterType.Int, Default = "0" }],
            Triggers = [new TriggerSpec { Name = "on", Sources = [new TriggerSource { Event = "x", Map = [new PayloadMapping("size", "size")] }] }],
            Notify = [new NotifySpec { On = [NoticeKind.Cancelled], To = ["nobody"] }],
        };
        // Nobody works: what begins goes on.
        for (var i = 0; i < 4; i++) await site.StartRunAsync(i % 2 == 0 ? a : b, flow, at: i % 2 == 0 ? a : b);
        var dead = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            var published = await a.Scheduler.PublishAsync(new PublishEvent(Site.Ns, "ann", "x", """{"size": "many"}""", $"x{i}", ""), default);
            Assert.Equal(TriggerResult.Failed, Assert.Single(published.Outcomes).Result);
            dead.Add(published.Event);
        }
        await SumAsync(4, 3, 0);

        var c = await site.JoinAsync("c");
        await Site.SharedAsync(a, b, c);
        await SumAsync(4, 3, 0);
        // The one that tells it goes, and then the next that tells it dies.
        var first = Teller();
        await site.LeaveAsync(first);
        await SumAsync(4, 3, 0);
        var second = Teller();
        Assert.NotEqual(first, second);
        await second.KillAsync();
        var last = site.Members.Single(member => !member.IsDown);
        await Site.UntilAsync(() => last.Owned.Count == Shards.Count, "All shards at the last node");
        // One that is cut off may not know yet that another tells it, and nobody can ask it.
        second.Wire.Mend();
        await site.LeaveAsync(second);
        await SumAsync(4, 3, 0);

        await last.Scheduler.CommandDeadLettersAsync(new CommandDeadLetters(Site.Ns, "ann", dead[0], DeadLetterVerb.Dismiss), default);
        await SumAsync(4, 2, 0);
        foreach (var run in site.Runs) await last.Scheduler.CommandRunAsync(new CommandRun(Site.Ns, "ann", run, RunVerb.Cancel, null), default);
        await SumAsync(0, 2, 4);

        // Never does more than one tell it.
        Task SumAsync(int running, int events, int notices) => Site.UntilAsync(() =>
        {
            var told = ((string Instrument, string Tags, int Value)[])[("fanfare.run.active", "running", running), ("fanfare.dead_letters", "event", events), ("fanfare.dead_letters", "notice", notices)];
            return told.All(expected =>
            {
                var said = gauges.Of(expected.Instrument, expected.Tags);
                Assert.InRange(said.Count, 0, 1);
                return said is [var value] && value == expected.Value;
            });
        }, $"{running} active runs, {events} dead events and {notices} dead notices");

        Member Teller() => site.Members.Single(member => !member.IsDown && member.Owned.Contains(0));
    }
}
