"""``completion``: a script that completes commands and options in the shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from sync_engine.cli.console import Console


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_obj
def completion(console: Console, shell: str) -> None:
    """Print the completion script for SHELL.

    For example: sync-engine completion bash > ~/.local/share/bash-completion/completions/sync-engine
    """
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"there is no completion for {shell}")
    command = click.get_current_context().find_root().command
    console.out(made(command, {}, "sync-engine", "_SYNC_ENGINE_COMPLETE").source())
