using System.Collections.Concurrent;
using Fanfare.Contracts;

namespace Fanfare.Nodes;

/// <summary>The nodes call each other as objects: what is seen is the engine's doing alone.</summary>
internal sealed class DirectNetwork : INetwork
{
    private readonly ConcurrentDictionary<string, Place> _places = [];

    public Task<IPlace> OpenAsync(string name) => Task.FromResult<IPlace>(_places[name] = new Place(this, name));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed class Place(DirectNetwork network, string address) : IPlace, INodes
    {
        private Member? _member;
        private volatile bool _isDown;

        public string Address => address;

        public string Own => address;

        public IReadOnlyCollection<string> All => _member!.Live;

        public INodes Settle(Member member)
        {
            _member = member;
            return this;
        }

        public void Open()
        {
        }

        public string? OwnerOf(StreamId stream) => _member!.AddressOf(Shards.Of(stream));

        public Task ChangedAsync() => _member!.ChangedAsync();

        public IScheduler At(string node) => Reach(node)?.Engine ?? throw new RefusedException(RefusalKind.Busy, "FAN0008", $"{node} cannot be reached from {address}.");

        public void Tell(NodeWord word)
        {
            foreach (var other in All.Where(other => other != address)) _ = Reach(other)?.Scheduler.HearAsync(word);
        }

        public Task<long> PositionAsync(StreamId run, CancellationToken cancellationToken) =>
            (OwnerOf(run) is { } owner ? Reach(owner) : null)?.Store.ReadModel.GetPositionAsync(run.Namespace, run.Name, cancellationToken) ?? throw RefusedException.Moved(run);

        public void PutOut(string address)
        {
        }

        public Task KillAsync()
        {
            _isDown = true;
            return Task.CompletedTask;
        }

        public ValueTask DisposeAsync()
        {
            network._places.TryRemove(address, out _);
            return ValueTask.CompletedTask;
        }

        private Member? Reach(string node) => !_isDown && network._places.TryGetValue(node, out var place) && !place._isDown ? place._member : null;
    }
}
