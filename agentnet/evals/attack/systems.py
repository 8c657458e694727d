"""From the systems of a suite to the same systems under attack."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import combinations

from agentnet.agents.base import Need
from agentnet.collab.binding import Binder
from agentnet.collab.combinators import needs
from agentnet.contracts.evaluations import System
from agentnet.contracts.network import NetworkSpec
from agentnet.errors import BadInput
from agentnet.evals.suite import Attack, Attacks

REFERENCE: Attack = "silent"
"""The attack that all others are compared with."""

DECIDING = ("plan", "verify", "choose", "synthesize")
"""The roles in which one agent decides for all."""


def attacked(
    systems: Sequence[System], attacks: Attacks, members: Sequence[str], network: NetworkSpec, seed: int
) -> Iterator[System]:
    """Yield every system with every attack by every choice of liars. `members` are those that liars may replace.

    Liars only replace agents that a system asks. Raises `BadInput` where there are fewer members than liars.
    """
    kinds = dict.fromkeys((REFERENCE, *attacks.kinds))
    for system in systems:
        asked = list(needs(Binder(network).bind(system.protocol.protocol, system.name)))
        mine = [name for name in members if _is_asked(name, asked)]
        if mine and len(mine) <= max(attacks.liars):
            raise BadInput(
                f"system {system.name!r} asks {len(mine)} members that may lie: fewer than {max(attacks.liars)} "
                f"`liars`, and one that is honest"
            )
        choices = [liars for count in attacks.liars for liars in _choices(mine, count, attacks.sets, seed)]
        fused = any(need.fused for need in asked)
        for kind in kinds:
            if kind != REFERENCE and fused is not (kind == "loud"):
                continue
            for liars in choices:
                yield _under(system, kind, liars)
        if attacks.deciders:
            for name in dict.fromkeys(need.agent for need in asked if need.role in DECIDING):
                for kind in (REFERENCE, "collude"):
                    yield _under(system, kind, (name,), decider=True)


def _is_asked(name: str, asked: Sequence[Need]) -> bool:
    return any(need.agent in (name, "@best") and need.role not in DECIDING for need in asked)


def _choices(members: Sequence[str], count: int, most: int, seed: int) -> list[tuple[str, ...]]:
    every = list(combinations(members, count))
    return every if len(every) <= most else sorted(random.Random(seed).sample(every, most))


def _under(system: System, kind: Attack, liars: Sequence[str], *, decider: bool = False) -> System:
    facts = {"attacked": system.name, "attack": kind, "liars": list(liars), "decider": decider}
    return system.model_copy(
        update={
            "name": f"{system.name}, {kind}: {' + '.join(liars)}{' (decides)' if decider else ''}",
            "kind": "attacked",
            "facts": facts,
        }
    )
