using Fanfare.Fuzz.Kernel;

namespace Fanfare.Fuzz.Specs;

/// <summary>Changes the structure of a flow's document: swaps, drops, doubles, retypes, nests and renames its nodes, and puts hostile scalars in.</summary>
internal static class FlowMutation
{
    public static Twig Of(Twig flow, Draw draw, int changes)
    {
        var root = new ListTwig([flow.Copy()]);
        for (; changes > 0; changes--) Change(root, draw);
        return root.Items.Count == 0 ? new Leaf("", true) : root.Items[0];
    }

    /// <summary>A scalar that some part of the reader must refuse or take with care.</summary>
    public static Leaf HostileLeaf(Draw draw) => draw.Below(4) switch
    {
        0 => new Leaf(Hostile.Number(draw), true),
        1 => new Leaf(draw.Among(FlowCatalog.Vocabulary), draw.OneIn(2)),
        2 => new Leaf(draw.Of("~", "null", "NULL", "True", "yes", "0x1F", "0o7", "1_000", ".5", "5.", "+1", ".inf", "-.inf", ".nan", "007", "1e3", "1h", "1h1h", "99999999999d", "-1s", "1GiB", "9999999999TiB", "2026-01-01", "<<", "=", "!!str x", "&a x", "*a", "? x", "- x", "a: b", "a #b", "{a", "[a", "|", ">", "%x", "@x", "`x", "--- x"), true),
        _ => new Leaf(Hostile.Text(draw), draw.OneIn(3)),
    };

    private static void Change(ListTwig root, Draw draw)
    {
        var places = new List<(Twig Parent, int Index)>();
        Collect(root, places);
        if (places.Count == 0) return;
        var (parent, index) = draw.Among(places);
        var value = At(parent, index);
        switch (draw.Below(12))
        {
            case 0:
                Remove(parent, index);
                break;
            case 1:
                Insert(parent, index, KeyAt(parent, index), value.Copy());
                break;
            case 2:
                var (other, at) = draw.Among(places);
                var (mine, theirs) = (value.Copy(), At(other, at).Copy());
                Put(parent, index, theirs);
                if (Holds(root, other)) Put(other, at, mine);
                break;
            case 3:
                Put(parent, index, Retyped(value, draw));
                break;
            case 4:
                for (var depth = draw.OneIn(6) ? draw.Of(30, 31, 32, 33, 100) : draw.Between(1, 2); depth > 0; depth--)
                    value = draw.OneIn(2) ? new ListTwig([value]) : new MapTwig([(draw.Among(FlowCatalog.Vocabulary), value)]);
                Put(parent, index, value);
                break;
            case 5 when parent is MapTwig map:
                map.Entries[index] = (draw.OneIn(3) ? Hostile.Text(draw) : draw.Among(FlowCatalog.Vocabulary), value);
                break;
            case 6:
                // A part of another flow.
                var donors = new List<(Twig Parent, int Index)>();
                Collect(draw.Among(FlowCatalog.Flows), donors);
                var (donor, from) = draw.Among(donors);
                Insert(parent, index, KeyAt(donor, from), At(donor, from).Copy());
                break;
            case 7 when value is ListTwig list:
                draw.Shuffle(list.Items);
                break;
            case 7 when value is MapTwig entries:
                draw.Shuffle(entries.Entries);
                break;
            case 8 when places.Count < 3000 && draw.OneIn(4):
                Multiply(parent, index, draw);
                break;
            case 9 when value is Leaf leaf:
                Put(parent, index, new Leaf(JsonMutation.Edited(leaf.Text, draw), leaf.Plain));
                break;
            case 10 when value is Leaf { Plain: var plain } quoted:
                Put(parent, index, quoted with { Plain = !plain });
                break;
            default:
                Put(parent, index, HostileLeaf(draw));
                break;
        }
    }

    private static Twig Retyped(Twig value, Draw draw) => value switch
    {
        Leaf leaf when draw.OneIn(2) => new ListTwig([leaf]),
        Leaf leaf => new MapTwig([(leaf.Text, new Leaf("1", true))]),
        ListTwig list when draw.OneIn(2) => new MapTwig([.. list.Items.Select((item, i) => ($"k{i}", item))]),
        MapTwig map when draw.OneIn(2) => new ListTwig([.. map.Entries.Select(e => e.Value)]),
        MapTwig map when draw.OneIn(2) => new ListTwig([.. map.Entries.Select(e => (Twig)new Leaf(e.Key, true))]),
        _ => draw.OneIn(2) ? new MapTwig([]) : new ListTwig([]),
    };

    private static void Multiply(Twig parent, int index, Draw draw)
    {
        var (key, value) = (KeyAt(parent, index), At(parent, index));
        for (var i = draw.Of(70, 300, 1100); i > 0; i--) Insert(parent, index, draw.OneIn(50) ? key : $"{key}_{i}", value.Copy());
    }

    private static void Collect(Twig twig, List<(Twig Parent, int Index)> places)
    {
        var count = twig switch { ListTwig list => list.Items.Count, MapTwig map => map.Entries.Count, _ => 0 };
        for (var i = 0; i < count; i++)
        {
            places.Add((twig, i));
            Collect(At(twig, i), places);
        }
    }

    private static bool Holds(Twig root, Twig wanted) => ReferenceEquals(root, wanted) || root switch
    {
        ListTwig list => list.Items.Exists(i => Holds(i, wanted)),
        MapTwig map => map.Entries.Exists(e => Holds(e.Value, wanted)),
        _ => false,
    };

    private static Twig At(Twig parent, int index) => parent is ListTwig list ? list.Items[index] : ((MapTwig)parent).Entries[index].Value;

    private static string KeyAt(Twig parent, int index) => parent is MapTwig map ? map.Entries[index].Key : "item";

    private static void Put(Twig parent, int index, Twig value)
    {
        if (parent is ListTwig list) list.Items[index] = value;
        else ((MapTwig)parent).Entries[index] = (((MapTwig)parent).Entries[index].Key, value);
    }

    private static void Insert(Twig parent, int index, string key, Twig value)
    {
        if (parent is ListTwig list) list.Items.Insert(index, value);
        else ((MapTwig)parent).Entries.Insert(index, (key, value));
    }

    private static void Remove(Twig parent, int index)
    {
        if (parent is ListTwig list) list.Items.RemoveAt(index);
        else ((MapTwig)parent).Entries.RemoveAt(index);
    }
}
