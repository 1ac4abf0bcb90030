namespace Fanfare.Gateway;

/// <summary>Narrows runs by their tags and system tags: <c>_tags</c> and <c>_tags:all</c> by all of those given, <c>:any</c> by any of them, <c>:likeall</c> and <c>:likeany</c> by parts of them.</summary>
internal static class MetaflowTagFilter
{
    public static Func<MetaflowRun, bool> Of(string key, string value)
    {
        var wanted = value.Split(',');
        return key switch
        {
            "_tags:any" => run => Array.Exists(wanted, TagsOf(run).Contains),
            "_tags:likeany" => run => TagsOf(run) is var tags && Array.Exists(wanted, part => tags.Exists(tag => tag.Contains(part, StringComparison.Ordinal))),
            "_tags:likeall" => run => TagsOf(run) is var tags && Array.TrueForAll(wanted, part => tags.Exists(tag => tag.Contains(part, StringComparison.Ordinal))),
            "_tags" or "_tags:all" => run => Array.TrueForAll(wanted, TagsOf(run).Contains),
            _ => throw ApiFault.Field(key, "is not an operator of _tags", "Give all, any, likeall or likeany."),
        };
    }

    private static List<string> TagsOf(MetaflowRun run) => [.. MetaflowJson.Texts(run.Tags), .. MetaflowJson.Texts(run.SystemTags)];
}
