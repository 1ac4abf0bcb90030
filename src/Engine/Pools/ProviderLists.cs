using Fanfare.Contracts;

namespace Fanfare.Engine;

/// <summary>What providers say that there is, asked for once for all pools of a node.</summary>
internal sealed class ProviderLists
{
    private readonly Dictionary<IInstanceProvider, (Task<IReadOnlyList<Instance>> Answer, TimeSpan AskedAt)> _lists = [];

    /// <param name="notBefore">It has been asked then at the earliest, by the node's uptime.</param>
    public Task<IReadOnlyList<Instance>> OfAsync(EngineNode node, IInstanceProvider provider, TimeSpan notBefore)
    {
        if (_lists.TryGetValue(provider, out var known) && (known.AskedAt >= notBefore || !known.Answer.IsCompleted) && !known.Answer.IsFaulted && !known.Answer.IsCanceled) return known.Answer;
        var asked = (Answer: provider.ListAsync(node.Stopping), AskedAt: node.Uptime);
        _lists[provider] = asked;
        return asked.Answer;
    }
}
