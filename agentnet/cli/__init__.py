"""The command line. Heavy libraries are imported inside commands, so that ``--help`` answers at once."""

from __future__ import annotations


def main() -> None:
    """Run the command that the process was started with."""
    from agentnet.cli.app import app

    app(prog_name="agentnet")
