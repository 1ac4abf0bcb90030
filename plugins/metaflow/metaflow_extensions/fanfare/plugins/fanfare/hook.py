"""Calls one of a flow's exit hooks, as the command of a Fanfare step that runs at the end of a run. As `task.py` does, it imports nothing of Metaflow."""

import argparse
import json
import os
import sys

if __package__:
    from .task import lay_out, python_env, store_of
    from .triggered import publishing_env
else:
    # Beside this file, which is started as a program.
    from task import lay_out, python_env, store_of
    from triggered import publishing_env


def main(arguments):
    options = _options(arguments)
    with open(os.environ["FANFARE_INPUT"], encoding="utf-8") as file:
        task = json.load(file)
    if options.after_success and task["error"] is not None:
        print("The run did not succeed (%s): this hook is not called." % task["error"]["type"])
        return
    code = os.environ["FANFARE_CODE"]
    work = lay_out(code, os.path.dirname(os.environ["FANFARE_INPUT"]), store_of(options))
    os.chdir(work)
    pathspec = "%s/%s" % (os.environ["METAFLOW_FLOW_NAME"], task["run"])
    command = [sys.executable, "-u", "-m", "metaflow.plugins.exit_hook.exit_hook_script", options.script, options.function, pathspec]
    os.execve(sys.executable, command, dict(os.environ, **python_env(code, work, os.environ), **publishing_env(os.environ)))


def _options(arguments):
    parser = argparse.ArgumentParser(prog="hook.py")
    parser.add_argument("--script", required=True, help="The flow's file, in the code package.")
    parser.add_argument("--datastore", required=True)
    parser.add_argument("--datastore-root", required=True)
    parser.add_argument("--after-success", action="store_true", help="Call it after a success only; the step runs whatever the outcome.")
    parser.add_argument("function", help="A function of the flow's file, or module.function.")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
