using System.Diagnostics;

namespace Fanfare.Postgres;

/// <summary>
/// A shell that ends a server and removes its directory when its input ends: at the disposal, or when the test process dies, however it dies. A signal at the parent's death
/// would not do: the kernel sends it when the thread ends that started the child, and the server's other processes have other parents.
/// </summary>
internal sealed class Guard : IAsyncDisposable
{
    // The cluster's name comes by the environment, so that the guard's own processes are not found by it. The seventh line of postmaster.pid names the segment of
    // shared memory that a killed server leaves behind.
    private const string Script = """
        trap '' HUP INT TERM QUIT PIPE
        exec 2>&1
        cd /
        cat >/dev/null
        live() { printf '%s\n' "$CLUSTER" | grep -lsFf - /proc/[0-9]*/cmdline | cut -d/ -f3; }
        while ids=$(live); [ -n "$ids" ]; do
          kill -KILL $ids 2>/dev/null
          sleep 0.02
        done
        file="$DIRECTORY/$CLUSTER/postmaster.pid"
        if [ -e "$file" ]; then
          set -- $(sed -n 7p "$file")
          [ -z "$2" ] || ipcrm -m "$2"
        fi
        rm -rf "$DIRECTORY"
        """;

    private readonly Process _process;

    private Guard(Process process) => _process = process;

    public static Guard Start(string directory, string cluster)
    {
        // In a session of its own, and nobody's child: what ends the test's process group or its tree of processes does not end the guard.
        var start = new ProcessStartInfo("setsid", ["--fork", "sh", "-c", Script]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["DIRECTORY"] = directory;
        start.Environment["CLUSTER"] = cluster;
        return new Guard(Process.Start(start)!);
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        // The guard's output ends with the guard.
        var said = await _process.StandardOutput.ReadToEndAsync();
        _process.Dispose();
        if (said.Length > 0) throw new InvalidOperationException($"The server's guard could not clean up: {said}");
    }
}
