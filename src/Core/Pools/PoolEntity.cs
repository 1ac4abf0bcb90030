using System.Globalization;
using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>A pool: what it is to be, which launches are not settled, and which machines it has. Launching and ending is done outside, and what came of it comes back as a command. A launch is remembered whole before it is asked for, so whoever comes next asks for
/// the same again; a machine is remembered until the provider says that it has ended.</summary>
/// <param name="carriedAfter">Events after which all that it has come to is said by one, and those before it are removed.</param>
public sealed class PoolEntity(StreamId id, int carriedAfter = PoolEntity.CarriedAfter) : Entity(id)
{
    public const int CarriedAfter = 1000;

    private readonly Dictionary<string, PoolMachine> _machines = [];
    private readonly List<LaunchRequest> _launches = [];
    private PoolSetting? _setting;
    private DateTimeOffset? _deletedAt;
    private int _launched;
    private bool _rowDue;

    /// <summary>Of its latest spec; 0 while there was none.</summary>
    public int Version { get; private set; }

    /// <summary>The latest, also when it has been deleted; null while there was none.</summary>
    public PoolSpec? Spec { get; private set; }

    public bool IsDeleted => _deletedAt is not null;

    /// <summary>Whether there is something to look after.</summary>
    public bool IsActive => Spec is not null && (!IsDeleted || _launches.Count > 0 || _machines.Count > 0);

    /// <summary>Those that are not settled, the oldest first.</summary>
    public IReadOnlyList<LaunchRequest> Launches => _launches;

    public IReadOnlyCollection<PoolMachine> Machines => _machines.Values;

    /// <summary>What went wrong with its last launch; null when nothing did.</summary>
    public PoolTrouble? Trouble { get; private set; }

    public PoolStanding? Standing => IsActive ? new PoolStanding(Version, Spec!, _setting!, _deletedAt) : null;

    // Somebody has to look after its machines, whatever happens.
    public override DateTimeOffset? DurableDue => IsActive ? DateTimeOffset.MinValue : null;

    public override Row? CurrentRow => Version == 0 ? null : new PoolRow(Id.Name, Standing);

    public override TimeSpan? TickAfter(DateTimeOffset now, TimeSpan uptime) => null;

    public override void Tick(in Moment moment)
    {
    }

    /// <exception cref="RefusedException">It has machines, and they are of another provider.</exception>
    public PoolChange Set(PoolSpec spec, in Moment moment)
    {
        // Nobody would find them again, nor end them.
        if (IsActive && Spec!.Provider != spec.Provider && _launches.Count + _machines.Count > 0)
            throw new RefusedException(RefusalKind.Conflict, "FAN0003", $"provider: pool '{Id.Name}' has {_launches.Count + _machines.Count} machines and launches of another one, which would be forgotten. Delete the pool, and set it when they have ended; or give the new one another name.");
        if (Spec is not null && !IsDeleted && Text(Spec) == Text(spec)) return new PoolChange(Id.Name, Version, New: false);
        Decide(new PoolSet(Version + 1, spec), moment);
        return new PoolChange(Id.Name, Version, New: true);
    }

    /// <exception cref="RefusedException">There never was such a pool.</exception>
    public PoolChange Delete(in Moment moment)
    {
        if (Spec is null) throw NotThere();
        if (IsDeleted) return new PoolChange(Id.Name, Version, New: false);
        Decide(new PoolDeleted(), moment);
        return new PoolChange(Id.Name, Version, New: true);
    }

    /// <exception cref="RefusedException">There is no such pool.</exception>
    public PoolStanding Read() => Standing ?? throw NotThere();

    /// <summary>Machines are to be launched.</summary>
    /// <param name="wanted">What to ask for; its name and time are given here.</param>
    /// <returns>The request as it is to be sent; null when the pool has been deleted or changed since that was decided, and may not have so many more.</returns>
    public LaunchRequest? Launch(LaunchRequest wanted, in Moment moment)
    {
        if (IsDeleted || Spec is null || _machines.Count + _launches.Sum(launch => launch.Count) + wanted.Count > Spec.Max) return null;
        // The number tells them apart in this pool. The chance, from those of a pool by this name in a journal that is no more, whose machines a provider may still know.
        var request = wanted with { Pool = Id.Name, Id = string.Create(CultureInfo.InvariantCulture, $"{_launched + 1}-{moment.Entropy & 0xFFFFFFFF:x8}"), AskedAt = Stored(moment.Now) };
        request.Check();
        Decide(new LaunchAsked(request), moment);
        return request;
    }

    /// <summary>What a launch came to is known for good.</summary>
    public void Settle(string launch, LaunchAnswer answer, in Moment moment)
    {
        if (!_launches.Exists(each => each.Id == launch)) return;
        List<PoolMachine> made = [.. answer.Instances.Where(each => each.State != InstanceState.Ended).Select(each => new PoolMachine(each.Id, each.Type, each.Zone, each.Capacity, launch, Stored(each.LaunchedAt)))];
        Decide(new LaunchSettled(launch, made, [.. answer.Refusals.Select(refusal => refusal with { Message = Shortened(refusal.Message) })]), moment);
    }

    /// <summary>A launch is refused for good, and has made nothing.</summary>
    public void Fail(string launch, string reason, in Moment moment)
    {
        if (_launches.Exists(each => each.Id == launch)) Decide(new LaunchFailed(launch, Shortened(reason)), moment);
    }

    /// <summary>Machines are to be ended.</summary>
    /// <returns>Those that are: who has ended meanwhile is none of them.</returns>
    public IReadOnlyList<string> End(IEnumerable<string> machines, string reason, in Moment moment)
    {
        List<string> meant = [.. machines.Where(each => _machines.TryGetValue(each, out var known) && known.Ending is null)];
        if (meant.Count > 0) Decide(new MachinesEnding(meant, reason), moment);
        return meant;
    }

    /// <summary>These carry its name. Those that are none of its machines, nor of a launch that is not settled, are nobody's, and are to be ended: what was lost on the way, or came after all.</summary>
    /// <returns>Those that are.</returns>
    public IReadOnlyList<string> Sweep(IEnumerable<Instance> instances, in Moment moment)
    {
        var open = _launches.Select(LaunchToken.Of).ToHashSet();
        List<string> strays = [.. instances.Where(each => !_machines.ContainsKey(each.Id) && !open.Contains(each.Launch)).Select(each => each.Id)];
        if (strays.Count > 0) Decide(new StraysEnding(strays), moment);
        return strays;
    }

    /// <summary>Machines have ended.</summary>
    public void Ended(IEnumerable<EndedMachine> machines, in Moment moment)
    {
        List<EndedMachine> meant = [.. machines.Where(each => _machines.ContainsKey(each.Machine)).Select(each => each with { Reason = each.Reason is { } reason ? Shortened(reason) : null })];
        if (meant.Count > 0) Decide(new MachinesEnded(meant), moment);
    }

    protected override void Handle(StreamId sender, IReadOnlyList<OutboxMessage> messages, in Moment moment) =>
        throw new InvalidOperationException($"Pool {Id} was sent a message, and takes none.");

    protected override void Apply(JournalEvent entry)
    {
        switch (entry.Event)
        {
            case PoolSet e:
                (Version, Spec, _setting, _deletedAt) = (e.Version, e.Spec, new PoolSetting(entry.Actor, Stored(entry.At)), null);
                // Another spec may do where the one before did not.
                Trouble = null;
                break;
            case PoolDeleted:
                _deletedAt = Stored(entry.At);
                break;
            case LaunchAsked e:
                _launched++;
                _launches.Add(e.Request);
                break;
            case LaunchSettled e:
                Settled(e.Launch);
                foreach (var machine in e.Machines) _machines.Add(machine.Machine, machine);
                Trouble = e.Refusals is [.., var last] ? new PoolTrouble(Stored(entry.At), last.Message.Length > 0 ? last.Message : last.Code) : null;
                break;
            case LaunchFailed e:
                Settled(e.Launch);
                Trouble = new PoolTrouble(Stored(entry.At), e.Reason);
                break;
            case MachinesEnding e:
                foreach (var machine in e.Machines) _machines[machine] = _machines[machine] with { Ending = e.Reason };
                break;
            case StraysEnding:
                break;
            case MachinesEnded e:
                foreach (var machine in e.Machines) _machines.Remove(machine.Machine);
                break;
            case PoolCarried e:
                (Version, Spec, _setting, _deletedAt, _launched, Trouble) = (e.Version, e.Spec, e.Setting, e.DeletedAt, e.Launched, e.Trouble);
                _launches.Clear();
                _launches.AddRange(e.Launches);
                _machines.Clear();
                foreach (var machine in e.Machines) _machines.Add(machine.Machine, machine);
                return;
            default:
                throw new JournalFormatException($"Stream {Id} holds {entry.Event.GetType().Name}, which is no event of a pool.");
        }
        if (Spec is null) throw new JournalFormatException($"Pool {Id} went on before it came about.");
        _rowDue |= entry.Event is PoolSet or PoolDeleted || !IsActive;
    }

    protected override void Project(JournalEvent entry, List<Row> rows)
    {
    }

    protected override void CollectRows(List<Row> rows)
    {
        if (!_rowDue || CurrentRow is not { } row) return;
        _rowDue = false;
        rows.Add(row);
    }

    private void Decide(Event decided, in Moment moment)
    {
        Emit(decided, moment);
        if (IsCarriedAfter(carriedAfter))
            Emit(Carrying((sent, received) => new PoolCarried(Version, Spec!, _setting!, _deletedAt, _launched, [.. _launches], [.. _machines.Values], Trouble) { Sent = sent, Received = received }), moment);
    }

    private void Settled(string launch)
    {
        if (_launches.RemoveAll(each => each.Id == launch) != 1) throw new JournalFormatException($"Pool {Id} has no launch '{launch}' that is not settled, of which more is said.");
    }

    private RefusedException NotThere() => new(RefusalKind.NotFound, "FAN0002", $"There is no pool '{Id.Name}'.");

    // Specs hold lists, which are not compared by what is in them.
    private static string Text(PoolSpec spec) => JsonSerializer.Serialize(spec, ContractsJson.Default.PoolSpec);

    private static string Shortened(string reason) => reason.Length <= Limits.ErrorChars ? reason : reason[..Limits.ErrorChars];
}
