using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

// Notices: receivers are told, and runs looked at, beside what the entities decide; what came of it goes back to the notice as a command.
public sealed partial class EngineNode
{
    private readonly Tellers _tellers = new();
    private readonly RunHistories _histories;

    public Task<IReadOnlyList<NoticeDelivery>> CommandNoticeAsync(CommandNotice command, CancellationToken cancellationToken) => OnLoop(() =>
        Activate(StreamId.Notice(command.Namespace, command.Notice)).Ask<NoticeEntity, IReadOnlyList<NoticeDelivery>>(command.Actor, (NoticeEntity notice, in Moment moment) => notice.Command(command, moment))).WaitAsync(cancellationToken);

    /// <summary>A run's end is durable.</summary>
    internal void RunEnded(RunEntity run, RunStatus status)
    {
        Failing.Ended(run.Id.Namespace, run.Flow, status, Uptime);
        if (status == RunStatus.Succeeded) _histories.Succeeded(run.Id.Namespace, run.Flow);
    }

    /// <summary>Begins what is due about a notice, of which all is durable.</summary>
    internal void Attend(Activation activation, NoticeEntity notice)
    {
        foreach (var errand in notice.TakeDue(Now))
        {
            switch (errand)
            {
                case TellErrand tell:
                    _tellers.Put(this, tell.Receiver, () => TellAsync(activation, tell));
                    break;
                case LookErrand look:
                    Start(() => LookAsync(activation, look));
                    break;
                default:
                    throw new InvalidOperationException($"Unknown errand {errand}.");
            }
        }
    }

    private async Task TellAsync(Activation activation, TellErrand tell)
    {
        NoticeAnswer answer;
        try
        {
            answer = Options.Notifier is { } notifier
                ? await notifier.TellAsync(tell.Notice, tell.Receiver, Stopping)
                : new NoticeAnswer(NoticeOutcome.Refused, $"This server knows no receivers, and so not '{tell.Receiver}'. Start it with --receivers FILE, and redrive the notice.");
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !_stopping.IsCancellationRequested)
        {
            // A notifier answers, and does not throw; where it is wrong about that, the notice is not lost for it.
            Warn($"{activation.Id} could not be told to {tell.Receiver}: {exception}", activation.Id);
            answer = new NoticeAnswer(NoticeOutcome.Later, exception.Message);
        }
        await GiveBackAsync(activation, (NoticeEntity notice, in Moment moment) =>
        {
            notice.Answered(tell.Receiver, answer, moment);
            return true;
        });
    }

    private async Task LookAsync(Activation activation, LookErrand look)
    {
        var outlook = await OutlookAsync(activation, look);
        await GiveBackAsync(activation, (NoticeEntity notice, in Moment moment) =>
        {
            notice.LookedAt(outlook, moment);
            return true;
        });
    }

    // While the store does not answer nothing is known, and nothing is said.
    private async Task<RunOutlook> OutlookAsync(Activation activation, LookErrand look)
    {
        while (true)
        {
            try
            {
                if (await ReadModel.GetRunAsync(look.Namespace, look.Run, Stopping) is not { EndedAt: null } run) return new RunOutlook(IsOver: true, null);
                var history = await _histories.OfAsync(look.Namespace, look.Flow, Uptime, Stopping);
                return RunOutlook.Of(run, await RunHistories.StepsOfAsync(ReadModel, run, int.MaxValue, Stopping), history, Now);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                Warn($"{activation.Id} could not look at run {look.Run}, and tries on: {exception.Message}", activation.Id);
                await DelayAsync(TimeSpan.FromSeconds(5));
            }
        }
    }

    // What cannot be taken back, since the journal does not take it or another node has the notice now, is done again when the notice has been read anew. Whoever failed has said so.
    private static async Task GiveBackAsync(Activation activation, Decision<NoticeEntity, bool> outcome)
    {
        try
        {
            await activation.Ask("system", outcome);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
        }
    }
}
