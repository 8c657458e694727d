"""`Evaluated`: the outcome of an evaluation, as notebooks and programs use it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentnet.evals.report.files import write_report
from agentnet.evals.report.markdown import markdown
from agentnet.evals.results import Row, Summary


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An evaluation with its report. A notebook shows it as Markdown."""

    summary: Summary

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every system on every dataset."""
        return self.summary.rows

    def row(self, dataset: str, system: str) -> Row | None:
        """Return the row of a system on a dataset, None where it has none."""
        return self.summary.row(dataset, system)

    def as_json(self) -> dict[str, Any]:
        """Return plain data: what ``report.json`` holds."""
        return self.summary.as_json()

    def write(self, folder: str | Path) -> Path:
        """Write ``report.html``, ``report.md`` and ``report.json``, and return their folder.

        Each replaces an earlier one as a whole. Raises `BadInput` where the folder cannot be written.
        """
        return write_report(self.summary, Path(folder))

    def _repr_markdown_(self) -> str:
        return markdown(self.summary)
