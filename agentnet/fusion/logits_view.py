"""The view of a model whose logits are in sight: computed from its row as far as a strategy asks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from agentnet.fusion.byte_vocabulary import Piece, Pieces
from agentnet.fusion.ranking import Ranking
from agentnet.fusion.views import Candidate, View

FIRST_LOOK = 16
"""Tokens that are ranked at first; each further look is wider."""
WIDER = 8


class LogitsView(View):
    """A row of logits by the pieces of a vocabulary.

    Of tokens that say the same piece, the greatest logit counts, and their probabilities are added. Tokens that say
    nothing count for nothing: the probabilities of the others sum to one.
    """

    raw = True

    def __init__(
        self,
        member: str,
        vocabulary: Pieces,
        ranking: Ranking,
        *,
        weight: float = 1.0,
        first_piece: Callable[[bytes], Piece] = lambda piece: piece,
    ) -> None:
        """`ranking` bars the tokens that are silent in the vocabulary."""
        self.member, self.weight = member, weight
        self._vocabulary, self._ranking = vocabulary, ranking
        self._first_piece = first_piece
        self._known: dict[Piece, Candidate] = {}
        self._ranked: list[Candidate] = []
        """The likeliest pieces, best first, as far as they are known."""
        self._complete = False
        """Whether those are all."""
        self._rank(FIRST_LOOK)  # not when a strategy asks: other members may still be computing

    def top(self, count: int) -> Sequence[Candidate]:
        look = max(FIRST_LOOK * WIDER, count)
        while len(self._ranked) < count and not self._complete:
            self._rank(look)
            look *= WIDER
        return self._ranked[:count]

    def candidate(self, piece: Piece) -> Candidate | None:
        found = self._known.get(piece)
        if found is None and (tokens := self._vocabulary.tokens(piece)):
            found = self._known[piece] = self._candidate(piece, tokens)
        return found

    def first_piece(self, piece: bytes) -> Piece:
        return self._first_piece(piece)

    def _candidate(self, piece: Piece, tokens: Sequence[int]) -> Candidate:
        logits = [self._ranking.row.item(token) for token in tokens]
        logit = max(logits)
        if logit == -math.inf:
            return Candidate(piece, logit, logit)
        more = math.log(math.fsum(math.exp(other - logit) for other in logits)) if len(logits) > 1 else 0.0
        return Candidate(piece, logit, logit + more - self._ranking.logsumexp)

    def _rank(self, look: int) -> None:
        """Rank the pieces of the `look` greatest tokens.

        Of those, the pieces that are likelier than any other can be are the likeliest of all. Any other is said by
        tokens that are no greater than the last one: by one token in each of its forms, since pieces that more than one
        token says are looked at whenever they might be as likely.
        """
        vocabulary, ranking = self._vocabulary, self._ranking
        tokens, logits = ranking.greatest(look)
        least = logits[-1] - ranking.logsumexp
        self._complete = len(tokens) < look
        found: dict[Piece, Candidate] = {}
        for token, logit in zip(tokens, logits, strict=True):
            piece = vocabulary.piece(token)
            if vocabulary.alone(token):
                found[piece] = Candidate(piece, logit, logit - ranking.logsumexp)
            elif piece not in found:
                found[piece] = self._candidate(piece, vocabulary.tokens(piece))
        if len(vocabulary.shared):
            near = ranking.row[vocabulary.shared] >= logits[-1] - math.log(vocabulary.most_sharing)
            for token in vocabulary.shared[near].tolist():
                piece = vocabulary.piece(token)
                if piece not in found:
                    found[piece] = self._candidate(piece, vocabulary.tokens(piece))
        ranked = sorted(found.values(), key=lambda candidate: -candidate.logprob)
        if not self._complete:
            least += math.log(vocabulary.forms)
            ranked = [candidate for candidate in ranked if candidate.logprob >= least]
        self._ranked = ranked
        self._known |= found
