"""Evidence: what each candidate did on each calibration question, as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agentnet.contracts.policies import Exchange

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Row:
    """What one candidate did on one calibration question.

    `score` is from 0 to 1, None where a model could not be asked; `cost` is money, at the prices on the cards.
    Questions of one `cluster` are not independent, such as questions about one passage.
    """

    candidate: str
    item: str
    label: str
    cluster: str
    score: float | None
    tokens: float = 0.0
    seconds: float = 0.0
    cost: float = 0.0


@dataclass(frozen=True)
class Evidence:
    """Rows as arrays of shape [items, candidates]; NaN where there is no score. Labels and clusters: shape [items]."""

    candidates: tuple[str, ...]
    labels: NDArray[np.str_]
    clusters: Codes
    scores: Floats
    tokens: Floats
    seconds: Floats
    cost: Floats
    exchange: Exchange

    @classmethod
    def of(cls, rows: Iterable[Row], candidates: Sequence[str], exchange: Exchange) -> Evidence:
        """Return rows as arrays, the items in the order of appearance. Rows of other candidates are left out.

        Several rows of one candidate and item are repetitions: their means count.
        """
        column = {name: number for number, name in enumerate(candidates)}
        items: dict[str, int] = {}
        clusters: dict[str, int] = {}
        of_item: list[tuple[str, int]] = []
        found: list[tuple[int, int, Row]] = []
        for row in rows:
            if row.candidate not in column or row.score is None:
                continue
            if row.item not in items:
                items[row.item] = len(items)
                of_item.append((row.label, clusters.setdefault(row.cluster, len(clusters))))
            found.append((items[row.item], column[row.candidate], row))
        shape = len(items), len(candidates)
        count, score, tokens, seconds, cost = (np.zeros(shape) for _ in range(5))
        for item, candidate, row in found:
            count[item, candidate] += 1
            score[item, candidate] += row.score or 0.0
            tokens[item, candidate] += row.tokens
            seconds[item, candidate] += row.seconds
            cost[item, candidate] += row.cost
        with np.errstate(invalid="ignore"):
            means = [np.where(count > 0, total / count, np.nan) for total in (score, tokens, seconds, cost)]
        return cls(
            candidates=tuple(candidates),
            labels=np.array([label for label, _ in of_item], dtype=np.str_),
            clusters=np.array([cluster for _, cluster in of_item], dtype=np.intp),
            scores=means[0],
            tokens=means[1],
            seconds=means[2],
            cost=means[3],
            exchange=exchange,
        )

    @property
    def items(self) -> int:
        return len(self.labels)

    @cached_property
    def utility(self) -> Floats:
        """Accuracy minus the price of cost, seconds and tokens. Shape: [items, candidates]."""
        exchange = self.exchange
        price = exchange.price * self.cost + exchange.second * self.seconds + exchange.token * self.tokens / 1000
        return self.scores - price

    @cached_property
    def expense(self) -> Floats:
        """What a candidate takes, so that it can be called cheaper: money, or tokens where nothing has a price."""
        return self.cost if np.nansum(self.cost) > 0 else self.tokens

    @property
    def is_priced(self) -> bool:
        """Whether utility is anything but accuracy."""
        return self.exchange != Exchange()

    def index(self, candidate: str) -> int:
        return self.candidates.index(candidate)

    def names(self) -> list[str]:
        """Return the labels, in the order of their first items."""
        return list(dict.fromkeys(self.labels.tolist()))

    def of_label(self, label: str) -> Mask:
        return np.asarray(self.labels == label, dtype=np.bool_)


def clustered(values: Floats, clusters: Codes) -> Floats:
    """Return the sums of values over their clusters, divided by the mean size of a cluster. Shape: [clusters].

    Their mean is the mean of the values, and they are independent. NaN values, and clusters of nothing else, are left
    out.
    """
    known = ~np.isnan(values)
    values, codes = values[known], clusters[known]
    if not len(values):
        return values
    _, places, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    return np.bincount(places, weights=values) * len(sizes) / len(values)


def means(values: Floats, where: Mask) -> Floats:
    """Return the mean of each candidate over the items in a mask; -inf for one that has none. Shape: [candidates]."""
    chosen = values[where]
    known = ~np.isnan(chosen)
    count = known.sum(axis=0)
    total = np.where(known, chosen, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), -np.inf)
