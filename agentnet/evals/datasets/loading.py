"""From the description of a dataset in a suite to its items."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agentnet.contracts.evaluations import Item
from agentnet.evals.datasets.bbh import bbh
from agentnet.evals.datasets.gsm8k import gsm8k
from agentnet.evals.datasets.mmlu import mmlu
from agentnet.evals.datasets.prompts import Prompt
from agentnet.evals.datasets.rows import Rows, items
from agentnet.evals.datasets.splitting import split
from agentnet.evals.datasets.table import BOOLQ, CEVAL, table
from agentnet.evals.datasets.zoo import zoo
from agentnet.evals.grading import Grading
from agentnet.evals.suite import ZOO, DatasetSpec
from agentnet.files.names import lookup

LOADERS: dict[str, Callable[[Path, DatasetSpec], Rows]] = {
    "gsm8k": gsm8k,
    "bbh": bbh,
    "boolq": lambda path, spec: table(path, spec, BOOLQ, "yes-no"),
    "mmlu": mmlu,
    "ceval": lambda path, spec: table(path, spec, CEVAL, "choice"),
    "table": table,
}
"""Name of a loader (`from` in a suite) → the function that reads its file. `ZOO` reads none."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The items of a dataset, and how their answers are scored. No cluster of items is in both splits."""

    name: str
    test: tuple[Item, ...]
    selection: tuple[Item, ...]
    grading: Grading
    repeated: int = 0
    """Lines of the file that repeat an earlier one. They are left out."""


def load(spec: DatasetSpec, folder: Path, *, selection: int) -> Dataset:
    """Return the items of a dataset, `selection` of them in the selection split (or a third, where there are too few).

    `folder` is where `spec.path` starts from. `spec.seed` decides the order of a file, and which items of a zoo family
    are generated. There is always a test item. Raises `BadInput`, with file and line, for what cannot be used.
    """
    generated = spec.loader == ZOO
    rows = zoo(spec, selection + (spec.items or 0)) if generated else _read(spec, folder)
    name = spec.called
    grading = Grading.of(spec, rows.answer, rows.scorer)
    prompt = Prompt(spec.prompt) if spec.prompt else Prompt.of("exact" if generated else grading.answer)
    found, repeated = items(rows.rows, name, spec.label, prompt)
    if not generated:
        found = tuple(random.Random(spec.seed).sample(found, len(found)))
    selected, test = split(found, selection, spec.items)
    return Dataset(name, test, selected, grading, repeated)


def _read(spec: DatasetSpec, folder: Path) -> Rows:
    lookup(dict.fromkeys((ZOO, *LOADERS)), spec.loader, "loader of datasets")
    return LOADERS[spec.loader](folder / Path(spec.path or "").expanduser(), spec)
