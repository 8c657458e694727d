"""The command line. Heavy libraries are imported inside commands, so that ``--help`` answers at once."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command that the process was started with."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show "✓" is no reason to fail
    try:
        from agentnet.cli.app import app

        app(prog_name="agentnet")
    except KeyboardInterrupt:  # before any command has begun
        sys.exit(130)
