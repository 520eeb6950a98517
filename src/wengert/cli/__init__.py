"""The command line."""

from wengert.cli.command import main

__all__ = ["main"]
