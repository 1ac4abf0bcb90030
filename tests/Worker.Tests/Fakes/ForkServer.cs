using Fanfare.Contracts;

namespace Fanfare.Worker.Tests.Fakes;

/// <summary>A fork server in Python as small as docs/tasks.md allows: each child runs the last word of its command as Python.</summary>
internal static class ForkServer
{
    // "DO" in its environment is done before it is ready.
    private const string Script = """
        import json, os, signal, sys
        requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "w")
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(2, 1)
        loaded = os.getpid()
        exec(os.environ.get("DO", ""))
        # The keeping server has the worker keep its children's output ("logs", by the stream), and says how they ended.
        logs = globals().get("logs")
        def reap(*_):
            while True:
                try:
                    pid, how = os.waitpid(-1, os.WNOHANG)
                except ChildProcessError:
                    return
                if pid == 0:
                    return
                print("ended %d %d" % (pid, os.waitstatus_to_exitcode(how)), file=answers, flush=True)
        signal.signal(signal.SIGCHLD, reap if logs else signal.SIG_IGN)
        print("ready", file=answers, flush=True)

        def mark(value):
            start, end = map(int, open("/proc/self/stat").read().rpartition(")")[2].split()[47:49])
            with open("/proc/self/mem", "r+b", buffering=0) as memory:
                memory.seek(start)
                at = memory.read(end - start).index(b"FANFARE_MARK=") + len("FANFARE_MARK=")
                memory.seek(start + at)
                memory.write(value.encode())

        for line in requests:
            request = json.loads(line)
            if os.fork() > 0:
                continue
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            mark(request["env"]["FANFARE_MARK"])
            status, out, err = (os.open(request[name], os.O_WRONLY) for name in ("status", "stdout", "stderr"))
            go = os.open(request["go"], os.O_RDONLY)
            if os.readlink("/proc/self/fd/%d" % go) != request["pipe"]:
                os._exit(125)
            keep = logs and request["logs"] and "ended" not in request
            os.write(status, b"pid %d%s\n" % (os.getpid(), (" " + json.dumps({"logs": logs})).encode() if keep else b""))
            if not os.read(go, 16):
                os._exit(125)
            for number, stream in ((1, out), (2, err)):
                os.dup2(stream, number)
                os.close(stream)
            if request["cgroup"]:
                open(request["cgroup"], "w").write(str(os.getpid()))
            os.environ.clear()
            os.environ.update(request["env"])
            os.chdir(request["cwd"])
            code = 0
            try:
                exec("print('mourns', request['ended'], file=sys.stderr)" if "ended" in request else request["argv"][-1])
            except SystemExit as end:
                code = end.code or 0
            sys.stdout.flush()
            os.write(status, b"exit %d\n" % code)
            os._exit(code)
        """;

    /// <summary>What starts it.</summary>
    public static IReadOnlyList<string> Command { get; } = ["python3", "-u", "-c", Script];

    /// <summary>A task that is forked, and runs this Python; <paramref name="load"/> is what the server does before it is ready.</summary>
    public static Lease Task(string python, string load = "", Func<StepSpec, StepSpec>? step = null, Func<Lease, Lease>? lease = null) => A.Task(
        "",
        s => (step ?? (same => same))(s with
        {
            // A cold start says so.
            Run = new CommandSpec(["/bin/sh", "-c", "echo cold", python], null),
            Warm = Command,
            Env = load.Length == 0 ? [] : [new EnvSpec("DO", load, null)],
        }),
        lease);
}
