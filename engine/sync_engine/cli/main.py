"""The root command: commands are imported only when they are called, errors become messages and exit codes."""

from __future__ import annotations

import errno
import gc
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from sync_engine import __version__
from sync_engine.cli.console import Console
from sync_engine.cli.stopping import INTERRUPTED, unwinding
from sync_engine.sdk.errors import Interrupted, InvalidInput, SyncEngineError

USAGE = 64
NO_SPACE = "A plan needs about as much as the records it compares, in the folder for temporary files (TMPDIR)."

COMMANDS = {
    "adapters": "sync_engine.cli.inspect:adapters",
    "apply": "sync_engine.cli.apply:apply",
    "attributes": "sync_engine.cli.inspect:attributes",
    "catalogs": "sync_engine.cli.catalogs:catalogs",
    "channels": "sync_engine.cli.structure:channels",
    "completion": "sync_engine.cli.completion:completion",
    "drift": "sync_engine.cli.drift:drift",
    "doctor": "sync_engine.cli.doctor:doctor",
    "explain": "sync_engine.cli.explain:explain",
    "families": "sync_engine.cli.structure:families",
    "fields": "sync_engine.cli.inspect:fields",
    "init": "sync_engine.cli.init:init",
    "notify": "sync_engine.cli.notify:notify",
    "plan": "sync_engine.cli.plan:plan",
    "preview": "sync_engine.cli.preview:preview",
    "pull-request": "sync_engine.cli.pull_request:pull_request",
    "schedule": "sync_engine.cli.schedule:schedule",
    "schema": "sync_engine.cli.schema:schema",
    "serve": "sync_engine.cli.serve:serve",
    "serve-run": "sync_engine.cli.serve_run:serve_run",
    "show": "sync_engine.cli.plan:show",
    "snapshot": "sync_engine.cli.snapshot:snapshot",
    "test": "sync_engine.cli.test:test",
    "transfers": "sync_engine.cli.transfers:transfers",
    "validate": "sync_engine.cli.validate:validate",
}
PLUGIN_COMMANDS = "sync_engine.commands"
"""Entry-point group under which a package adds commands of its own."""


class LazyGroup(click.Group):
    """A group that imports a command only when it is called or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of our commands and of those that installed packages add."""
        from importlib.metadata import entry_points

        return sorted(
            {*super().list_commands(ctx), *COMMANDS, *(each.name for each in entry_points(group=PLUGIN_COMMANDS))}
        )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name in COMMANDS:
            module, _, name = COMMANDS[cmd_name].partition(":")
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        from importlib.metadata import entry_points

        for each in entry_points(group=PLUGIN_COMMANDS, name=cmd_name):
            loaded: click.Command = each.load()
            return loaded
        return super().get_command(ctx, cmd_name)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sync-engine", message="%(prog)s %(version)s")
@click.option(
    "--project",
    "folder",
    type=click.Path(file_okay=False),
    default=".",
    envvar="SYNC_ENGINE_PROJECT",
    help="The project's folder, or one inside it. Default: the current folder.",
)
@click.option(
    "--env",
    "environment",
    metavar="NAME",
    envvar="SYNC_ENGINE_ENV",
    help="Lay environments/NAME.yaml over the project file: other connections and another ledger, the same catalogs.",
)
@click.option(
    "--home",
    type=click.Path(file_okay=False),
    envvar="SYNC_ENGINE_HOME",
    help="Where a relative path of `state:` begins. Default: the project's folder.",
)
@click.pass_obj
def cli(console: Console, folder: str, environment: str | None, home: str | None) -> None:
    """Move products from a PIM into a CRM as catalogs in git say, after a plan you can read.

    \b
    Exit codes: 0 done or nothing to do, 1 failed, 2 changes present (--detailed-exitcode),
    3 project or catalog invalid, 4 finished but some records rejected, 5 refused by a safety gate,
    6 plan stale, 7 another transfer holds the lock, 64 wrong usage, 69 a service is unavailable,
    130 interrupted.
    """  # noqa: D301 - the backspace is click's sign to leave the lines as they are
    console.folder = folder
    console.environment = environment or None
    console.home = home or None


def _is_full(error: Exception) -> bool:
    """Whether a file could not be written for want of space; the ledger says so in its own words."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit.

    Args:
        arguments: of the command line; None takes those of the process.
    """
    # Records are many and hold no cycles: looking for some among them as often as usual takes a fifth of the time.
    gc.set_threshold(100_000, 50, 50)
    # A thread that has its answer from a service asks for the next one before others go on to compute: the default of
    # five milliseconds is as long as the service takes.
    sys.setswitchinterval(0.001)
    sys.exit(execute(arguments))


def execute(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; every expected error has become a message on stderr."""
    console = Console()
    with unwinding():
        return _execute(arguments, console)


def _execute(arguments: Sequence[str] | None, console: Console) -> int:
    try:
        code = cli.main(args=arguments, prog_name="sync-engine", standalone_mode=False, obj=console)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return 1
    except (click.Abort, KeyboardInterrupt):
        console.say("Stopped.")
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    except InvalidInput as error:
        console.show_problems(error.problems)
        return error.exit_code
    except Interrupted as error:
        console.say(error.message, hint=error.hint)
        return error.exit_code
    except SyncEngineError as error:
        console.say(f"Error{f' {error.code}' if error.code else ''}: {error.message}", hint=error.hint, colour="red")
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: a defect of ours must not show secrets
        if _is_full(error):
            console.say(f"Error: there is no space left on the disk: {error}", hint=NO_SPACE, colour="red")
            return 1
        import traceback

        text = console.mask.masked("".join(traceback.format_exception(error)))
        console.say("Error: sync-engine itself failed; this is a defect. Nothing below holds a secret:", colour="red")
        console.say(text)
        return 1
