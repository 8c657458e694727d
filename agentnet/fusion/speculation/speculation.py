"""Speculation over one fused text: who drafts, how far, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentnet.fusion.byte_vocabulary import END, Piece
from agentnet.fusion.members import ByteMember, Member
from agentnet.fusion.speculation.drafts import Draft, boundaries
from agentnet.fusion.speculation.memo import SpeculativeSession
from agentnet.fusion.tokenizer_view import SPACE
from agentnet.models.tokens import Reading, TracingSession

FIRST, MOST = 4, 16
"""Tokens that a member runs ahead at first, and at most."""
_MEMORY = 0.7
"""What is left of a member's agreement after a piece; the rest is about that piece."""


class Speculation:
    """The draft of a text that several members say."""

    def __init__(self, members: Sequence[Member]) -> None:
        """Take the place of the members' sessions, as far as these can be traced."""
        self.said = b""
        """The shared text so far."""
        self.draft_text: Draft | None = None
        self.leading_space = b""
        self._length = FIRST
        self._ran = 0
        self._sessions: list[SpeculativeSession] = []
        self._of: dict[str, SpeculativeSession] = {}
        for member in members:
            if isinstance(member.session, TracingSession):
                session = SpeculativeSession(member.session, self, bytewise=isinstance(member, ByteMember))
                member.session = session
                self._sessions.append(session)
                self._of[member.name] = session

    def follows(self, member: Member) -> bool:
        session = self._of.get(member.name)
        return session is not None and self.exhausted and session is not self.drafter

    def leads(self, member: Member) -> bool:
        return self._of.get(member.name) is self.drafter

    @property
    def evaluations(self) -> dict[str, int]:
        return {name: session.evaluations for name, session in self._of.items()}

    @property
    def drafter(self) -> SpeculativeSession:
        """The member that drafts: the one that agrees most, of equal ones the one with the largest vocabulary."""
        return max(self._sessions, key=lambda session: (round(session.agreement, 1), session.vocabulary.size))

    @property
    def exhausted(self) -> bool:
        return self.draft_text is None or not self.draft_text.continues(self.said)

    def drafts(self, session: SpeculativeSession) -> bool:
        return session is self.drafter and self.exhausted

    async def draft(self, session: SpeculativeSession, reading: Reading[Any]) -> None:
        tokens, text = session.last, session.tokenizer.retokenizer.text
        own = text(tokens)
        if own.lstrip(SPACE) != self.said.lstrip(SPACE):
            return
        self._ran = 0
        while (token := await session.follow(tokens, reading)) is not None:
            tokens = (*tokens, token)
            if self._ran >= self._length:
                break
            self._ran += 1
        drafted = text(tokens)[len(own) :]
        if not self.said and not own and drafted.startswith(SPACE):
            self.leading_space = SPACE
            drafted = drafted.removeprefix(SPACE)
        whole = self.said + drafted
        stops = set()
        for other in self._sessions:
            before = text_before = other.last
            spelled = other.tokenizer.retokenizer.text(text_before).lstrip(SPACE)
            if not whole.startswith(spelled):
                continue
            shift = len(other.tokenizer.retokenizer.text(before)) - len(spelled)
            stops |= {stop - shift for stop in boundaries(other.tokenizer, before, whole[len(spelled) :])}
        self.draft_text = Draft(whole, tuple(sorted(stop for stop in stops if stop > len(self.said))))

    def chose(self, piece: Piece) -> None:
        """Note the piece that was said."""
        live = not self.exhausted
        for session in self._sessions:
            if session.next is not None:
                own = session.tokenizer.retokenizer.text([session.next])
                if not self.said:
                    own = own.removeprefix(SPACE)
                ends = session.vocabulary.ends(session.next)
                agrees = ends if piece is END else not ends and (own.startswith(piece) or piece.startswith(own))
                session.agreement = _MEMORY * session.agreement + (1 - _MEMORY) * agrees
        if piece is END:
            return
        self.said += piece
        for session in self._sessions:
            session.forget()
        if live and self.draft_text is not None and not self.draft_text.text.startswith(self.said):
            self._length = max(0, min(self._ran // 2, self._length - 1))
        elif live and self.draft_text is not None and self.draft_text.text == self.said:
            self._length = min(MOST, 2 * self._length + 1)
