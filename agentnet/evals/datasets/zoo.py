"""The zoo's families of generated tasks: held-out items only, of which no model has seen any."""

from __future__ import annotations

from agentnet.errors import BadInput
from agentnet.evals.datasets.rows import Row, Rows
from agentnet.evals.suite import DatasetSpec
from agentnet.naming import named
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import Item, items

PATIENCE = 20_000
"""So many draws without a new question mean that there is none: a family of facts ends."""


def zoo(spec: DatasetSpec, count: int) -> Rows:
    """`count` different items of a family, in the order of `distinct`; fewer where there are no more.

    Rewordings of one problem (equal keys) share a cluster.
    """
    family = named(FAMILIES, spec.family or "", "family of the zoo")
    found: dict[str, Item] = {}
    since = 0
    for item in items(family, "test", spec.seed):
        since = since + 1 if item.question in found else 0
        found.setdefault(item.question, item)
        if len(found) == count or since == PATIENCE:
            break
    if len(found) < (spec.items or 1):
        raise BadInput(f"zoo family {family.name}: there are {len(found)} held-out items, {spec.items} are asked for")
    return Rows(tuple(_row(item) for item in found.values()), "exact")


def _row(item: Item) -> Row:
    place = f"zoo family {item.family}: {item.question!r}"
    return Row(place, item.question, (item.answer,), label=item.family, cluster=item.key or item.question)
