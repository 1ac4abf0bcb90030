namespace Fanfare.Gateway.Tests;

/// <summary>A call of Metaflow's metadata API. <c>{flow}</c>, <c>{run}</c>, <c>{task}</c> and <c>{cursor}</c> stand for what earlier answers gave.</summary>
/// <param name="Ours">The status that this gateway answers where it does better than the stock service; null where both are to agree.</param>
internal sealed record MetaflowCall(string Method, string Path, string? Body = null, int? Ours = null);

/// <summary>Calls whose answers are compared with those of the stock service.</summary>
internal static class MetaflowScript
{
    private const string Who = "\"user_name\":\"me\",\"tags\":[\"t1\"],\"system_tags\":[\"user:me\",\"metaflow_version:2.19.0\"]";

    private const string Old = "\"user_name\":\"me\",\"tags\":[\"t2\"],\"system_tags\":[\"user:you\"]";

    private const string Run = "/flows/{flow}/runs/{run}", Step = Run + "/steps/start", Task = Step + "/tasks/{task}", Named = "/flows/{flow}/runs/sfn-1/steps/start/tasks/t-1";

    public static readonly IReadOnlyList<MetaflowCall> Calls =
    [
        new("GET", "/ping"), new("GET", "/version"), new("GET", "/healthcheck"), new("GET", "/nowhere"),

        // Flows and runs.
        new("GET", "/flows/{flow}"), new("POST", "/flows/{flow}/run", $"{{{Who}}}"),
        new("POST", "/flows/{flow}", $"{{{Who}}}"), new("POST", "/flows/{flow}", $"{{{Who}}}"), new("GET", "/flows/{flow}"),
        new("GET", "/flows/{flow}/runs"), new("GET", "/flows/{flow}/runs/77777777"), new("GET", "/flows/{flow}/runs/none"),
        new("POST", "/flows/{flow}/run", $"{{{Old}}}"), new("GET", Run), new("POST", Run + "/heartbeat", "{}"), new("GET", Run),
        new("POST", "/flows/{flow}/run", $"{{{Who},\"run_number\":\"sfn-1\"}}"), new("POST", "/flows/{flow}/run", $"{{{Who},\"run_number\":\"sfn-1\"}}"),
        new("POST", "/flows/{flow}/run", $"{{{Who},\"run_number\":\"12\"}}", Ours: 400), new("GET", "/flows/{flow}/runs/sfn-1"), new("GET", "/flows/{flow}/runs"),
        new("POST", "/flows/{flow}/runs/sfn-1/heartbeat", "{}", Ours: 200), new("POST", "/flows/{flow}/runs/none/heartbeat", "{}"),

        // Steps and tasks.
        new("POST", "/flows/{flow}/runs/none/steps/start/step", $"{{{Who}}}", Ours: 404), new("GET", Run + "/steps"), new("GET", Step),
        new("POST", Step + "/task", $"{{{Who}}}"), new("POST", Step + "/step", "{\"tags\":[\"own\"]}"), new("POST", Step + "/step", $"{{{Who}}}"), new("GET", Step), new("GET", Run + "/steps"),
        new("POST", Step + "/task", $"{{{Old}}}"), new("GET", Task), new("POST", Task + "/heartbeat", "{}"), new("GET", Step + "/tasks"),
        new("POST", Step + "/task", $"{{{Who},\"task_id\":\"7\"}}", Ours: 400),
        new("POST", "/flows/{flow}/runs/sfn-1/steps/start/step", $"{{{Who}}}"), new("GET", "/flows/{flow}/runs/sfn-1/steps/start"),
        new("POST", "/flows/{flow}/runs/sfn-1/steps/start/task", $"{{{Who},\"task_id\":\"t-1\"}}"), new("POST", "/flows/{flow}/runs/sfn-1/steps/start/task", $"{{{Who},\"task_id\":\"t-1\"}}"),
        new("GET", Named), new("GET", Named + "x"), new("POST", Named + "/heartbeat", "{}", Ours: 200), new("POST", Named + "x/heartbeat", "{}"), new("GET", "/flows/{flow}/runs/none/steps/start/tasks"),

        // Metadata.
        new("POST", Task + "x/metadata", "[]"), new("POST", Task + "/metadata", "[{\"field_name\":\"attempt\",\"value\":\"0\",\"type\":\"attempt\",\"user_name\":\"me\",\"tags\":[\"attempt_id:0\"]}]"),
        new("POST", Task + "/metadata", "[{\"field_name\":\"stack\",\"value\":[\"xs=1\",\"a b\",\"\",\"c\\\"d\"],\"type\":\"s\",\"user_name\":\"me\"},{\"field_name\":\"n\",\"value\":5,\"type\":\"s\"},{\"field_name\":\"b\",\"value\":true,\"type\":\"s\"}]"),
        new("POST", Task + "/metadata", "[{\"field_name\":\"list\",\"value\":[[\"a\",\"b\"],[\"c\",\"NULL\"]],\"type\":\"s\"},{\"field_name\":\"gone\",\"value\":null,\"type\":\"s\"},{}]"),
        new("GET", Task + "/metadata"), new("GET", Run + "/metadata"), new("GET", Named + "/metadata"), new("GET", "/flows/{flow}/runs/none/metadata"),
        new("GET", Task + "/metadata?_limit=2"), new("GET", Task + "/metadata?_limit=2&_cursor={cursor}"), new("GET", Run + "/metadata?_limit=100"), new("GET", Run + "/metadata?_cursor=nonsense"),
        new("POST", Named + "/metadata", "[{\"field_name\":\"attempt\",\"value\":\"1\",\"type\":\"attempt\"}]"),
        new("GET", Step + "/filtered_tasks"), new("GET", Step + "/filtered_tasks?metadata_field_name=attempt&pattern=%5E0%24"), new("GET", Step + "/filtered_tasks?metadata_field_name=attempt&pattern=1"),
        new("GET", "/flows/{flow}/runs/sfn-1/steps/start/filtered_tasks?pattern=1"), new("GET", Step + "/filtered_tasks?pattern=(", Ours: 400),

        // Artifacts.
        new("GET", Task + "/artifacts"), new("GET", Task + "/artifacts/x", Ours: 404),
        new("POST", Task + "x/artifact", "[]"),
        new("POST", Task + "/artifact", "[{\"name\":\"name\",\"location\":\"l\",\"ds_type\":\"s3\",\"sha\":\"a\",\"type\":\"t\",\"content_type\":\"gz\",\"attempt_id\":0,\"user_name\":\"me\"},{\"name\":\"old\",\"attempt_id\":0},{\"name\":\"x\",\"attempt_id\":0}]"),
        new("POST", Task + "/artifact", "[{\"name\":\"name\",\"attempt_id\":1},{\"name\":\"x\",\"attempt_id\":1},{\"name\":\"x\",\"attempt_id\":1}]"), new("POST", Task + "/artifact", "[{\"name\":\"x\",\"attempt_id\":1},{\"name\":\"z\",\"attempt_id\":1}]"),
        new("GET", Task + "/artifacts"), new("GET", Step + "/artifacts"), new("GET", Run + "/artifacts"), new("GET", Task + "/attempt/0/artifacts"), new("GET", Task + "/attempt/7/artifacts"),
        new("GET", Task + "/artifacts/x"), new("GET", Task + "/artifacts/old"), new("GET", Task + "/artifacts/old/attempt/0"), new("GET", Task + "/artifacts/old/attempt/a", Ours: 400),
        new("GET", Task + "/artifacts?_limit=2"), new("GET", Task + "/artifacts?_limit=2&_cursor={cursor}"), new("GET", Run + "/artifacts?_limit=9"), new("GET", Named + "/artifacts"),

        // Tags.
        new("PATCH", Run + "/tag/mutate", "{\"tags_to_add\":[\"n\",\"user:you\"],\"tags_to_remove\":[\"t2\"]}"), new("GET", Run), new("GET", Task), new("GET", Step), new("GET", Run + "/artifacts"),
        new("PATCH", Run + "/tag/mutate", "{\"tags_to_remove\":[\"user:you\"]}"), new("PATCH", Run + "/tag/mutate", "{\"tags_to_add\":\"n\"}"), new("PATCH", Run + "/tag/mutate", "{\"tags_to_add\":[1]}"),
        new("PATCH", Run + "/tag/mutate", "{}"), new("PATCH", "/flows/{flow}/runs/none/tag/mutate", "{}"),

        // Listings that are narrowed, and pages.
        new("GET", "/flows/{flow}/runs?_limit=1"), new("GET", "/flows/{flow}/runs?_limit=1&_cursor={cursor}"), new("GET", "/flows/{flow}/runs?_limit=a", Ours: 400),
        new("GET", "/flows/{flow}/runs?user=me"), new("GET", "/flows/{flow}/runs?user=null"), new("GET", "/flows/{flow}/runs?user:eq=me,you"), new("GET", "/flows/{flow}/runs?user_name:co=M"),
        new("GET", "/flows/{flow}/runs?run_id:sw=sfn"), new("GET", "/flows/{flow}/runs?run_id:li=s_n%25"), new("GET", "/flows/{flow}/runs?run_id:ew=2"), new("GET", "/flows/{flow}/runs?run_id=null"),
        new("GET", "/flows/{flow}/runs?ts_epoch:ge=0&ts_epoch:lt=99999999999999"), new("GET", "/flows/{flow}/runs?ts_epoch:ge=x"), new("GET", "/flows/{flow}/runs?ts_epoch:zz=1"), new("GET", "/flows/{flow}/runs?unknown=1"),
        new("GET", "/flows/{flow}/runs?status=completed"), new("GET", "/flows/{flow}/runs?status=running"), new("GET", "/flows/{flow}/runs?status=never"), new("GET", "/flows/{flow}/runs?status:ne=completed"),
        new("GET", "/flows/{flow}/runs?_tags=t1,user:me"), new("GET", "/flows/{flow}/runs?_tags:any=n,t1"), new("GET", "/flows/{flow}/runs?_tags:likeany=version"),
        new("GET", Step + "/tasks?user_name=me"), new("GET", Step + "/tasks?user_name:ne=me"), new("GET", Step + "/tasks?task_name=null&_limit=5"), new("GET", Step + "/tasks?ts_epoch:le=x"),
        new("POST", "/flows/{flow}/runs/sfn-1/steps/end/step", $"{{{Who}}}"), new("POST", "/flows/{flow}/runs/sfn-1/steps/end/task", $"{{{Who},\"task_id\":\"e\"}}"),
        new("POST", "/flows/{flow}/runs/sfn-1/steps/end/tasks/e/metadata", "[{\"field_name\":\"attempt\",\"value\":\"0\",\"type\":\"a\"},{\"field_name\":\"attempt_ok\",\"value\":\"True\",\"type\":\"a\"}]"),
        new("GET", "/flows/{flow}/runs?status=completed"), new("GET", "/flows/{flow}/runs?status:ne=completed"),
    ];

    /// <summary>Further calls, drawn by chance: what exists and what does not, in any order.</summary>
    public static IEnumerable<MetaflowCall> Draw(Random random, int count)
    {
        string[] runs = ["{run}", "sfn-1", "r-a", "r-b", "none"], steps = ["start", "middle", "end"], tasks = ["{task}", "t-1", "e", "t-a", "t-b"];
        for (var i = 0; i < count; i++)
        {
            var (run, step, task) = (random.GetItems(runs, 1)[0], random.GetItems(steps, 1)[0], random.GetItems(tasks, 1)[0]);
            var of = $"/flows/{{flow}}/runs/{run}";
            var within = $"{of}/steps/{step}";
            yield return random.Next(14) switch
            {
                0 => new("POST", "/flows/{flow}/run", $"{{{(random.Next(2) == 0 ? Who : Old)},\"run_number\":\"{(run == "{run}" ? "r-c" : run)}\"}}"),
                1 => new("POST", $"{within}/step", $"{{{Who}}}", Ours: 404),
                2 => new("POST", $"{within}/task", $"{{{Old},\"task_id\":\"{(task == "{task}" ? "t-c" : task)}\"}}", Ours: 404),
                3 or 4 => new("POST", $"{within}/tasks/{task}/metadata", $"[{{\"field_name\":\"f{random.Next(3)}\",\"value\":\"v{random.Next(5)}\",\"type\":\"t\"}}]"),
                5 or 6 => new("POST", $"{within}/tasks/{task}/artifact", $"[{{\"name\":\"a{random.Next(3)}\",\"attempt_id\":{random.Next(2)}}},{{\"name\":\"name\",\"attempt_id\":{random.Next(2)}}}]"),
                7 => new("GET", within),
                8 => new("GET", $"{within}/tasks"),
                9 => new("GET", $"{within}/tasks/{task}/metadata"),
                10 => new("GET", $"{within}/tasks/{task}/artifacts"),
                11 => new("GET", $"{within}/filtered_tasks?metadata_field_name=f{random.Next(3)}&pattern=v%5B0-{random.Next(5)}%5D"),
                12 => new("PATCH", $"{of}/tag/mutate", $"{{\"tags_to_add\":[\"t{random.Next(4)}\"],\"tags_to_remove\":[\"t{random.Next(4)}\"]}}"),
                _ => new("GET", $"{of}/steps"),
            };
        }
    }
}
