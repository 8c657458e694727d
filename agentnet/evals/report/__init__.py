"""Draft."""

import json
from pathlib import Path


def write_report(summary, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(summary.as_json()))
    return folder
