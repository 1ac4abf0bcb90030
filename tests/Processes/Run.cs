using System.Text.Json;

namespace Fanfare.Processes;

/// <summary>Commands for a flow's steps, as text that fits behind <c>run:</c>.</summary>
public static class Run
{
    private const string Prelude = """
        import json, os, time
        env = os.environ
        task = json.load(open(env['FANFARE_INPUT']))
        inputs = task.get('inputs')
        def put(**outputs):
            with open(env['FANFARE_OUTPUT'], 'w') as f: json.dump(outputs, f)
        def keep(name, text):
            with open(env['FANFARE_ARTIFACTS'] + '/' + name, 'w') as f: f.write(text)
        def found(name):
            with open(env['FANFARE_INPUT_ARTIFACTS'] + '/' + name) as f: return f.read()

        """;

    /// <summary>Python with <c>task</c>, <c>inputs</c>, <c>env</c>, <c>put(…)</c>, <c>keep(name, text)</c> and <c>found(name)</c> at hand.</summary>
    public static string Python(string code) => JsonSerializer.Serialize((string[])["python3", "-c", Prelude + code]);

    public static string Shell(string script) => JsonSerializer.Serialize(script);

    /// <summary>A shell command that puts out one JSON object.</summary>
    public static string Put(string json) => Shell($"printf '%s' '{json}' > \"$FANFARE_OUTPUT\"");

    /// <summary>Shell words that wait until a file is there.</summary>
    public static string Await(string file) => $"while [ ! -e '{file}' ]; do sleep 0.05; done";
}
