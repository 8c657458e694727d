"""Requests that Schemathesis makes of a gateway's OpenAPI document: valid ones, and others. None may fail the server.

Once with whatever comes to its mind, and once on a run that is there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tools.conformance.gateway import served
from tools.conformance.report import Check, Missing, Report

CASES = 5000
"""Requests that are made at least."""
EXAMPLES = 150
"""Requests of one operation while it is fuzzed, at most; its types are covered beforehand."""
SECONDS = 1500.0
CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance"
LEFT_OUT = "^/(api/network/events|mcp|a2a)$"
"""A stream without an end, for which a client that reads whole responses would wait forever; and protocols that have a
suite of their own."""
SUM = "What is 12 + 7?"


def reports(examples: int = EXAMPLES, least: int = CASES) -> Iterator[Report]:
    """Yield what is found: a check for each operation, and one for the number of requests. Raises `Missing`."""
    if find_spec("schemathesis") is None:
        raise Missing("it needs schemathesis: pip install schemathesis")
    with served() as gateway:
        run = _run_of(gateway.url)
        whole = _fuzzed(gateway.url, examples, "--exclude-path-regex", LEFT_OUT)
        there = _fuzzed(gateway.url, examples, "--include-path-regex", "^/api/runs/{run}", path={"run": run})
    cases = sum(found["test_cases"]["generated"] for found in (whole, there))
    enough = Check(f"{cases} requests", "passed" if cases >= least else "failed", f"fewer than {least}")
    suite = f"OpenAPI document, schemathesis {whole['schemathesis_version']}, {cases} requests"
    yield Report(suite, (enough, *_checks("any", whole), *_checks("a run that is there", there)))


def _run_of(url: str) -> str:
    """Start a run, and return its id."""
    body = json.dumps({"question": SUM, "protocol": "best"}).encode()
    request = urllib.request.Request(f"{url}/api/runs", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return str(json.load(response)["id"])


def _fuzzed(url: str, examples: int, *options: str, path: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run Schemathesis, and return its report; `path` gives parameters of paths."""
    with tempfile.TemporaryDirectory(prefix="agentnet-openapi-") as name:
        settings, out = Path(name) / "schemathesis.toml", Path(name) / "report.json"
        given = "\n".join(f'"path.{name}" = "{value}"' for name, value in (path or {}).items())
        settings.write_text(f"[parameters]\n{given}\n")
        program = "from schemathesis.cli import schemathesis; schemathesis()"
        command = [
            sys.executable, "-c", program, "--config-file", str(settings), "run", f"{url}/openapi.json", *options,
            "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", str(examples),
            "--continue-on-failure", "--no-shrink", "--seed", "1", "--workers", "1", "--request-timeout", "300",
            "--report", "json", "--report-json-path", str(out), "--no-color",
        ]  # fmt: skip
        ran = subprocess.run(
            command, cwd=name, capture_output=True, text=True, timeout=SECONDS, env={**os.environ, "CI": "1"}
        )
        if not out.exists():
            raise RuntimeError(f"Schemathesis did not run: {(ran.stderr or ran.stdout)[-2000:]}")
        found: dict[str, Any] = json.loads(out.read_text())
    return found


def _checks(what: str, found: Mapping[str, Any]) -> Iterator[Check]:
    failures = [
        (operation, failure["title"]) for failure in found["failures"] for operation in failure.get("operations", ["?"])
    ]
    failures += [("?", json.dumps(error)[:300]) for error in found["errors"]]
    for operation in found["valid_rates"]:
        wrong = ", ".join(title for failed, title in failures if failed == operation)
        yield Check(f"{what}: {operation}", "failed" if wrong else "passed", wrong)
    for operation, title in failures:
        if operation not in found["valid_rates"]:
            yield Check(f"{what}: {operation}", "failed", title)
