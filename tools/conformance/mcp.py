"""The conformance suite of the Model Context Protocol, on two servers.

The *gateway* is ``agentnet serve`` as it is: the scenarios that any server can be asked count (lifecycle, lists,
headers, caching, unknown resources, DNS rebinding); the others want tools, prompts and resources that the suite names.
The *fixtures* are a server with all of these (`tools.conformance.everything`) behind the gateway's own door and mount,
which carry its messages: every scenario that a revision of the protocol requires counts.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from mcp.shared.exceptions import MCPDeprecationWarning

from agentnet.serving.app import application
from agentnet.serving.mcp.mounting import PATH, mounted
from agentnet.serving.process import listen, serving, url_of
from tools.conformance.everything.server import everything
from tools.conformance.gateway import served
from tools.conformance.npm import installed, node
from tools.conformance.report import Check, Report, Status

PACKAGE, VERSION = "@modelcontextprotocol/conformance", "0.2.0-alpha.12"
REVISIONS = ("2025-11-25", "2026-07-28")
"""Revisions of the protocol, each with a wire of its own."""
APPLY = frozenset(
    {
        "server-initialize",
        "server-session-lifecycle",
        "server-stateless",
        "ping",
        "tools-list",
        "resources-list",
        "server-sse-multiple-streams",
        "dns-rebinding-protection",
        "sep-2164-resource-not-found",
        "caching",
        "http-header-validation",
    }
)
"""Scenarios that a server can pass without the suite's own tools, prompts and resources."""
MORE = APPLY | {"http-custom-header-server-validation"}
"""Scenarios that count on the fixtures, although some are younger than the revisions and not required."""
NOT_OURS = {"sep-2549-prompts-list-caching-hints": "the gateway serves no prompts"}
"""Check of a scenario that applies → why it does not."""
UNTESTABLE = "Not testable: server does not list the diagnostic tool"
"""What a check says whose diagnostic tool is missing."""
SUITE_SECONDS = 300.0


def reports() -> Iterator[Report]:
    """Yield what the suite finds of the gateway and of the fixtures, for each revision. Raises `Missing`."""
    folder = installed("mcp", {PACKAGE: VERSION})
    with served() as gateway:
        for revision in REVISIONS:
            found = _counted(_run(folder, gateway.url, revision), APPLY, "the suite's own tools, prompts or resources")
            yield Report(f"MCP {revision}, suite {VERSION}, the gateway", tuple(found))
    for revision in REVISIONS:
        checks = asyncio.run(_on_fixtures(folder, revision))
        yield Report(f"MCP {revision}, suite {VERSION}, the suite's fixtures behind the gateway's mount", tuple(checks))


Results = Mapping[str, list[dict[str, Any]]]
"""Scenario → its checks, as the suite writes them."""


def _run(folder: Path, url: str, revision: str) -> Results:
    """Run all that a revision requires on a server, and return every scenario's checks."""
    with tempfile.TemporaryDirectory(prefix="agentnet-mcp-") as out:
        program = folder / "node_modules" / PACKAGE / "dist" / "index.js"
        where = "--url", f"{url}{PATH}", "--requirements", revision, "--output-dir", out
        command = [str(node(folder)), str(program), "server", *where]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=SUITE_SECONDS, cwd=folder)
        found = {
            _scenario(path.parent.name): json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(Path(out).glob("server-*/checks.json"))
        }
    if not found:
        raise RuntimeError(f"the suite ran nothing: {(ran.stderr or ran.stdout)[-1000:]}")
    return found


def _scenario(folder: str) -> str:
    """The scenario of a folder of results, ``server-NAME-2026-11-28T22-16-09-254Z``."""
    return folder.removeprefix("server-").rsplit("-", 6)[0]


async def _on_fixtures(folder: Path, revision: str) -> list[Check]:
    warnings.simplefilter("ignore", MCPDeprecationWarning)  # fixtures of the older revision
    listening = listen("127.0.0.1", 0)
    surface = mounted(everything())
    async with AsyncExitStack() as stack:
        for work in surface.running:
            await stack.enter_async_context(work())
        await stack.enter_async_context(serving(application(surface.routes), listening))
        results = await asyncio.to_thread(_run, folder, url_of(listening), revision)
    required = await asyncio.to_thread(_required, folder, revision)
    return list(_counted(results, required | MORE, "the revision does not require it"))


def _required(folder: Path, revision: str) -> frozenset[str]:
    """Return the scenarios of servers that a revision requires, as the suite says."""
    import yaml

    path = folder / "node_modules" / PACKAGE / "requirements" / f"{revision}.yaml"
    return frozenset(yaml.safe_load(path.read_text(encoding="utf-8"))["server"])


def _counted(results: Results, count: frozenset[str], otherwise: str) -> Iterator[Check]:
    """Yield the checks of the scenarios that count, and one for each other scenario, with the reason."""
    for name, checks in results.items():
        if name in count:
            yield from _checks(name, checks)
        else:
            yield Check(name, "left out", "the extension for tasks" if name.startswith("tasks-") else otherwise)


def _checks(scenario: str, checks: Iterable[Mapping[str, Any]]) -> Iterator[Check]:
    for check in checks:
        name, said = check["id"], str(check.get("errorMessage") or "")
        why = "a diagnostic tool of the suite" if said.startswith(UNTESTABLE) else NOT_OURS.get(name, "")
        status: Status
        match check["status"]:
            case "SUCCESS":
                status = "passed"
            case "FAILURE" if not why:
                status = "failed"
            case "FAILURE" | "SKIPPED" | "WARNING":
                status = "left out"
            case _:
                continue
        reason = why or said or str(check.get("details", {}).get("note", "skipped by the suite"))
        yield Check(f"{scenario}: {name}", status, "" if status == "passed" else reason)
