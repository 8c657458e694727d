"""A model behind a server as one of those that decode together."""

from __future__ import annotations

import codecs
import math

from agentnet.contracts.usage import Usage
from agentnet.fusion.byte_vocabulary import SPACE, Piece
from agentnet.fusion.members import Member, NotNow
from agentnet.fusion.views import ListedView, View
from agentnet.models.base import Request
from agentnet.models.tokens import NextTokenSource


class RemoteMember(Member):
    """A model behind a server that tells its likeliest next tokens. One request for each piece.

    What it gives are log-probabilities, not logits, and only of a few tokens: its views say so.
    """

    def __init__(self, name: str, model: NextTokenSource, request: Request, *, weight: float = 1.0) -> None:
        self.name, self.weight = name, weight
        self._model, self._request = model, request
        self._said = b""
        self._usage = Usage()

    async def view(self) -> View:
        said, half = _text(self._said)
        if half:
            raise self._not_now()
        found = await self._model.next_tokens(self._request, said)
        self._usage += found.usage
        likely: dict[Piece, float] = dict(found.tokens)
        if not said:
            likely = _without_leading_space(likely)
        # A server takes text: it could not continue half a character, so it does not propose one.
        likely = {piece: logprob for piece, logprob in likely.items() if not _text(piece or b"")[1]}
        if not likely:
            raise self._not_now()
        return ListedView(self.name, likely, weight=self.weight)

    def _not_now(self) -> NotNow:
        return NotNow(f"{self.name} waits for the rest of a character")

    async def append(self, piece: bytes) -> None:
        self._said += piece

    def usage(self) -> Usage:
        return self._usage

    def close(self) -> None:
        """Nothing is held."""


def _text(said: bytes) -> tuple[str, bool]:
    """Return bytes as text, with U+FFFD for what no character has, and whether the last character is incomplete."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return decoder.decode(said), bool(decoder.getstate()[0])


def _without_leading_space(likely: dict[Piece, float]) -> dict[Piece, float]:
    """Return first pieces without their leading space, where the likeliest one has it, and without those that are
    nothing but space. Probabilities of pieces that become equal are added."""
    best = max(likely, key=lambda piece: likely[piece], default=None)
    if best is None or not best.startswith(SPACE):
        return likely
    found: dict[Piece, float] = {}
    for piece, logprob in likely.items():
        stripped = piece if piece is None else piece.lstrip(SPACE)
        if stripped != b"":
            found[stripped] = _added(found.get(stripped, -math.inf), logprob)
    return found


def _added(first: float, second: float) -> float:
    """Return the log-probability of either of two outcomes."""
    top = max(first, second)
    return top if top == -math.inf else top + math.log(math.exp(first - top) + math.exp(second - top))
