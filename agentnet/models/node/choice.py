"""Which of several nodes is asked: the one that is expected to complete a reply first.

The expected time is the wait for a free slot, and the tokens of the prompt that the node's cache does not hold divided
by the speed at which it reads prompts. Reading counts `READING` times: it delays those that come later, too. The times
are compared among the nodes that hold the longest beginning of the prompt and a few others at random: to look at a few
is almost as good as to look at all, and herds nobody (Mitzenmacher, "The Power of Two Choices in Randomized Load
Balancing", 2001). ``python -m benchmarks.living.simulation`` compares the rule with others.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

OTHERS = 4
"""Nodes at random that are looked at beside those that hold the prompt's beginning."""
HOLDING = 4
"""Most nodes that are looked at because they hold the prompt's beginning."""
READING = 4.0
"""How much a second of reading weighs against a second of waiting. At a share ρ of its capacity, a node that works a
second more delays what comes later by ρ / (1 - ρ) seconds in all: three, at 0.75."""

N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of one node for one prompt."""

    ahead: float
    """Requests that it has already."""
    slots: int
    """Requests that it serves at the same time."""
    service: float
    """Seconds of one request that does not wait."""
    unread: int
    """Tokens of the prompt that its cache does not hold."""
    prefill: float
    """Tokens of a prompt that it reads in a second."""

    @property
    def seconds(self) -> float:
        """The expected seconds until the reply begins, and the delay of others in them."""
        waiting = max(0.0, self.ahead + 1 - self.slots)
        return waiting * self.service / self.slots + READING * self.unread / self.prefill


def choose(holding: Sequence[N], others: Sequence[N], expected: Callable[[N], Expected], draw: random.Random) -> N:
    """Return the node with the lowest expected time among `holding` and a few of `others`; of equal ones, the idlest.

    One of the two must not be empty. A node may be in both.
    """
    few = others if len(others) <= OTHERS else draw.sample(others, OTHERS)
    looked_at = [*holding[:HOLDING], *few]
    draw.shuffle(looked_at)

    def rank(node: N) -> tuple[float, float]:
        estimate = expected(node)
        return estimate.seconds, estimate.ahead / estimate.slots

    return min(looked_at, key=rank)
