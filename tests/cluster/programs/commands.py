"""Runs commands of this machine and returns what they say. The node's modules call it; it knows none of them."""

import subprocess
from pathlib import Path


class CommandFailed(Exception):
    """A command ended with an error; the message holds the command and what it said."""


def run(*command: str | Path, text: str = "") -> str:
    """Run `command` with `text` as its input, return its output.

    Raises:
        CommandFailed: it ended with another status than 0.
    """
    argv = [str(word) for word in command]
    ended = subprocess.run(argv, input=text, text=True, check=False, capture_output=True)
    if ended.returncode != 0:
        raise CommandFailed(f"`{' '.join(argv)}` ended with {ended.returncode}: {ended.stderr.strip()}")
    return ended.stdout


def attempt(*command: str | Path) -> None:
    """Run `command` and disregard how it ends: for clean-up, where what it removes may be gone already."""
    subprocess.run([str(word) for word in command], check=False, capture_output=True)
