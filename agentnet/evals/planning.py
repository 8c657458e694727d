"""How many trials an evaluation is going to make, as far as that is known beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from agentnet.contracts.evaluations import SELECTION, EvaluationRecord, Item, Split, System
from agentnet.evals.jobs import jobs_of
from agentnet.evals.suite import SuiteSpec


def planned(record: EvaluationRecord, items: Mapping[Split, Sequence[Item]]) -> dict[str, int]:
    """Return phase → the number of its trials, in the order of the phases; a phase without trials is left out.

    The baselines at equal token budget count once they are chosen, and mutual grades are not known before the answers.
    """
    suite = SuiteSpec.model_validate(record.suite)
    members = [system for system in record.systems if system.kind == "member"]
    paths = [system for system in record.systems if "path" in system.facts]
    shown = members if "members" in suite.baselines else []
    counts = {
        "selection": _count([*members, *paths], items[SELECTION]),
        "candidates": _count(_of(record, "candidate"), items[SELECTION]),
        "systems": _count([*shown, *_of(record, "system")], items["test"], suite.epochs),
        "attacks": _count(_of(record, "attacked"), items["test"], suite.epochs),
        "equal budget": _count(_of(record, "samples", "corrections"), items["test"], suite.epochs),
    }
    return {phase: count for phase, count in counts.items() if count}


def _of(record: EvaluationRecord, *kinds: str) -> list[System]:
    return [system for system in record.systems if system.kind in kinds]


def _count(systems: Iterable[System], items: Sequence[Item], epochs: int = 1) -> int:
    return sum(1 for _ in jobs_of(list(systems), items, epochs, "test"))
