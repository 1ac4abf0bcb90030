using System.Text;
using Fanfare.Contracts;

namespace Fanfare.Core;

public sealed partial class StepEntity
{
    // All of this runs in Apply: messages are derived from events, so that a replay derives the same ones.
    private void RouteSuccess(int split, string? output, string? chosen, ForeachItems? items, int count, int artifacts)
    {
        // What the successor's lease will have to carry; 0 spares it the look-up.
        var bytes = (output is null ? 0 : Encoding.UTF8.GetByteCount(output)) + (artifacts * 64);
        switch (_node.Spec.Next)
        {
            case null:
                Send(RunStream, new ReportEnd(Key));
                break;
            case GoTo when IsGang:
                Hold(split, bytes);
                break;
            case GoTo next:
                RouteTo(next.Step, split, bytes);
                break;
            case Switch:
                RouteTo(chosen!, split, bytes);
                break;
            case StaticSplit next:
                foreach (var step in next.Steps)
                {
                    var branch = Routes.Branch(_graph[step], Key);
                    Announce(branch, split);
                    Send(Stream(branch), new ArriveSplits(Said(split), Key, SplitRanges.One(split), bytes, _items));
                }
                break;
            case Foreach next:
                var body = _graph[next.Step];
                var join = Routes.Outside(body.Frame, body.Frame.Join!, Routes.Body(body, _node, Key, split), split);
                Announce(join.Key, split);
                Send(Stream(join.Key), new ExpectMembers(Said(split), join.Split, Key, count, _items));
                if (count == 0) break;
                var opening = Routes.Body(body, _node, Key, split);
                // Each split of a nested foreach opens its body once: remembering a hundred thousand of them would serve nothing.
                Announce(opening, split, once: !_node.InForeach);
                Send(Stream(opening), new OpenForeach(Said(split), Key, split, count, items!, bytes));
                break;
            default:
                throw new InvalidOperationException($"Unknown next {_node.Spec.Next}.");
        }
    }

    private void RouteTo(string step, int split, long bytes)
    {
        var target = _graph[step];
        if (_node.Frame.Join == step)
        {
            var join = Routes.Outside(_node.Frame, step, Key, split);
            Announce(join.Key, split);
            var member = SplitRanges.One(Routes.Member(_node.Frame, split));
            Send(Stream(join.Key), new ArriveMembers(Said(split), join.Split, Key, member, SplitRanges.Empty, bytes, ItemsOutside(_node.Frame)));
            return;
        }
        var next = Routes.Sibling(target, Key, _node.BackEdges.Contains(step));
        Announce(next, split);
        Send(Stream(next), new ArriveSplits(Said(split), Key, SplitRanges.One(split), bytes, _items));
    }

    /// <summary>A failure for good goes to the innermost join that tolerates one, else to the run.</summary>
    private void RouteFailure(int split, TaskError error)
    {
        var frame = _node.Frame;
        var (key, at) = (Key, split);
        Routes.Position? left = null;
        while (frame.Kind != FrameKind.Root)
        {
            var join = _graph[frame.Join!];
            var outside = Routes.Outside(frame, join.Name, key, at);
            if (join.Spec.Join is { Kind: not JoinKind.All })
            {
                // Whatever else runs in the inner splits that were left can no longer count.
                if (left is { } opener) Send(RunStream, new CancelScope(opener.Key, opener.Split));
                Announce(outside.Key, split);
                var member = SplitRanges.One(Routes.Member(frame, at));
                Send(Stream(outside.Key), new ArriveMembers(Said(split), outside.Split, Key, SplitRanges.Empty, member, 0));
                return;
            }
            left = Routes.Outside(frame, frame.Opener!, key, at);
            (key, at) = (left.Value.Key, left.Value.Split);
            frame = frame.Parent!;
        }
        Send(RunStream, new ReportFailure(Key, split, error));
    }

    /// <summary>The join has what it needs: the rest of its split is of no use.</summary>
    private void CancelRest(int split)
    {
        var opener = _graph.Nodes.First(n => n.Spec.Next switch
        {
            Foreach each => _graph[each.Step].Frame.Join == _node.Name,
            StaticSplit branches => _graph[branches.Steps[0]].Frame.Join == _node.Name,
            _ => false,
        });
        Send(RunStream, new CancelScope(new StepKey(opener.Name, Key.Outer, Key.Loops), split));
    }

    // A join of branches lies in the same foreach; that of a foreach has its items from the opener.
    private ForeachItems? ItemsOutside(Frame frame) => frame.Kind == FrameKind.Branch ? _items : null;

    // The run hears of an opening before the opening itself is told of, so that a cancel can always reach it.
    private void Announce(StepKey key, int split, bool once = true)
    {
        if (!once || _announced.Add(key)) Send(RunStream, new AnnounceSteps([key], IsHalted(split) ? true : null));
    }

    private StreamId RunStream => StreamId.Run(Id.Namespace, _run!.Run);

    private StreamId Stream(StepKey key) => StreamId.Step(Id.Namespace, _run!.Run, key);
}
