"""What a suite found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["passed", "failed", "left out"]


class Missing(Exception):
    """A suite cannot run here; the message says what it needs."""


@dataclass(frozen=True, slots=True)
class Check:
    """A requirement that was checked, or left out; `detail` says what went wrong, or why it does not apply."""

    name: str
    status: Status
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What one suite found of one server."""

    suite: str
    """The suite with its version, and what it was run on."""
    checks: tuple[Check, ...]

    def count(self, status: Status) -> int:
        """Return how many checks ended so."""
        return sum(check.status == status for check in self.checks)

    @property
    def held(self) -> bool:
        """Whether something was checked, and nothing failed."""
        return self.count("passed") > 0 and self.count("failed") == 0

    def data(self) -> dict[str, Any]:
        """Return the report as plain data."""
        counts = {status: self.count(status) for status in ("passed", "failed", "left out")}
        rest = [
            {"name": check.name, "status": check.status, "detail": check.detail}
            for check in self.checks
            if check.status != "passed"
        ]
        return {"suite": self.suite, "held": self.held, **counts, "not passed": rest}

    def lines(self) -> Iterator[str]:
        """Yield a line of counts, one for each check that failed, and one for each reason why others were left out."""
        counts = ", ".join(f"{self.count(status)} {status}" for status in ("passed", "failed", "left out"))
        yield f"{self.suite}: {counts}"
        for check in self.checks:
            if check.status == "failed":
                yield f"  failed: {check.name}{check.detail and ': '}{check.detail}"
        reasons: dict[str, list[str]] = {}
        for check in self.checks:
            if check.status == "left out":
                reasons.setdefault(check.detail, []).append(check.name)
        for reason, names in reasons.items():
            yield f"  left out, {reason}: {', '.join(names)}"
