"""Correcting p-values for the number of comparisons that an evaluation makes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from agentnet.evals.results import Row
from agentnet.evals.statistics import holm
from agentnet.evals.tables import ALL

Family = tuple[str, bool, bool]
"""Kind of baseline, whether the rows are over all datasets, whether they are systems of the suite."""


def corrected(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with p-values that are corrected for multiple comparisons (Holm).

    Comparisons with one kind of baseline are one family of tests. Rows over all datasets are families of their own, and
    so are those of the best member asked again.
    """
    families: dict[Family, list[tuple[int, int]]] = defaultdict(list)
    for number, row in enumerate(rows):
        for index, comparison in enumerate(row.comparisons):
            kind = comparison.baseline.split(" ×")[0]
            families[kind, row.dataset == ALL, row.kind == "system"].append((number, index))
    comparisons = [list(row.comparisons) for row in rows]
    for members in families.values():
        p_values = holm([comparisons[number][index].p for number, index in members])
        for (number, index), p in zip(members, p_values, strict=True):
            comparisons[number][index] = replace(comparisons[number][index], corrected_p=p)
    return [replace(row, comparisons=tuple(found)) for row, found in zip(rows, comparisons, strict=True)]
