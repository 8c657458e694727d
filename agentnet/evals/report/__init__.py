"""Reports: one HTML file that needs nothing else, Markdown for reviews, JSON for programs."""

from __future__ import annotations

import json
import os
from pathlib import Path

from agentnet.errors import BadInput
from agentnet.evals.report.markdown import markdown
from agentnet.evals.report.page import page
from agentnet.evals.summary import Summary


def write_report(summary: Summary, folder: Path) -> Path:
    """Write ``report.html``, ``report.md`` and ``report.json``; each replaces an earlier one as a whole.

    Returns the folder. Raises `BadInput` where it cannot be written.
    """
    contents = {
        "report.html": page(summary),
        "report.md": markdown(summary),
        "report.json": json.dumps(summary.as_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            new = folder / f".{name}.new"
            new.write_text(content, encoding="utf-8")
            os.replace(new, folder / name)
    except OSError as error:
        raise BadInput(f"{folder}: the report cannot be written there ({error.strerror})") from error
    return folder
