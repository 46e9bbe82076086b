"""The command `callreel`: parse, call, print."""

from __future__ import annotations

import os
import sys

from cyclopts import App, CycloptsError, Parameter

from callreel import __version__
from callreel.errors import CallreelError

USAGE_ERROR = 2
UNWRITTEN = 2

app = App(
    name="callreel",
    version=f"callreel {__version__}",
    help="A self-hosted archive of call recordings. CALLREEL_DATA names its data folder.",
    default_parameter=Parameter(negative=()),  # no `--no-json` beside `--json`
)
# One line for each command; a command's module is imported only when it is asked for.
app.command("callreel.cli.serve:serve", help="Serve the data folder over HTTP.")
app.command("callreel.cli.demo:demo", help="Serve a demonstration archive of invented calls.")
app.command("callreel.cli.tenant:tenant", help="Create and list tenants.")
app.command("callreel.cli.key:key", help="Create, list and revoke API keys.")
app.command(
    "callreel.cli.import_:import_",
    name="import",
    help="Take in the recordings that another system left behind.\n\n"
    "The folder is only read; what the archive has already stays as it is. A broken file or row "
    "is reported and the rest goes on; an import that was cut short is finished by running it "
    "again. Exit code: 0 all went well, 3 something was refused, 1 it could not go on.",
)
app.command("callreel.cli.watch:watch", help="Take in recordings as they appear in a folder.")
app.command(
    "callreel.cli.mirror:mirror",
    help="Copy an account of the original service, or of another Callreel, and keep up with it.",
)
app.command("callreel.cli.imports:imports", help="List, show and undo imports.")
app.command(
    "callreel.cli.deletions:deletions",
    help="List what was deleted, delete it again, or let it come back.",
)
app.command(
    "callreel.cli.export:export", help="Write all that a filter finds into one file or folder."
)
app.command(
    "callreel.cli.reconcile:reconcile",
    help="Hold calls, their audio and what is usual against one another.",
)
app.command("callreel.cli.webhook:webhook", help="Create, list and end webhooks.")
app.command(
    "callreel.cli.verify:verify", help="Read all audio again and check every record against it."
)
app.command("callreel.cli.repair:repair", help="Mend what can be mended, and mark what is damaged.")
app.command("callreel.cli.gc:gc", help="Remove what no recording refers to.")
app.command("callreel.cli.backup:backup", help="Make a backup, also while a server runs.")
app.command("callreel.cli.backup:restore", help="Restore a backup into a new data folder.")
app.command("callreel.cli.doctor:doctor", help="Look at all that the archive relies on.")
app.command("callreel.cli.settings:settings", help="Show every setting and its value.")


def main() -> None:
    """Run the command line and exit.

    The code is 0 where it is done, 1 where it could not be done, and 2 where it was wrongly asked
    for, or where what it has to say could not be written.
    """
    _fill_standard_streams()
    sys.exit(run(sys.argv[1:]))


def _fill_standard_streams() -> None:
    """Take the places of standard streams that are closed.

    A file that is opened would take them else, such as the database, and be written to by whatever
    prints. What is written to standard output fails then, so that nothing is thought to be told.
    """
    for place, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(place)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)  # it is the lowest that is free
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False, errors="backslashreplace")


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; an error is one sentence on standard error."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has enough of it
        _drop_output()
        return 0
    except OSError as error:
        if not _is_output_lost():
            raise
        _drop_output()
        _complain(f"The output cannot be written: {(error.strerror or 'it failed').lower()}.")
        return UNWRITTEN
    return code


def _run(arguments: list[str]) -> int:
    try:
        code = app(
            arguments,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except CycloptsError as error:
        _complain(" ".join(str(error).split()))
        return USAGE_ERROR
    except CallreelError as error:
        _complain(error.message)
        return 1
    return code if isinstance(code, int) else 0


def _is_output_lost() -> bool:
    """Say whether standard output cannot be written to, after an error that it may have raised."""
    try:
        print(flush=True)
    except OSError:
        return True
    return False


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str) -> None:
    print(f"callreel: {message}", file=sys.stderr)
