"""Draft."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from agentnet.contracts.evaluations import Item
from agentnet.evals.grading import Grading
from agentnet.evals.suite import DatasetSpec
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import distinct


@dataclass(frozen=True)
class Dataset:
    name: str
    test: tuple[Item, ...]
    calibration: tuple[Item, ...]
    grading: Grading


def load(spec: DatasetSpec, folder: Path, *, calibration: int) -> Dataset:
    found = distinct(FAMILIES[spec.family or ""], "test", spec.seed, calibration + (spec.items or 0))
    items = [
        Item(
            dataset=spec.called,
            id=(i := hashlib.sha256(x.question.encode()).hexdigest()[:12]),
            text=x.question,
            answers=(x.answer,),
            label=spec.label or spec.called,
            cluster=i,
        )
        for x in found
    ]
    return Dataset(spec.called, tuple(items[calibration:]), tuple(items[:calibration]), Grading())
