"""What a strategy sees of a member: its distribution over the next piece, and its tokens for pieces of others."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from agentnet.fusion.byte_vocabulary import ByteVocabulary, Piece, PieceLogits
from agentnet.models.tokens import LogProbs


@dataclass(frozen=True, eq=False)
class View:
    """One member's distribution over the next piece.

    `logits` and `logprobs` are float64 of shape (pieces,), by the indexes of `vocabulary`. A member behind a server
    gives the log-probabilities of its likeliest pieces only: then `raw` is false, `logits` are those log-probabilities,
    and `vocabulary` holds those few.
    """

    member: str
    vocabulary: ByteVocabulary
    logits: PieceLogits
    logprobs: LogProbs
    weight: float = 1.0
    raw: bool = True
    first_piece: Callable[[bytes], Piece] = field(default=lambda piece: piece)
    """Return the first of the pieces into which the member's own tokenizer splits some bytes."""

    def top(self, count: int) -> list[int]:
        """Return the indexes of the likeliest pieces, best first; equal ones in the order of their indexes.

        A piece without any probability is not among them: a server did not tell it, or it cannot be said.
        """
        values = self.logprobs
        least = float(np.partition(values, -count)[-count]) if count < len(values) else -math.inf
        some = np.flatnonzero(values >= max(least, np.finfo(np.float64).min))
        return [index for _, index in sorted(zip((-values[some]).tolist(), some.tolist(), strict=True))][:count]

    @property
    def likeliest(self) -> int:
        """The index of the likeliest piece."""
        return int(self.logprobs.argmax())

    def piece(self, index: int) -> Piece:
        """Return the piece at an index."""
        return self.vocabulary.pieces[index]

    def index(self, piece: Piece) -> int | None:
        """Return a piece's index in this member's vocabulary; None where no token says it."""
        return self.vocabulary.indexes.get(piece)


@dataclass(frozen=True)
class Choice:
    """The piece that is said next, and the members that backed it."""

    piece: Piece
    score: float
    shares: dict[str, float]
    """For each member, what it contributed to the score."""
    runner_up: Piece = None
    runner_up_score: float | None = None
    """The second best; the score is None where there was none."""


def choose_best(scores: dict[Piece, float], contributions: dict[Piece, dict[str, float]]) -> Choice:
    """Return the choice of the highest score; among equal ones, of the piece that was scored first."""
    ranked = sorted(scores, key=lambda piece: -scores[piece])
    return choice_of(ranked, 0, scores, contributions)


def choice_of(
    ranked: Sequence[Piece], rank: int, scores: dict[Piece, float], contributions: dict[Piece, dict[str, float]]
) -> Choice:
    """Return the choice of the piece at one rank (0: the best)."""
    piece = ranked[rank]
    other = next((rival for rival in ranked if rival != piece), None) if len(ranked) > 1 else None
    return Choice(
        piece=piece,
        score=scores[piece],
        shares=contributions[piece],
        runner_up=other,
        runner_up_score=scores[other] if len(ranked) > 1 else None,
    )
