using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Invariants;

/// <summary>What the history says of notices. Of every outcome that a flow's rules speak of there is one notice for each of them, and each of its receivers is told, or it is a dead letter of the receiver's.</summary>
public sealed class NoticeLives
{
    private readonly Dictionary<string, int> _due = [];
    private readonly Dictionary<StreamId, Life> _lives = [];
    private readonly Dictionary<StreamId, IReadOnlyList<NotifySpec>?> _rulesOfSchedules = [];

    /// <summary>Who was told, by the history, and of which notice.</summary>
    public IEnumerable<(string Notice, string Receiver)> Told => _lives.SelectMany(life => life.Value.Receivers.Where(receiver => receiver.Value == NoticeState.Told).Select(receiver => (life.Key.Name, receiver.Key)));

    /// <summary>Who is to be told, or was, of which notice.</summary>
    public IEnumerable<(string Notice, string Receiver)> Raised => _lives.SelectMany(life => life.Value.Receivers.Keys.Select(receiver => (life.Key.Name, receiver)));

    /// <summary>Whether nobody is to be told any more, and nothing is watched.</summary>
    public bool AreSettled => _due.Count == 0 && _lives.Values.All(life => life.Receivers.Values.All(state => state != NoticeState.Pending) && !life.IsWatching);

    public string StateOf(StreamId notice) => !_lives.TryGetValue(notice, out var life) ? "notice new" : $"notice {life.Content.Kind}{(life.IsWatching ? " watching" : "")} {string.Join(' ', life.Receivers.Values.Distinct().Order())}";

    public void RunStarted(string run, FlowSpec spec)
    {
        foreach (var rule in Rules(spec.Notify, NoticeKind.Late)) Expect($"watch {run} {To(rule)}");
    }

    public void RunEnded(string run, FlowSpec spec, int generation, RunStatus status)
    {
        foreach (var rule in Rules(spec.Notify, status == RunStatus.Succeeded ? NoticeKind.Succeeded : status == RunStatus.Failed ? NoticeKind.Failed : NoticeKind.Cancelled)) Expect($"end {run} {generation} {To(rule)}");
    }

    public void ReadSchedule(Recorded recorded)
    {
        if (recorded.Entry.Event is ScheduleSet set) _rulesOfSchedules[recorded.Stream] = set.Notify;
        if (recorded.Entry.Event is not ScheduleAdvanced advanced) return;
        foreach (var rule in Rules(_rulesOfSchedules.GetValueOrDefault(recorded.Stream), NoticeKind.Skipped))
        {
            if (advanced.Skipped > 0) Expect($"skip {recorded.Stream.Name} {advanced.Skipped} {To(rule)}");
            if (advanced.Dropped > 0) Expect($"skip {recorded.Stream.Name} {advanced.Dropped} {To(rule)}");
        }
    }

    public void Read(Recorded recorded, Action<string> complain)
    {
        if (!_lives.TryGetValue(recorded.Stream, out var life))
        {
            NoticeContent content;
            switch (recorded.Entry.Event)
            {
                case NoticeRaised e:
                    content = e.Content;
                    Came(NameOf(e.Content), complain);
                    break;
                case RunWatched e:
                    content = e.Content;
                    Came($"watch {e.Content.Run} {string.Join(',', e.Content.Receivers)}", complain);
                    break;
                default:
                    complain($"a notice begins with {recorded.Entry.Event.GetType().Name}");
                    return;
            }
            _lives[recorded.Stream] = life = new Life(content) { IsWatching = recorded.Entry.Event is RunWatched };
            if (!life.IsWatching) Raise(life);
            return;
        }
        switch (recorded.Entry.Event)
        {
            case RunLate e:
                if (!life.IsWatching) complain("a run is late that is not watched");
                if (!e.Payload.Contains("\"deadline\"", StringComparison.Ordinal)) complain("a run is late, and by when it was to end is not said");
                life.IsWatching = false;
                Raise(life);
                break;
            case WatchPutOff:
                if (!life.IsWatching) complain("a run was looked at that is not watched");
                break;
            case WatchEnded:
                life.IsWatching = false;
                break;
            case NoticeTold e:
                Change(life, e.Receiver, NoticeState.Pending, NoticeState.Told, complain);
                break;
            case NoticeFailed e:
                Change(life, e.Receiver, NoticeState.Pending, e.Again is null ? NoticeState.Dead : NoticeState.Pending, complain);
                if (e.Again is { } again && again <= recorded.Entry.At) complain("a receiver is tried again at once");
                break;
            case NoticeRedriven e:
                foreach (var receiver in e.Receivers) Change(life, receiver, NoticeState.Dead, NoticeState.Pending, complain);
                break;
            case NoticeDismissed e:
                foreach (var receiver in e.Receivers) Change(life, receiver, NoticeState.Dead, NoticeState.Dismissed, complain);
                break;
            default:
                complain($"{recorded.Entry.Event.GetType().Name} follows in a notice");
                break;
        }
    }

    /// <summary>What holds when all is over.</summary>
    public IEnumerable<string> Missing() =>
        _due.Keys.Select(name => $"no notice was raised of: {name}").Concat(_lives.Where(life => life.Value.IsWatching || life.Value.Receivers.ContainsValue(NoticeState.Pending)).Select(life => $"{life.Key} was left as it is: {StateOf(life.Key)}"));

    private void Expect(string name) => _due[name] = _due.GetValueOrDefault(name) + 1;

    private void Came(string name, Action<string> complain)
    {
        if (_due.GetValueOrDefault(name) is var due && due == 0) complain($"a notice was raised that no outcome leads to, or once more: {name}");
        else if (due == 1) _due.Remove(name);
        else _due[name] = due - 1;
    }

    private static string NameOf(NoticeContent content)
    {
        using var payload = JsonDocument.Parse(content.Payload);
        var to = string.Join(',', content.Receivers);
        return content.Kind == NoticeKind.Skipped
            ? $"skip {content.Flow}/{content.Schedule} {payload.RootElement.GetProperty("count").GetInt64()} {to}"
            : $"end {content.Run} {payload.RootElement.GetProperty("generation").GetInt32()} {to}";
    }

    private static IEnumerable<NotifySpec> Rules(IReadOnlyList<NotifySpec>? rules, NoticeKind kind) => (rules ?? []).Where(rule => rule.On.Contains(kind));

    private static string To(NotifySpec rule) => string.Join(',', rule.To);

    private static void Raise(Life life)
    {
        foreach (var receiver in life.Content.Receivers) life.Receivers[receiver] = NoticeState.Pending;
    }

    private static void Change(Life life, string receiver, NoticeState from, NoticeState to, Action<string> complain)
    {
        if (!life.Receivers.TryGetValue(receiver, out var state) || state != from) complain($"receiver {receiver} becomes {to}, and was {state}");
        life.Receivers[receiver] = to;
    }

    private sealed class Life(NoticeContent content)
    {
        public NoticeContent Content => content;

        public bool IsWatching { get; set; }

        public Dictionary<string, NoticeState> Receivers { get; } = [];
    }
}
