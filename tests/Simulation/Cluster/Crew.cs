using Fanfare.Contracts;
using Fanfare.Simulation.Kernel;

namespace Fanfare.Simulation.Cluster;

/// <summary>The people: they deploy flows, start runs until that is acknowledged, and interfere with some of them.</summary>
internal sealed class Crew
{
    private readonly SimCluster _cluster;
    private readonly HistoryChecker _history;
    private readonly Chance _chance;
    private readonly Dictionary<string, int> _impatient = [];

    public Crew(SimCluster cluster, HistoryChecker history, IReadOnlyList<FlowSpec> flows, bool operators)
    {
        (_cluster, _history, _chance) = (cluster, history, cluster.Loop.Chance.Fork());
        // Of its own, so that the seeds whose flows stay live as they did before there were deletions.
        var deletions = new Chance(Chance.Mix(cluster.Loop.Seed ^ Chance.Hash("deletions")));
        var schedules = new Chance(Chance.Mix(cluster.Loop.Seed ^ Chance.Hash("pauses of schedules")));
        foreach (var flow in flows)
        {
            var (copy, run) = (flow, $"{flow.Name}-run");
            Runs.Add(run);
            var again = operators && _chance.Roll(0.25);
            var deletes = operators && deletions.Roll(0.2);
            Deploy(copy, version => Later(_chance.Span(0, 20_000), () =>
            {
                // What runs goes on to its end.
                Start(copy, run, () =>
                {
                    if (deletes) Later(deletions.Span(0, deletions.Roll(0.5) ? 50 : 20_000), () => Delete(copy, version, () => DeployAgain(copy)));
                });
                // Also while the start is still on its way.
                if (again && !deletes) Later(_chance.Span(0, _chance.Roll(0.5) ? 50 : 10_000), () => DeployAgain(copy));
            }));
            if (again || deletes) Runs.Add(RerunOf(copy));
            if (!operators || (!_cluster.Faults.MessagesLag && _chance.Roll(0.4))) continue;
            if (_cluster.Faults.MessagesLag) _impatient[run] = _chance.Between(3, 8);
            else if (_chance.Roll(0.3)) _impatient[run] = _chance.Between(1, 3);
            for (var i = _chance.Between(1, 6); i > 0; i--)
            {
                Later(_chance.Span(1_000, 90_000), () =>
                {
                    if (_cluster.Faults.At("operator", run) is { } strike) Interfere(run, copy, strike.Chance);
                });
            }
        }
        foreach (var flow in operators ? flows : [])
        {
            foreach (var schedule in flow.Schedules ?? [])
            {
                var id = StreamId.Schedule("default", flow.Name, schedule.Name);
                Later(schedules.Span(5_000, 60_000), () => Command(id, ScheduleVerb.Pause, () => Later(schedules.Span(1_000, 60_000), () => Command(id, ScheduleVerb.Resume))));
            }
        }
        if (cluster.Loop.Seed is var seed && flows.Any(flow => flow.Schedules is not null) && new Chance(Chance.Mix(seed ^ Chance.Hash("backfills"))) is var backfills && backfills.Roll(0.5))
        {
            foreach (var flow in flows.Where(flow => flow.Schedules is not null)) Later(backfills.Span(3_000, 60_000), () => Backfill(flow, backfills, 1));
        }
        if (flows.Any(flow => flow.Triggers is not null)) PublishSome(new Chance(Chance.Mix(cluster.Loop.Seed ^ Chance.Hash("events"))));
        if (flows.Any(flow => flow.Notify is not null)) LookAfterNotices(new Chance(Chance.Mix(cluster.Loop.Seed ^ Chance.Hash("dead notices"))));
        if (cluster.Cloud is { } cloud)
        {
            Insist(e => e.SetPoolAsync(new SetPool("ann", cloud.Spec), CancellationToken.None), _ => { });
            LookAfterPool(cloud);
        }
        LookAfterPaused();
    }

    /// <summary>Names of what is published in lives whose flows have triggers.</summary>
    public static IReadOnlyList<string> Events { get; } = ["x", "y", "z"];

    public List<string> Runs { get; } = [];

    /// <summary>Called for each command of an operator that was answered: the run, the command, and what came of it.</summary>
    public Action<string, string, string>? Answered { get; set; }

    /// <summary>Sees what becomes durable. Some operators wait for nothing but the end of a run, to retry it at once: what was sent before is still on its way then.</summary>
    public void Saw(Recorded recorded)
    {
        if (recorded.Entry.Event is not RunEnded || recorded.Stream.RunId is not { } run || !_impatient.TryGetValue(run, out var times) || times == 0) return;
        _impatient[run] = times - 1;
        Later(_chance.Span(0, 20), () =>
        {
            if (_cluster.Faults.At("operator", run) is not { Chance: var chance }) return;
            var steps = _cluster.Store.Rows.Steps.Where(s => s.Key.Run == run).Select(s => s.Key.Key.Step).Distinct().Order(StringComparer.Ordinal).ToList();
            Command(run, RunVerb.Retry, steps.Count > 0 && chance.Roll(0.7) ? chance.Pick(steps) : null);
            if (chance.Roll(0.3)) Later(chance.Span(0, 200), () => Command(run, RunVerb.Cancel));
        });
    }

    private static string RerunOf(FlowSpec flow) => $"{flow.Name}-rerun";

    private void Deploy(FlowSpec flow, Action<int> then)
    {
        var deploy = new DeployFlow("default", "ann", flow, "source", null);
        Insist(e => e.DeployAsync(deploy, CancellationToken.None), deployed =>
        {
            _history.DeploymentAnswered(flow.Name, deployed.Version);
            then(deployed.Version);
        });
    }

    private void Start(FlowSpec flow, string run, Action? then = null)
    {
        var start = new StartRun("default", "ann", flow.Name, null, "{}", [], _chance.Int(3), null, run);
        _history.StartAsked(flow.Name, run);
        Insist(e => e.StartRunAsync(start, CancellationToken.None), _ => then?.Invoke());
    }

    // A deletion that comes late is not to take away what was deployed since, so it names what it is of. Then a run is asked for that must not start.
    private void Delete(FlowSpec flow, int version, Action then)
    {
        _cluster.Loop.Trace($"ann: Delete {flow.Name} {version}");
        Insist(e => e.DeleteFlowAsync(new DeleteFlow("default", "ann", flow.Name, version), CancellationToken.None), deleted =>
        {
            _history.DeletionAnswered(flow.Name, deleted.Deployment);
            var (start, asked) = (new StartRun("default", "ann", flow.Name, null, "{}", [], 0, null, $"{flow.Name}-ghost"), false);
            _history.StartAsked(flow.Name, start.Run);
            _cluster.Call("client", e => e.StartRunAsync(start, CancellationToken.None), _ => { }, _ => Go());
            // Whether it is answered or not.
            Later(TimeSpan.FromSeconds(10), Go);

            void Go()
            {
                if (!asked) then();
                asked = true;
            }
        });
    }

    // With a key or an id of its own: either way it is sent until it is answered, and published once.
    private void PublishSome(Chance chance)
    {
        for (var i = chance.Between(3, 8); i > 0; i--)
        {
            var command = new PublishEvent("default", "ann", chance.Pick(Events), $"{{\"n\":{i}}}", chance.Roll(0.5) ? $"key-{chance.Int(5)}" : null, $"event-{i}");
            Later(chance.Span(500, 60_000), () =>
            {
                _cluster.Loop.Trace($"ann: publish {command.Name} {command.Key} {command.Event}");
                _history.PublishAsked(command);
                Insist(e => e.PublishAsync(command, CancellationToken.None), _ => { });
            });
        }
    }

    // Changed, and run as soon as that is said to be there.
    private void DeployAgain(FlowSpec flow)
    {
        var changed = flow with { Tags = [.. flow.Tags, "changed"] };
        Deploy(changed, _ => Later(_chance.Span(0, 5), () => Start(changed, RerunOf(flow))));
    }

    private void Interfere(string run, FlowSpec flow, Chance chance)
    {
        switch (chance.Int(10))
        {
            case 0:
                Command(run, RunVerb.Cancel);
                break;
            case 1 or 2:
                Pause(run);
                Later(chance.Span(100, 20_000), () => Insist(e => Resume(e, run), _ => { }));
                break;
            case 3 or 4:
                Command(run, RunVerb.Retry);
                break;
            case 5:
                Command(run, RunVerb.Retry, chance.Pick(flow.Steps).Name);
                break;
            default:
                var tasks = _cluster.Store.Rows.Tasks.Where(t => t.Key.Run == run).SelectMany(t => t.Value.Values).ToList();
                if (tasks.Count == 0) break;
                var task = chance.Pick(tasks);
                var verb = chance.Pick([TaskVerb.Kill, TaskVerb.Kill, TaskVerb.Retry, TaskVerb.Retry, TaskVerb.Skip]);
                var output = verb == TaskVerb.Skip ? """{"v":"skipped","items":2,"verdict":"done"}""" : null;
                var command = new CommandTask("olga", new TaskRef("default", run, task.Key, task.Split), verb, output);
                _cluster.Loop.Trace($"olga: {verb} {run} {task.Key} {task.Split}");
                _cluster.Call("operator", e => Completed(e.CommandTaskAsync(command, CancellationToken.None)), _ => Answered?.Invoke(run, verb.ToString(), "done"), e => Refused(run, verb.ToString(), e));
                break;
        }
    }

    // Every run has to end, and a pause that was long on its way may land after the resume that was meant for it: once the faults are
    // over, somebody looks for runs that are paused.
    private void LookAfterPaused() => Later(TimeSpan.FromSeconds(30), () =>
    {
        foreach (var run in Runs.Where(r => !_cluster.Faults.Active && _cluster.Store.Rows.Runs.GetValueOrDefault(("default", r))?.Status == RunStatus.Paused))
            Insist(e => Resume(e, run), _ => { });
        foreach (var backfill in _cluster.Faults.Active ? [] : _cluster.Store.Rows.Backfills.Values.Where(b => b.Standing.State == BackfillState.Paused).ToList()) Command(backfill.Backfill, BackfillVerb.Resume);
        LookAfterPaused();
    });

    // It is wanted as long as anything runs.
    private void LookAfterPool(SimCloud cloud) => Later(TimeSpan.FromSeconds(10), () =>
    {
        if (_cluster.Faults.Active || !Runs.TrueForAll(run => _history.Runs.GetValueOrDefault(run)?.Ended is not null)) LookAfterPool(cloud);
        else Insist(e => e.DeletePoolAsync(new DeletePool("ann", cloud.Spec.Name), CancellationToken.None), _ => cloud.IsDeleted = true);
    });

    private void LookAfterNotices(Chance chance) => Later(chance.Span(10_000, 60_000), () =>
    {
        foreach (var notice in _cluster.Store.Rows.Notices.Values.Where(notice => notice.IsDead && chance.Roll(0.3)).ToList())
        {
            var command = new CommandNotice("default", "olga", notice.Notice, _cluster.Faults.Active && chance.Roll(0.5) ? DeadLetterVerb.Redrive : DeadLetterVerb.Dismiss);
            _cluster.Loop.Trace($"olga: {command.Verb} {command.Notice}");
            Insist(e => e.CommandNoticeAsync(command, CancellationToken.None), _ => { });
        }
        LookAfterNotices(chance);
    });

    // An await would resume outside the loop.
    private Task<bool> Completed(Task task) => task.ContinueWith(done =>
    {
        done.GetAwaiter().GetResult();
        return true;
    }, CancellationToken.None, TaskContinuationOptions.None, _cluster.Scheduler);

    private void Pause(string run)
    {
        var resumes = _history.Runs.GetValueOrDefault(run)?.Resumes ?? 0;
        Command(run, RunVerb.Pause, answered: status =>
        {
            if (status == RunStatus.Paused) _history.PauseAnswered(run, resumes);
        });
    }

    // One whose flow was deleted, or never deployed, refuses.
    private void Command(StreamId schedule, ScheduleVerb verb, Action? then = null)
    {
        _cluster.Loop.Trace($"olga: {verb} {schedule}");
        var (flow, name) = schedule.ScheduleName;
        Insist(e => Completed(e.CommandScheduleAsync(new CommandSchedule("default", "olga", flow, name, verb), CancellationToken.None)), _ => then?.Invoke());
    }

    // Of what has been, up to what its schedule is about to start; and somebody may change his mind. A schedule that is not there refuses.
    private void Backfill(FlowSpec flow, Chance chance, int number)
    {
        var (schedule, now) = (flow.Schedules![0], _cluster.Loop.Now);
        var plan = new BackfillPlan(
            flow.Name, schedule.Name, now - (schedule.Every!.Value * chance.Between(1, 7)), now, chance.Roll(0.5), chance.Between(1, 3), chance.Between(-5, 0),
            chance.Pick([BackfillRerun.None, BackfillRerun.None, BackfillRerun.Failed, BackfillRerun.All]), 0);
        var id = $"{flow.Name}-backfill-{number}";
        _cluster.Loop.Trace($"olga: backfill {plan}");
        Insist(e => Completed(e.StartBackfillAsync(new StartBackfill("default", "olga", id, plan), CancellationToken.None)), _ =>
        {
            if (chance.Roll(0.4)) Later(chance.Span(0, 30_000), () => Command(id, BackfillVerb.Pause, () => Later(chance.Span(500, 30_000), () => Command(id, BackfillVerb.Resume))));
            if (chance.Roll(0.25)) Later(chance.Span(0, 60_000), () => Command(id, BackfillVerb.Cancel, runs: chance.Roll(0.5)));
            if (chance.Roll(0.3)) Later(chance.Span(0, 30_000), () => Backfill(flow, chance, number + 1));
        });
    }

    private void Command(string backfill, BackfillVerb verb, Action? then = null, bool runs = false)
    {
        _cluster.Loop.Trace($"olga: {verb} {backfill} {runs}");
        Insist(e => Completed(e.CommandBackfillAsync(new CommandBackfill("default", "olga", backfill, verb, null, runs), CancellationToken.None)), _ => then?.Invoke());
    }

    private void Command(string run, RunVerb verb, string? from = null, Action<RunStatus>? answered = null)
    {
        _cluster.Loop.Trace($"olga: {verb} {run} {from}");
        _cluster.Call("operator", e => e.CommandRunAsync(new CommandRun("default", "olga", run, verb, null, from), CancellationToken.None), status =>
        {
            Answered?.Invoke(run, verb.ToString(), status.ToString());
            answered?.Invoke(status);
        }, e => Refused(run, verb.ToString(), e));
    }

    private static Task<RunStatus> Resume(Engine.EngineNode engine, string run) =>
        engine.CommandRunAsync(new CommandRun("default", "olga", run, RunVerb.Resume, null), CancellationToken.None);

    private void Refused(string run, string verb, Exception exception)
    {
        if (exception is RefusedException refused) Answered?.Invoke(run, verb, "refused: " + refused.Code);
        else if (exception is not (OperationCanceledException or IOException)) _cluster.Warnings.Add($"a command failed: {exception}");
    }

    // Asks until there is an answer, as a client does that has to know.
    private void Insist<T>(Func<Engine.EngineNode, Task<T>> call, Action<T> then)
    {
        var answered = false;
        Try();

        void Try()
        {
            if (answered) return;
            _cluster.Call("client", call, reply =>
            {
                if (answered) return;
                answered = true;
                then(reply);
            }, exception => answered |= exception is RefusedException);
            Later(TimeSpan.FromSeconds(2), Try);
        }
    }

    private void Later(TimeSpan delay, Action action) => _cluster.Loop.After(delay, action);
}
