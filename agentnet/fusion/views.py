"""What a strategy sees of a member: its next-token distribution, and how it would spell what others propose."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agentnet.fusion.pieces import Piece, Pieces


@dataclass(frozen=True, eq=False)
class View:
    """One member's distribution over the next piece.

    `logits` and `logprobs` are float64 of shape (places,). A member behind a server gives the log-probabilities of its
    likeliest pieces only: then `raw` is false, `logits` are those log-probabilities, and `pieces` are those few.
    """

    member: str
    pieces: Pieces
    logits: Any
    logprobs: Any
    weight: float = 1.0
    raw: bool = True
    first_piece: Callable[[bytes], Piece] = field(default=lambda piece: piece)
    """The piece with which the member's own tokenizer begins to spell some bytes."""

    def top(self, count: int) -> list[int]:
        """The places of the likeliest pieces, best first; of equals the one with the lower place.

        What has no probability is not among them: a server did not tell it, or it cannot be said.
        """
        values = self.logprobs
        least = float(np.partition(values, -count)[-count]) if count < len(values) else -math.inf
        some = np.flatnonzero(values >= max(least, np.finfo(np.float64).min))
        return [place for _, place in sorted(zip((-values[some]).tolist(), some.tolist(), strict=True))][:count]

    @property
    def likeliest(self) -> int:
        return int(self.logprobs.argmax())

    def piece(self, place: int) -> Piece:
        return self.pieces.pieces[place]

    def place(self, piece: Piece) -> int | None:
        """Where a piece lies in this member's vocabulary; None where it is no token of it."""
        return self.pieces.places.get(piece)


@dataclass(frozen=True)
class Choice:
    """What is said next, and who backed it."""

    piece: Piece
    score: float
    shares: dict[str, float]
    """For each member, what it contributed to the score."""
    runner_up: Piece = None
    runner_up_score: float | None = None
    """The second best; the score is None where there was none."""


def choose_best(scores: dict[Piece, float], contributions: dict[Piece, dict[str, float]]) -> Choice:
    """The choice of the highest score; of equals the one that was scored first."""
    ranked = sorted(scores, key=lambda piece: -scores[piece])
    return choice_of(ranked, 0, scores, contributions)


def choice_of(
    ranked: Sequence[Piece], place: int, scores: dict[Piece, float], contributions: dict[Piece, dict[str, float]]
) -> Choice:
    """The choice of one piece out of a ranking."""
    piece = ranked[place]
    other = next((rival for rival in ranked if rival != piece), None) if len(ranked) > 1 else None
    return Choice(
        piece=piece,
        score=scores[piece],
        shares=contributions[piece],
        runner_up=other,
        runner_up_score=scores[other] if len(ranked) > 1 else None,
    )
