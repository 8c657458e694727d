"""What a strategy sees of a member: its distribution over the next piece, and its tokens for pieces of others."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from agentnet.fusion.byte_vocabulary import Piece


class Candidate(NamedTuple):
    """A piece with what one member thinks of it."""

    piece: Piece
    logit: float
    """Of several tokens that say the piece, the greatest one's."""
    logprob: float
    """Natural log-probability of the piece, however it is said: ``-inf`` where it cannot be said."""


class View(ABC):
    """One member's distribution over the next piece.

    A member behind a server tells the log-probabilities of its likeliest pieces only: then `raw` is false, and so it is
    for bytes. Their logits are those log-probabilities.
    """

    member: str
    weight: float = 1.0
    raw: bool = False

    @abstractmethod
    def top(self, count: int) -> Sequence[Candidate]:
        """Return the `count` likeliest pieces, best first; equal ones in the order of their tokens.

        A piece without any probability is not among them: a server did not tell it, or it cannot be said.
        """

    @abstractmethod
    def candidate(self, piece: Piece) -> Candidate | None:
        """Return a piece with what this member thinks of it; None where no token says it, or a server did not tell."""

    def first_piece(self, piece: bytes) -> Piece:
        """Return the first of the pieces into which the member's own tokenizer splits some bytes."""
        return piece

    @property
    def likeliest(self) -> Candidate:
        """The likeliest piece."""
        return self.top(1)[0]

    def probability(self, piece: Piece) -> float:
        """Return the probability of a piece, 0 where it cannot be said."""
        found = self.candidate(piece)
        return math.exp(found.logprob) if found is not None else 0.0


class ListedView(View):
    """A distribution that is written down: what a server tells."""

    def __init__(
        self,
        member: str,
        logprobs: Mapping[Piece, float],
        *,
        logits: Mapping[Piece, float] | None = None,
        weight: float = 1.0,
        first_piece: Callable[[bytes], Piece] = lambda piece: piece,
    ) -> None:
        """`logits` are those of the same pieces, where they are known."""
        self.member, self.weight, self.raw = member, weight, logits is not None
        values = logits if logits is not None else logprobs
        self._candidates = {piece: Candidate(piece, values[piece], logprobs[piece]) for piece in logprobs}
        self._first_piece = first_piece

    def top(self, count: int) -> Sequence[Candidate]:
        possible = [candidate for candidate in self._candidates.values() if candidate.logprob > -math.inf]
        return sorted(possible, key=lambda candidate: -candidate.logprob)[:count]

    def candidate(self, piece: Piece) -> Candidate | None:
        return self._candidates.get(piece)

    def first_piece(self, piece: bytes) -> Piece:
        return self._first_piece(piece)


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
