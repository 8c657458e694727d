"""The loop of models that decode together: view, choose, append, until the text ends.

::

    members ── view ──▶ Strategy.choose ── piece ──▶ every member follows ──▶ text, provenance
       ▲                                                    │
       └────────────────────────────────────────────────────┘
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agentnet.contracts.usage import Usage
from agentnet.errors import AgentNetError, ContextOverflow, ModelError
from agentnet.fusion.byte_vocabulary import END
from agentnet.fusion.members import Member, NotNow
from agentnet.fusion.speculation import Speculation
from agentnet.fusion.strategies import Strategy
from agentnet.fusion.views import Choice, View
from agentnet.models.text import TextStream

MAX_FAILURES = 3
"""Failures in a row after which a member is not asked again."""


@dataclass(frozen=True)
class Fused:
    """A text that several models have said together."""

    text: str
    finish: Literal["stop", "length"]
    choices: tuple[Choice, ...]
    """One for each piece, the last one `END` where the text ended by itself."""
    usages: dict[str, Usage]
    """By member."""
    retokenized: dict[str, int]
    """By member, the pieces that it would not have said itself, and that were turned into its tokens."""
    dropped: dict[str, str]
    """By member, why it was left out before the end."""
    evaluations: dict[str, int] = field(default_factory=dict)
    """By member that took part in speculation, how often its model was asked."""


@dataclass(eq=False)
class Participant:
    """A member in the loop, with what it has still to hear and the view that it is asked for."""

    member: Member
    backlog: list[bytes] = field(default_factory=list)
    """Pieces that were said and that it has not followed yet."""
    pending_view: asyncio.Future[View] | None = None
    asked_at: int = 0
    """How many pieces had been said when the pending view was asked for."""
    failures: int = 0
    """In a row."""
    reason: str = ""
    """Of its last failure."""
    full: bool = False
    """Whether its context has no room for more."""
    waits: str = ""
    """Why it had no view this time, though nothing is wrong."""

    @property
    def dropped(self) -> bool:
        """Whether it is not asked again."""
        return self.failures >= MAX_FAILURES

    def ask(self, said: int) -> None:
        """Ask for the view behind `said` pieces, unless an earlier one is still pending."""
        if self.pending_view is None:
            self.asked_at = said
            self.waits = ""
            self.pending_view = self._viewed_at_once() or asyncio.create_task(self._catch_up_and_view())

    def answer(self, said: int) -> View | None:
        """Return its view behind `said` pieces; None if it is late, of an earlier piece, or failed."""
        if self.pending_view is None or not self.pending_view.done():
            return None
        task, self.pending_view = self.pending_view, None
        try:
            view = task.result()
        except NotNow as error:
            self.waits = str(error)
            return None
        except ContextOverflow as error:
            self.failures, self.full, self.reason = MAX_FAILURES, True, str(error)
            return None
        except AgentNetError as error:
            self.failures += 1
            self.reason = str(error)
            return None
        self.failures = 0
        return view if self.asked_at == said else None

    def _viewed_at_once(self) -> asyncio.Future[View] | None:
        """Return the view where nothing has to be waited for. Most bytes of a token then take no task, and no turn of
        the event loop."""
        viewed: asyncio.Future[View] = asyncio.get_running_loop().create_future()
        try:
            view = self.member.view_at_once(self.backlog)
        except AgentNetError as error:
            self.failures = MAX_FAILURES  # out of step: it cannot join again
            viewed.set_exception(error)
            return viewed
        if view is None:
            return None
        viewed.set_result(view)
        return viewed

    async def _catch_up_and_view(self) -> View:
        if self.backlog:
            await self.member.begin()
        try:
            while self.backlog:
                await self.member.append(self.backlog[0])
                del self.backlog[0]
        except AgentNetError:
            self.failures = MAX_FAILURES  # out of step: it cannot join again
            raise
        return await self.member.view()


@dataclass
class FusionLoop:
    """Members that say one text together, until it ends or has `limit` tokens: pieces, or where bytes are agreed on the
    tokens of the member that needs most.

    `deadline` is how many seconds a member may take for a piece: a late member misses it, and joins again when ready. A
    failing member is asked again with the next piece, and no more after `MAX_FAILURES` failures in a row.

    Where several loops share models, `hold` the members' sessions while decoding (`agentnet.models.tokens`); without
    that they take each other's sequences, and prompts are evaluated again. No deadline runs before `decode`.
    """

    members: Sequence[Member]
    strategy: Strategy
    limit: int
    stop: Sequence[str] = ()
    deadline: float | None = None
    on_piece: Callable[[str, Choice], None] | None = None
    """Gets the text that is certain after each piece (it may be empty), and the choice."""
    speculation: Speculation | None = None
    """Of these members, for this text alone. It delays the first of several pieces: not with a short `deadline`."""
    _participants: list[Participant] = field(init=False)

    def __post_init__(self) -> None:
        self._participants = [Participant(member) for member in self.members]

    async def decode(self) -> Fused:
        """Say the text. Raises `ModelError` if no member is left, or none can continue."""
        text, said = TextStream(self.stop), ""
        choices: list[Choice] = []
        finish: Literal["stop", "length"] = "length"
        try:
            while self._length(len(choices)) < self.limit:
                views = await self._views(len(choices))
                if not views:
                    break
                choice = self.strategy.choose(views)
                choices.append(choice)
                ended = choice.piece is END
                new = text.feed(choice.piece or b"", final=ended)
                said += new
                if self.on_piece is not None:
                    self.on_piece(new, choice)
                if ended or text.stopped:
                    finish = "stop"
                    break
                for participant in self._participants:
                    participant.backlog.append(choice.piece or b"")
                if self.speculation is not None:
                    self.speculation.chose(choice.piece)
            if finish == "length" and choices:
                said += self._cut_off(text, choices[-1])
            usages = {member.name: member.usage() for member in self.members}
            retokenized = {member.name: member.retokenized for member in self.members}
        finally:
            await self._leave()
        dropped = {
            participant.member.name: participant.reason for participant in self._participants if participant.dropped
        }
        evaluations = self.speculation.evaluations if self.speculation is not None else {}
        return Fused(said, finish, tuple(choices), usages, retokenized, dropped, evaluations)

    def _length(self, said: int) -> int:
        """Return how many tokens a text of `said` pieces has for the member that needs most."""
        return max(member.length(said) for member in self.members)

    def _cut_off(self, text: TextStream, last: Choice) -> str:
        """Return what was held back of a text that cannot continue."""
        held = text.feed(b"", final=True)
        if self.on_piece is not None and held:
            self.on_piece(held, last)
        return held

    async def _views(self, said: int) -> list[View]:
        """Return the views behind `said` pieces, at least one; none where the members' contexts are full.

        Where the strategy leads and the first member is sure enough, that is its view alone.
        """
        while True:
            present = [participant for participant in self._participants if not participant.dropped]
            if not present and said and any(participant.full for participant in self._participants):
                return []
            if not present:
                reasons = "; ".join(dict.fromkeys(participant.reason for participant in self._participants))
                raise ModelError(f"none of the models that decode together is left: {reasons}")
            leaders = 1 if self.strategy.leads else 0
            views = await self._gather(present[:leaders], said)
            if views and self.strategy.enough(views[0]):
                return views
            views += await self._gather(present[leaders:], said)
            if views:
                return views
            if late := _pending(present):
                await asyncio.wait(late, return_when=asyncio.FIRST_COMPLETED)
            else:
                left = [participant for participant in present if not participant.dropped]
                if left and all(participant.waits for participant in left):
                    reasons = "; ".join(participant.waits or participant.reason for participant in present)
                    raise ModelError(f"none of the models that decode together can continue: {reasons}")

    async def _gather(self, participants: Sequence[Participant], said: int) -> list[View]:
        """Return the views of those participants that have one behind `said` pieces before the deadline."""
        await self._ask(participants, said)
        asked = _pending([participant for participant in participants if participant.asked_at == said])
        if not all(view.done() for view in asked):
            await asyncio.wait(asked, timeout=self.deadline)
        return [view for participant in participants if (view := participant.answer(said)) is not None]

    async def _ask(self, participants: Sequence[Participant], said: int) -> None:
        """Ask participants for their views behind `said` pieces: where one of them drafts, those that can make use of
        the draft when it is there."""
        speculation = self.speculation
        after = [participant for participant in participants if speculation and speculation.waits(participant.member)]
        for participant in participants:
            if participant not in after:
                participant.ask(said)
        if speculation is not None and after:
            drafter = speculation.drafter
            if draft := _pending([participant for participant in participants if participant.member.name == drafter]):
                await asyncio.wait(draft, timeout=self.deadline)
            for participant in after:
                participant.ask(said)

    async def _leave(self) -> None:
        pending = _pending(self._participants)
        for view in pending:
            view.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for member in self.members:
            member.close()


def _pending(participants: Sequence[Participant]) -> list[asyncio.Future[View]]:
    return [participant.pending_view for participant in participants if participant.pending_view is not None]
