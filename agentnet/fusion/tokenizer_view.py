"""What fusion knows of a model's tokenizer: the bytes that its tokens say, and its tokens for any bytes."""

from __future__ import annotations

from functools import cached_property, partial

from agentnet.fusion.byte_vocabulary import ByteVocabulary
from agentnet.fusion.retokenizing import Retokenizer
from agentnet.models.tokens import TokenSession, TokenVocabulary

SPACE = b" "


class TokenizerView:
    """A vocabulary, made ready for fusion. Made once for each model: see `tokenizer_view`."""

    def __init__(self, name: str, vocabulary: TokenVocabulary) -> None:
        """`name` is the model's, for errors."""
        spelled = [vocabulary.piece(token) for token in range(vocabulary.size)]
        self._spelled = spelled
        self._ends = [token for token in range(vocabulary.size) if vocabulary.ends(token)]
        self.vocabulary = ByteVocabulary(spelled, self._ends)
        self.retokenizer = Retokenizer(
            name, self.vocabulary, spelled, partial(vocabulary.tokens, begin=False, special=False)
        )

    @cached_property
    def without_leading_space(self) -> ByteVocabulary:
        """The vocabulary for a first word whose leading space is no part of the text."""
        return ByteVocabulary([piece.removeprefix(SPACE) for piece in self._spelled], self._ends)


def tokenizer_view(session: TokenSession) -> TokenizerView:
    """Return the view of a session's model. It is made when it is first needed, and the model's vocabulary keeps it."""
    derived = session.vocabulary.derived
    found: TokenizerView | None = derived.get(TokenizerView)
    if found is None:
        found = derived[TokenizerView] = TokenizerView(session.name, session.vocabulary)
    return found
