"""The weights of members: how much each one's answer counts, by what was measured of it."""

from __future__ import annotations

from collections.abc import Sequence

from agentnet.contracts.cards import Card

LEAST = 0.01
"""The weight of a member that was never right: it breaks ties."""


def weights(cards: Sequence[Card | None], label: str | None) -> list[float]:
    """Return the weight of each card for a task of some label, each above 0 and at most 1.

    A measured member weighs as much as its proven accuracy (`Card.proven`). Any other one, and None, weighs as little
    as the least of the measured ones, whatever it claims: of n members, at most 1/n of the whole. Where none was
    measured, all weigh 1.
    """
    proven = [None if card is None else card.proven(label) for card in cards]
    least = min((score for score in proven if score is not None), default=1.0)
    return [max(least if score is None else score, LEAST) for score in proven]
