"""A2A's own Technology Compatibility Kit: MUST level, over JSON-RPC and HTTP+JSON.

The kit says what its server does with which message (`scenarios/`). It runs on the network of `kit_network`, and on the
SDK's reference server (`kit_reference`): a check that this one fails, too, is left out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

from tools.conformance.gateway import BENCH, CHECKOUT, ended
from tools.conformance.report import Check, Missing, Report

KIT = CHECKOUT.parent / "shared" / "conformance" / "a2a-tck"
NAME = "a2a-tck 1.0.0 (357c4a8), MUST, JSON-RPC and HTTP+JSON"
PACKAGES = (
    "gherkin-official==42.0.1",
    "googleapis-common-protos==1.76.0",
    "grpcio==1.85.3",
    "httpx==0.28.1",
    "jinja2==3.1.6",
    "jsonschema==4.26.0",
    "protobuf==7.36.2",
    "pytest==9.2.0",
    "pytest-asyncio==1.5.0",
    "pytest-html==4.2.0",
)
FOLDER = BENCH / "a2a"
LONGEST = 300.0
"""Seconds that the kit may take."""


def run() -> Iterable[Report]:
    """Run the kit on the reference and on a network. Raises `Missing`."""
    if not KIT.is_dir():
        raise Missing(f"the kit is not at {KIT}")
    python, kit = _environment(), _copied()
    with _served("tools.conformance.kit_reference", str(kit)) as url:
        known = {check.name for check in _checked(python, kit, url) if check.status == "failed"}
    with _served("tools.conformance.kit_network") as url:
        checks = _checked(python, kit, url)
    yield Report(NAME, tuple(_excused(check, known) for check in checks))


def _excused(check: Check, known: Iterable[str]) -> Check:
    if check.status == "failed" and check.name in known:
        return Check(check.name, "left out", f"the SDK's reference server fails it, too: {check.detail}")
    return check


def _environment() -> Path:
    """Return the interpreter of the kit's own environment, made at the first call."""
    folder, done = FOLDER / "venv", FOLDER / "installed.txt"
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    wanted = "\n".join(PACKAGES)
    if python.is_file() and done.is_file() and done.read_text(encoding="utf-8") == wanted:
        return python
    venv.create(folder, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        raise Missing(f"pip could not install the kit's packages: {made.stderr.strip()[-500:]}")
    done.write_text(wanted, encoding="utf-8")
    return python


def _copied() -> Path:
    """Return a copy of the kit: it writes its reports where it lies."""
    copy = FOLDER / "kit"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(KIT, copy, ignore=shutil.ignore_patterns("__pycache__", "reports"))
    return copy


@contextmanager
def _served(module: str, *arguments: str) -> Iterator[str]:
    """Run a module that serves, prints its URL, and ends when its input does."""
    log = FOLDER / f"{module}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"{module} did not start: {log.read_text(encoding='utf-8')[-2000:]}")
        yield url
    finally:
        ended(process)


def _checked(python: Path, kit: Path, url: str) -> list[Check]:
    command = [str(python), "run_tck.py", "--sut-host", url, "--level", "must", "--transport", "jsonrpc,http_json"]
    done = subprocess.run(command, cwd=kit, capture_output=True, text=True, timeout=LONGEST)
    report = kit / "reports" / "junitreport.xml"
    if not report.is_file():
        raise RuntimeError(f"the kit did not run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    checks = [_check(case) for case in ElementTree.parse(report).getroot().iter("testcase")]
    report.unlink()
    return [check for check in checks if "grpc" not in check.name.lower()]


def _check(case: ElementTree.Element) -> Check:
    name = f"{case.get('classname', '').removeprefix('tests.compatibility.')}::{case.get('name')}"
    for kind in ("failure", "error"):
        if (found := case.find(kind)) is not None:
            return Check(name, "failed", found.get("message", "").splitlines()[0][:300])
    if (skipped := case.find("skipped")) is not None:
        return Check(name, "left out", skipped.get("message", "")[:300])
    return Check(name, "passed")
