using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Fanfare.Bench;
using Fanfare.Contracts;

// usage: Bench [tasks of the foreach, default 50000] [steps of the chain, default 40] [PostgreSQL connection string, default SQLite]
var tasks = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 50_000;
var steps = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 40;
var postgres = args.Length > 2 ? args[2] : null;
var results = new Dictionary<string, double>();

await MeasureForeachAsync("foreach_1", Flows.Foreach(tasks, body: 1), tasks);
await MeasureForeachAsync("foreach_3", Flows.Foreach(tasks, body: 3), tasks * 3);
await MeasureForeachAsync("nested", Flows.Nested(1000, Math.Max(1, tasks / 1000)), 1000 * Math.Max(1, tasks / 1000));
await MeasureChainAsync();
Console.WriteLine(JsonSerializer.Serialize(results));

async Task MeasureForeachAsync(string name, FlowSpec spec, int completions)
{
    await using var engine = await LocalEngine.StartAsync(postgres);
    var worker = new NoOpWorker(engine.Node, "bench", inFlight: 256);
    using var stop = new CancellationTokenSource();
    var working = worker.RunAsync(stop.Token);
    var clock = Stopwatch.StartNew();
    var cpu = Process.GetCurrentProcess().TotalProcessorTime;
    var run = await engine.StartRunAsync(spec);
    await RunEnd.AwaitAsync(engine, run);
    var seconds = clock.Elapsed.TotalSeconds;
    cpu = Process.GetCurrentProcess().TotalProcessorTime - cpu;
    await stop.CancelAsync();
    await working;
    results[name + "_tasks_per_s"] = Math.Round(completions / seconds);
    results[name + "_cpu_s_per_1000"] = Math.Round(cpu.TotalSeconds / completions * 1000, 4);
    Console.WriteLine($"{name}: {completions} no-op tasks in {seconds:0.00} s = {completions / seconds:0} tasks/s, {cpu.TotalSeconds / completions * 1e6:0} us of CPU each");
}

async Task MeasureChainAsync()
{
    await using var engine = await LocalEngine.StartAsync(postgres);
    var worker = new NoOpWorker(engine.Node, "bench", inFlight: 8);
    using var stop = new CancellationTokenSource();
    var working = worker.RunAsync(stop.Token);
    var spec = Flows.Chain(steps);
    var perStep = new List<double>();
    for (var round = 0; round < 20; round++)
    {
        var clock = Stopwatch.StartNew();
        var run = await engine.StartRunAsync(spec);
        await RunEnd.AwaitAsync(engine, run);
        if (round >= 5) perStep.Add(clock.Elapsed.TotalMilliseconds / steps);
    }
    await stop.CancelAsync();
    await working;
    perStep.Sort();
    results["chain_ms_per_step_p50"] = Math.Round(perStep[perStep.Count / 2], 3);
    Console.WriteLine($"chain of {steps}: {perStep[perStep.Count / 2]:0.000} ms per step (median of {perStep.Count} runs, {perStep[0]:0.000} to {perStep[^1]:0.000})");
}
