using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>Which statement lists runs; both databases name theirs alike.</summary>
internal static class RunListing
{
    /// <summary>The one whose index leaves the least to walk over. What it does not cover is checked row by row.</summary>
    public static string StatementFor(RunFilter filter) => filter switch
    {
        { Tag: not null } => "runs_by_tag",
        { Flow: not null, Status: not null } => "runs_by_flow_and_status",
        { Status: not null } => "runs_by_status",
        { Active: true } => "runs_active",
        { Flow: not null } => "runs_by_flow",
        _ => "runs_by_created",
    };
}
