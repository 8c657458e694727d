"""The files of a report: a page, Markdown and JSON in one folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

from agentnet.contracts.base import finite
from agentnet.errors import BadInput
from agentnet.evals.report.markdown import markdown
from agentnet.evals.report.page import page
from agentnet.evals.results import Summary


def write_report(summary: Summary, folder: Path) -> Path:
    """Write ``report.html``, ``report.md`` and ``report.json``, and return their folder.

    Each replaces an earlier one as a whole. Raises `BadInput` where the folder cannot be written.
    """
    contents = {
        "report.html": page(summary),
        "report.md": markdown(summary),
        "report.json": json.dumps(finite(summary.as_json()), ensure_ascii=False, indent=1, allow_nan=False) + "\n",
    }
    prepare(folder)
    try:
        for name, content in contents.items():
            new = folder / f".{name}.new"
            try:
                new.write_text(content, encoding="utf-8")
                os.replace(new, folder / name)
            finally:
                new.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def prepare(folder: Path) -> None:
    """Make the folder of a report. Raises `BadInput` where it cannot be made or written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    if not os.access(folder, os.W_OK):
        raise BadInput(f"{folder}: the report cannot be written there (Permission denied); name another folder")


def _unwritable(folder: Path, error: OSError) -> BadInput:
    return BadInput(f"{folder}: the report cannot be written there ({error.strerror or error}); name another folder")
