"""What fusion knows of a model's tokenizer: the bytes that its tokens say, and its tokens for any bytes."""

from __future__ import annotations

from functools import cached_property, partial

from agentnet.fusion.byte_vocabulary import ByteVocabulary, WithoutLeadingSpace
from agentnet.fusion.retokenizing import Retokenizer
from agentnet.models.tokens import TokenSession, TokenVocabulary


class TokenizerView:
    """A vocabulary, made ready for fusion. Made once for each model: see `tokenizer_view`."""

    def __init__(self, name: str, vocabulary: TokenVocabulary) -> None:
        """`name` is the model's, for errors."""
        tokens = range(vocabulary.size)
        self.vocabulary = ByteVocabulary(map(vocabulary.piece, tokens), filter(vocabulary.ends, tokens))
        self.retokenizer = Retokenizer(name, self.vocabulary, partial(vocabulary.tokens, begin=False, special=False))

    @cached_property
    def without_leading_space(self) -> WithoutLeadingSpace:
        """The vocabulary for a first word whose leading space is no part of the text."""
        return WithoutLeadingSpace(self.vocabulary)


def tokenizer_view(session: TokenSession) -> TokenizerView:
    """Return the view of a session's model. It is made when it is first needed, and the model's vocabulary keeps it."""
    derived = session.vocabulary.derived
    found: TokenizerView | None = derived.get(TokenizerView)
    if found is None:
        found = derived[TokenizerView] = TokenizerView(session.name, session.vocabulary)
    return found
