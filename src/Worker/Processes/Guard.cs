using System.Diagnostics;
using System.Text;

namespace Fanfare.Worker.Processes;

/// <summary>A small process in a session of its own that knows the live groups and outlives the worker just long enough to end
/// them: the pipe it reads from closes when the worker dies, however it dies.</summary>
internal sealed class Guard(string setsid, string mark) : IDisposable
{
    // Each line is "+ id start" or "- id start". What follows the end of the input kills only what it can tell to be the same.
    private const string Script = """
        trap '' HUP INT TERM QUIT
        exec >/dev/null 2>&1
        cd /
        live=' '
        while IFS=' ' read -r sign id start; do
          case $sign in
            +) live="$live$id:$start ";;
            -) head=${live%%" $id:$start "*}
               [ "$head" = "$live" ] || live="$head ${live#*" $id:$start "}";;
          esac
        done
        for entry in $live; do
          id=${entry%%:*}
          if stat=$(cat "/proc/$id/stat"); then
            stat=${stat##*) }
            set -- "$1" $stat
            [ "${21}" = "${entry##*:}" ] || continue
          fi
          kill -KILL -- "-$id"
          kill -KILL "$id"
        done
        for round in 1 2 3; do
          found=
          for file in $(grep -las "FANFARE_MARK=$1\." /proc/[0-9]*/environ); do
            id=${file#/proc/}
            kill -KILL "${id%/environ}" && found=1
          done
          [ "$found" ] || break
        done
        """;

    private Process? _process;

    /// <summary>Starts the guard and tells it of the groups that live already.</summary>
    public void Start(IEnumerable<LiveGroup> live)
    {
        Dispose();
        var start = new ProcessStartInfo(setsid)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            WorkingDirectory = "/",
        };
        foreach (var argument in (string[])["/bin/sh", "-c", Script, "fanfare-guard", mark]) start.ArgumentList.Add(argument);
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        _process = Process.Start(start) ?? throw new InvalidOperationException("The guard process did not start.");
        foreach (var group in live) Write('+', group);
    }

    /// <exception cref="IOException">The guard is gone.</exception>
    public void Write(char sign, LiveGroup group)
    {
        var stream = (_process ?? throw new IOException("The guard was not started.")).StandardInput.BaseStream;
        stream.Write(Encoding.ASCII.GetBytes($"{sign} {group}\n"));
        stream.Flush();
    }

    public void Dispose()
    {
        // Closing its input makes the guard end what is left, and then itself.
        try
        {
            _process?.StandardInput.Close();
        }
        catch (IOException)
        {
            // It is gone already.
        }
        _process?.Dispose();
        _process = null;
    }
}
