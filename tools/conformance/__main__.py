"""Run the conformance suites: ``python -m tools.conformance [PART …] [--json]``.

A part that is named must run; without names, those that cannot run here say why and are left out. Exit code 1: a check
failed, or a named part could not run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence

from tools.conformance import a2a, clients, mcp, openapi
from tools.conformance.report import Missing, Report

PARTS: dict[str, Callable[[], Iterable[Report]]] = {
    "a2a": a2a.run,
    "clients": clients.reports,
    "mcp": mcp.reports,
    "openapi": openapi.reports,
}
"""Name → what runs it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named parts, print what they found, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.conformance", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all")
    parser.add_argument("--json", action="store_true", help="print one JSON object a report")
    given = parser.parse_args(arguments)
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    held = True
    for name in given.parts or PARTS:
        try:
            for report in PARTS[name]():
                held = held and report.held
                print(
                    json.dumps({"part": name, **report.data()}) if given.json else f"{name}: {_text(report)}",
                    flush=True,
                )
        except Missing as missing:
            held = held and not given.parts
            print(f"{name}: left out: {missing}", file=sys.stderr, flush=True)
    return 0 if held else 1


def _text(report: Report) -> str:
    return "\n".join(report.lines())


if __name__ == "__main__":
    raise SystemExit(main())
