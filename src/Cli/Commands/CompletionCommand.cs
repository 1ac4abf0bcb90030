using System.CommandLine;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare completion</c>: a script that makes a shell complete commands, options, runs and flows.</summary>
internal static class CompletionCommand
{
    // The shells ask the program itself, by the directive that the command-line library understands: the cursor's place, then the line.
    private const string Bash = """
        _fanfare() {
            local line="${COMP_LINE:0:COMP_POINT}" word="${COMP_WORDS[COMP_CWORD]}"
            local IFS=$'\n'
            COMPREPLY=( $(compgen -W "$("${COMP_WORDS[0]}" "[suggest:${#line}]" "fanfare ${line#* }" 2>/dev/null)" -- "$word") )
        }
        complete -o default -F _fanfare fanfare ./fanfare
        """;

    private const string Zsh = """
        #compdef fanfare
        _fanfare() {
            local line="fanfare ${(j: :)words[2,$CURRENT]}"
            local -a found
            found=("${(@f)$("${words[1]}" "[suggest:${#line}]" "$line" 2>/dev/null)}")
            if [[ -n "${found[1]}" ]]; then compadd -a found; else _files; fi
        }
        compdef _fanfare fanfare
        """;

    private const string Fish = """
        function __fanfare_complete
            set -l words (commandline -opc)
            set -l line "fanfare "(string join ' ' -- $words[2..-1] (commandline -ct))
            $words[1] "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c fanfare -a '(__fanfare_complete)'
        """;

    public static Command Create(GlobalOptions global)
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Print a script that makes a shell complete fanfare's commands, options, runs and flows") { shell };
        ExampleHelp.Add(
            command, "source <(fanfare completion bash)                                    # bash: in ~/.bashrc",
            "source <(fanfare completion zsh)                                     # zsh: in ~/.zshrc, after compinit",
            "fanfare completion fish > ~/.config/fish/completions/fanfare.fish    # fish");
        return global.On(command, (session, parsed, _) =>
        {
            session.Screen.WriteLine(parsed.GetRequiredValue(shell) switch
            {
                "bash" => Bash,
                "zsh" => Zsh,
                _ => Fish,
            });
            return Task.FromResult(ExitCode.Success);
        });
    }
}
