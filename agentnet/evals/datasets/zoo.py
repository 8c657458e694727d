"""The zoo's families of generated tasks: held-out items only, which no model of the zoo was trained on."""

from __future__ import annotations

from agentnet.evals.datasets.rows import Row, Rows
from agentnet.evals.suite import DatasetSpec
from agentnet.files.names import lookup
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import Item, distinct


def zoo(spec: DatasetSpec, count: int) -> Rows:
    """Return `count` different items of a family. Rewordings of one problem (equal keys) share a cluster."""
    family = lookup(FAMILIES, spec.family or "", "family of the zoo")
    return Rows(tuple(_row(item) for item in distinct(family, "test", spec.seed, count)), "exact")


def _row(item: Item) -> Row:
    place = f"zoo family {item.family}: {item.question!r}"
    return Row(place, item.question, (item.answer,), label=item.family, cluster=item.key or item.question)
