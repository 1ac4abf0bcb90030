using System.CommandLine;
using Fanfare.Bench;
using Fanfare.Bench.Bare;
using Fanfare.Bench.Metaflow;
using Fanfare.Bench.Report;

var tasks = new Option<int>("--tasks") { Description = "Width of the foreach.", DefaultValueFactory = _ => 50_000 };
var rounds = new Option<int>("--rounds") { Description = "Rounds that count, of each measurement.", DefaultValueFactory = _ => 5 };
var database = new Option<string?>("--database") { Description = "Connection string of a PostgreSQL database, whose schema 'bench' is made anew. Without it: SQLite." };
var only = new Option<string[]>("--only") { Description = "Only these measurements.", AllowMultipleArgumentsPerToken = true };

var measure = new Command("measure", "Measures Fanfare on one store.") { tasks, rounds, database, only };
measure.SetAction(async (parse, _) =>
    Json.WriteLine(await Measurement.RunAsync(parse.GetValue(database), parse.GetValue(tasks), parse.GetValue(rounds), parse.GetValue(only) ?? [])));

var address = new Argument<string>("server");
var workers = new Option<int>("--workers") { DefaultValueFactory = _ => 1 };
var inFlight = new Option<int>("--in-flight") { DefaultValueFactory = _ => 256 };
var work = new Command("work", "Works no-op tasks over HTTP until its input ends.") { address, workers, inFlight };
work.SetAction((parse, _) => HttpWorkers.RunAsync(new Uri(parse.GetValue(address)!), parse.GetValue(workers), parse.GetValue(inFlight)));

var bare = new Command("bare", "Measures the database without Fanfare: one flush, single-row commits, batches of a step's rows.") { rounds };
bare.SetAction(async (parse, _) => Json.WriteLine(await Baselines.MeasureAsync(parse.GetValue(rounds), seconds: 5)));

var quick = new Option<bool>("--quick") { Description = "Smaller sizes, under twenty minutes." };
var results = new Option<DirectoryInfo?>("--out") { Description = "Folder for the results and the plots." };
var peers = new Option<DirectoryInfo?>("--peers") { Description = "Folder of the peers' benchmarks, their packages installed. Without it they are left out." };
var run = new Command("run", "Measures everything on a private PostgreSQL server, one after another.") { quick, results, peers };
run.SetAction((parse, _) => FullRun.RunAsync(parse.GetValue(quick), parse.GetValue(results), parse.GetValue(peers)));

var before = new Argument<FileInfo>("before");
var after = new Argument<FileInfo>("after");
var compare = new Command("compare", "Shows what changed between two results.") { before, after };
compare.SetAction(parse => Comparison.Print(parse.GetValue(before)!, parse.GetValue(after)!));

var seconds = new Option<int>("--seconds") { Description = "How long; the promise is for an hour.", DefaultValueFactory = _ => 300 };
var age = new Option<int>("--retain") { Description = "Seconds after which a run is archived and removed.", DefaultValueFactory = _ => 30 };
var rate = new Option<int>("--rate") { Description = "Tasks a second.", DefaultValueFactory = _ => 2000 };
var width = new Option<int>("--width") { Description = "Tasks of one run.", DefaultValueFactory = _ => 1000 };
var steady = new Command("steady", "Shows the sizes of PostgreSQL's tables under a steady load whose runs are archived and removed.") { seconds, age, rate, width };
steady.SetAction((parse, _) => Steady.RunAsync(parse.GetValue(seconds), parse.GetValue(age), parse.GetValue(rate), parse.GetValue(width)));

var old = new Option<int>("--old") { Description = "Tasks of the history.", DefaultValueFactory = _ => 10_000_000 };
var pairs = new Option<int>("--pairs") { Description = "Pairs of runs that count.", DefaultValueFactory = _ => 7 };
var history = new Command("history", "Measures a foreach on PostgreSQL with and without a long history, in turns.") { old, tasks, pairs };
history.SetAction((parse, _) => History.RunAsync(parse.GetValue(old), parse.GetValue(tasks), parse.GetValue(pairs)));

var clients = new Option<int[]>("--clients") { Description = "Connections, each of which has one post under way.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [1, 8, 32] };
var told = new Option<int>("--tasks") { Description = "Tasks of the step that the posts are of.", DefaultValueFactory = _ => 1000 };
var span = new Option<int>("--seconds") { Description = "How long a round counts.", DefaultValueFactory = _ => 8 };
var turns = new Option<int>("--rounds") { DefaultValueFactory = _ => 3 };
var metadata = new Command("metadata", "Measures posts to Metaflow's metadata service, on SQLite and on a private PostgreSQL server in turns.") { clients, told, span, turns };
metadata.SetAction((parse, _) => MetadataPosts.RunAsync(parse.GetValue(clients)!, parse.GetValue(told), parse.GetValue(span), parse.GetValue(turns)));

var posters = new Option<int>("--clients") { DefaultValueFactory = _ => 8 };
var post = new Command("post", "Posts metadata of a step's tasks over HTTP.") { address, posters, told, span };
post.SetAction(async (parse, _) => Json.WriteLine(await MetadataClients.RunAsync(new Uri(parse.GetValue(address)!), parse.GetValue(told), parse.GetValue(posters), parse.GetValue(span))));

var all = new Option<int>("--schedules") { Description = "Schedules in all; whole hundreds.", DefaultValueFactory = _ => 1_000_000 };
var due = new Option<int>("--due") { Description = "How many of them are due in one minute; whole hundreds.", DefaultValueFactory = _ => 100_000 };
var inPostgres = new Option<bool>("--postgres") { Description = "On a private PostgreSQL server. Without it: SQLite." };
var schedules = new Command("schedules", "Measures a start with many schedules, and how late runs begin of which many are due within a minute.") { all, due, inPostgres };
schedules.SetAction((parse, _) => Schedules.RunAsync(parse.GetValue(all), parse.GetValue(due), parse.GetValue(inPostgres)));

return await new RootCommand("Fanfare's benchmarks.") { run, measure, work, bare, steady, history, schedules, metadata, post, compare }.Parse(args).InvokeAsync();
