"""Packages of npm for suites that are written for Node, in a folder of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tools.conformance.gateway import BENCH
from tools.conformance.report import Missing

NODE = "22.23.3"
"""The version of Node that a suite runs with: the package ``node`` of npm."""


def installed(name: str, packages: Mapping[str, str]) -> Path:
    """Return the folder with some packages (name → version) and Node, installed at the first call.

    Raises `Missing` without npm, or where its registry cannot be reached.
    """
    folder = BENCH / "npm" / name
    wanted = {"private": True, "dependencies": {"node": NODE, **packages}}
    done = folder / "installed.json"
    if done.is_file() and json.loads(done.read_text(encoding="utf-8")) == wanted:
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("it needs npm")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps(wanted), encoding="utf-8")
    command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error"]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if made.returncode:
        raise Missing(f"npm could not install {', '.join(packages)}: {made.stderr.strip()[-500:]}")
    done.write_text(json.dumps(wanted), encoding="utf-8")
    return folder


def node(folder: Path) -> Path:
    """Return the program of Node in a folder of packages."""
    return folder / "node_modules" / "node" / "bin" / "node"
