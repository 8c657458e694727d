"""Which commands of network files may be started on this machine.

A network file may come from a stranger, and a command in it runs with the rights of whoever opens the file. So a
command is started only after its owner has looked at it and allowed it: ``agentnet tools --allow``. What is allowed is
one command with its arguments and variables in one folder; a changed one is asked about again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from agentnet.contracts.tools import ToolServer
from agentnet.files.private import private_file

FILE = "allowed-commands"


def is_allowed(server: ToolServer, base: Path, home: Path) -> bool:
    """Return whether a server's command may be started. `base` is the network file's folder, `home` AgentNet's own."""
    try:
        return _digest(server, base) in (home / FILE).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return False


def allow(server: ToolServer, base: Path, home: Path) -> None:
    """Allow a server's command from now on. Raises `OSError`."""
    if not is_allowed(server, base, home):
        private_file(home / FILE)
        with (home / FILE).open("a", encoding="utf-8") as file:
            file.write(f"{_digest(server, base)}\n")


def _digest(server: ToolServer, base: Path) -> str:
    data = [list(server.command), list(server.env), str(base.resolve())]
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()
