"""Evidence that is drawn at random, so that what is true of it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from agentnet.contracts.policies import Candidate, Policy, PolicyNetwork
from agentnet.contracts.protocols import Ask
from agentnet.policy.learning.evidence import Row
from agentnet.policy.learning.learn import Terms, learn

NETWORK = PolicyNetwork(name="made", members={"ann": "1", "bob": "2"})
NOW = datetime(2026, 1, 1, tzinfo=UTC)

Accuracies = Mapping[str, Mapping[str, float]]
"""Label → candidate → its true accuracy."""


def drawn(accuracies: Accuracies, items: int, seed: int, tokens: Mapping[str, float] | None = None) -> list[Row]:
    """Return rows of `items` questions of each label. On half of the questions candidates share their luck."""
    random = np.random.default_rng(seed)
    rows = []
    for label, of in accuracies.items():
        for number in range(items):
            shared = random.random()
            for candidate, accuracy in of.items():
                luck = shared if random.random() < 0.5 else random.random()
                rows.append(
                    row(candidate, f"{label}{number}", label, luck < accuracy, (tokens or {}).get(candidate, 10))
                )
    return rows


def row(candidate: str, item: str, label: str = "sums", right: bool = True, tokens: float = 10) -> Row:
    return Row(candidate, item, label, item, float(right), tokens=tokens)


def candidates(names: Sequence[str], members: Sequence[str] = ("ann", "bob")) -> list[Candidate]:
    return [Candidate(name=name, protocol=Ask(agent="ann"), member=name in members) for name in names]


def learned(rows: Sequence[Row], **terms: object) -> Policy:
    names = list(dict.fromkeys(row.candidate for row in rows))
    return learn(rows, candidates(names), NETWORK, created=NOW, terms=Terms(**terms))  # type: ignore[arg-type]


def used(policy: Policy) -> dict[str, str]:
    """Label → what is used there, where it is not the default."""
    return {choice.label: choice.use for choice in policy.choices}
