"""A model's vocabulary, made ready for fusion."""

from __future__ import annotations

from functools import cached_property
from weakref import WeakKeyDictionary

from agentnet.fusion.pieces import Pieces
from agentnet.fusion.spelling import Speller
from agentnet.models.llama.stepping import TokenSession
from agentnet.models.llama.vocabulary import Vocabulary

SPACE = b" "


class Lexicon:
    """What a model's tokens say, and how its tokenizer spells. Made once for each model: see `lexicon_of`."""

    def __init__(self, name: str, session: TokenSession) -> None:
        vocabulary = session.vocabulary
        spelled = [vocabulary.piece(token) for token in range(vocabulary.size)]
        self._spelled = spelled
        self._ends = [token for token in range(vocabulary.size) if vocabulary.ends(token)]
        self.pieces = Pieces(spelled, self._ends)
        self.speller = Speller(
            name, self.pieces, spelled, lambda text: vocabulary.tokens(text, begin=False, special=False)
        )

    @cached_property
    def led(self) -> Pieces:
        """The pieces where a space that belongs to the first word is no part of the text."""
        return Pieces([piece.removeprefix(SPACE) for piece in self._spelled], self._ends)


_lexicons: WeakKeyDictionary[Vocabulary, Lexicon] = WeakKeyDictionary()


def lexicon_of(name: str, session: TokenSession) -> Lexicon:
    """The lexicon of a session's model, made when it is first needed."""
    found = _lexicons.get(session.vocabulary)
    if found is None:
        found = _lexicons[session.vocabulary] = Lexicon(name, session)
    return found
