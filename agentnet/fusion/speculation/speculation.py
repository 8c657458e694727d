"""Speculation over one fused text: which member drafts, what it drafts, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence

from agentnet.fusion.byte_vocabulary import END, SPACE, Piece
from agentnet.fusion.members import ByteMember, Member
from agentnet.fusion.speculation.drafts import Draft, boundaries
from agentnet.fusion.speculation.pace import Pace
from agentnet.fusion.speculation.sessions import SpeculativeSession
from agentnet.models.tokens import TracingSession

MEMORY = 0.7
"""What is left of a member's agreement with the text after a further piece; the rest is about that piece."""


class Speculation:
    """The drafts of a text that several members say. It serves one text."""

    def __init__(self, members: Sequence[Member]) -> None:
        """Put speculative sessions in place of the members' own, where these can be traced. With fewer than two of
        them, nothing is speculated."""
        self.said = b""
        self._draft: Draft | None = None
        self._pace = Pace()
        self._sessions: dict[str, SpeculativeSession] = {}
        """By member."""
        traced = {member.name: member.session for member in members if isinstance(member.session, TracingSession)}
        for member in members if len(traced) > 1 else ():
            if member.name in traced:
                session = SpeculativeSession(traced[member.name], self, bytewise=isinstance(member, ByteMember))
                self._sessions[member.name] = member.session = session
        self._agreement = dict.fromkeys(self._sessions, 1.0)
        """By member, how often the text continued as it would have by itself, lately: from 0 to 1."""

    @property
    def evaluations(self) -> dict[str, int]:
        """By member, how often its model was asked."""
        return {name: session.evaluations for name, session in self._sessions.items()}

    @property
    def drafter(self) -> str | None:
        """The member whose draft the next piece needs: of those that agree most, the one with the largest vocabulary,
        since it needs the fewest evaluations for a text. None where no draft is needed."""
        if not self._sessions or self._pace.resting or self.rest() is not None:
            return None
        return max(
            self._sessions,
            key=lambda name: (round(self._agreement[name], 1), self._sessions[name].vocabulary.size),
        )

    def waits(self, member: Member) -> bool:
        """Return whether a member had better be asked for its next view after the `drafter`."""
        return member.name in self._sessions and self.drafter not in (None, member.name)

    def chose(self, piece: Piece) -> None:
        """Note the piece that the text continues with."""
        for name, session in self._sessions.items():
            agrees = self._agrees(session, piece)
            self._agreement[name] = MEMORY * self._agreement[name] + (1 - MEMORY) * agrees
        if piece is END:
            return
        drafted, before = self._draft, self.said
        self.said += piece
        if drafted is None or not drafted.continues(before):
            self._pace.passed()
        elif drafted.text == self.said:
            self._pace.finished()
        elif drafted.continues(self.said):
            self._pace.continued()
        else:
            self._pace.parted()
        for session in self._sessions.values():
            session.forget()

    def rest(self) -> tuple[bytes, list[int]] | None:
        if self._draft is None or not self._draft.continues(self.said):
            return None
        length = len(self.said)
        return self._draft.text[length:], [stop - length for stop in self._draft.stops if stop > length]

    def ahead(self, session: SpeculativeSession, asked: tuple[int, ...]) -> int | None:
        drafter = self.drafter
        drafts = drafter is not None and session is self._sessions[drafter] and session.speaks(asked)
        return self._pace.length if drafts else None

    def drafted(self, session: SpeculativeSession, text: bytes) -> None:
        if not self.said and not session.last and text.startswith(SPACE):
            text = text.removeprefix(SPACE)
            for other in self._sessions.values():  # likely they begin with a space too
                other.leading_space = SPACE
        whole = self.said + text
        stops: set[int] = set()
        for other in self._sessions.values():
            spelled = other.text(other.last)
            lead = len(spelled) - len(spelled.lstrip(SPACE))
            if whole.startswith(spelled[lead:]):
                ends = boundaries(other.tokenizer, other.last, whole[len(spelled) - lead :])
                stops.update(end - lead for end in ends)
        self._draft = Draft(whole, tuple(sorted(stop for stop in stops if stop > len(self.said))))
        self._pace.drafted()

    def _agrees(self, session: SpeculativeSession, piece: Piece) -> bool:
        """Return whether the text continues as a member would have continued by itself, as far as both say."""
        if session.own is None:
            return False
        ends = session.vocabulary.ends(session.own)
        if piece is END or ends:
            return ends and piece is END
        own = session.tokenizer.retokenizer.text([session.own])
        if not self.said:
            own = own.lstrip(SPACE)
        return own.startswith(piece) or piece.startswith(own)
