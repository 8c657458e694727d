"""The loop of models that decode together: look, choose, append, until the text ends.

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
from agentnet.fusion.members import Member, NotNow
from agentnet.fusion.pieces import END
from agentnet.fusion.strategies import Strategy
from agentnet.fusion.views import Choice, View
from agentnet.models.llama.text import TextStream

PATIENCE = 3
"""Failures in a row after which a member is not asked again."""


@dataclass(frozen=True)
class Fused:
    """A text that several models have said together."""

    text: str
    finish: Literal["stop", "length"]
    choices: tuple[Choice, ...]
    """One for each piece, the last one `END` where the text ended by itself."""
    usages: dict[str, Usage]
    """What each member has done."""
    respelled: dict[str, int]
    """Pieces that a member would not have said itself, and that were spelled anew."""
    dropped: dict[str, str]
    """Members that did not last to the end, and why."""


@dataclass(eq=False)
class _Seat:
    """A member's place at the table. What was said while it did not listen waits in `unheard`."""

    member: Member
    unheard: list[bytes] = field(default_factory=list)
    look: asyncio.Task[View] | None = None
    looked_at: int = 0
    """How many pieces had been said when it was asked."""
    failures: int = 0
    why: str = ""
    full: bool = False
    """Whether its context has no room for more."""
    waits: str = ""
    """Why it had no view this time, though nothing is wrong."""

    def ask(self, said: int) -> None:
        """Ask for what comes next, unless it is still at an earlier question."""
        if self.look is None:
            self.looked_at = said
            self.waits = ""
            self.look = asyncio.create_task(self._catch_up_and_look())

    def answer(self, said: int) -> View | None:
        """What it thinks comes next after `said` pieces; None if it is late, answered too late, or failed."""
        if self.look is None or not self.look.done():
            return None
        task, self.look = self.look, None
        try:
            view = task.result()
        except NotNow as error:
            self.waits = str(error)
            return None
        except ContextOverflow as error:
            self.failures, self.full, self.why = PATIENCE, True, str(error)
            return None
        except AgentNetError as error:
            self.failures += 1
            self.why = str(error)
            return None
        self.failures = 0
        return view if self.looked_at == said else None

    async def _catch_up_and_look(self) -> View:
        if self.unheard:
            await self.member.begin()
        try:
            while self.unheard:
                await self.member.append(self.unheard[0])
                del self.unheard[0]
        except AgentNetError:
            self.failures = PATIENCE  # out of step: it cannot join again
            raise
        return await self.member.view()


@dataclass
class Table:
    """Members that say one text together, until it ends or has `limit` tokens: pieces, or where bytes are agreed on the
    tokens of the member who needs most.

    `deadline` is how many seconds a member may take for a piece: who is late misses it, and joins again when ready. Who
    fails is asked again with the next piece, and no more after failing `PATIENCE` times in a row.

    Where several tables share engines, hold `places` (`agentnet.models.llama.admission`) for the members' sessions
    while decoding; else they take each other's sequences, and prompts are read again. No deadline runs before `decode`.
    """

    members: Sequence[Member]
    strategy: Strategy
    limit: int
    stop: Sequence[str] = ()
    deadline: float | None = None
    on_piece: Callable[[str, Choice], None] | None = None
    """Told the text that is certain after each piece (it may be empty), and the choice."""
    _seats: list[_Seat] = field(init=False)

    def __post_init__(self) -> None:
        self._seats = [_Seat(member) for member in self.members]

    async def decode(self) -> Fused:
        """Say the text. Raises `ModelError` if nobody is left to say anything."""
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
                for seat in self._seats:
                    seat.unheard.append(choice.piece or b"")
            if finish == "length" and choices:
                said += self._cut_off(text, choices[-1])
            usages = {seat.member.name: seat.member.usage() for seat in self._seats}
            respelled = {seat.member.name: seat.member.respelled for seat in self._seats}
        finally:
            await self._leave()
        dropped = {seat.member.name: seat.why for seat in self._seats if seat.failures >= PATIENCE}
        return Fused(said, finish, tuple(choices), usages, respelled, dropped)

    def _length(self, said: int) -> int:
        """How many tokens the text has after `said` pieces, for the member who needs most."""
        return max(seat.member.length(said) for seat in self._seats)

    def _cut_off(self, text: TextStream, last: Choice) -> str:
        """What was held back of a text that cannot go on."""
        held = text.feed(b"", final=True)
        if self.on_piece is not None and held:
            self.on_piece(held, last)
        return held

    async def _views(self, said: int) -> list[View]:
        """What those at the table think comes next, from at least one; none where their contexts are full. A leader who
        is sure enough is heard alone."""
        while True:
            present = [seat for seat in self._seats if seat.failures < PATIENCE]
            if not present and said and any(seat.full for seat in self._seats):
                return []
            if not present:
                reasons = "; ".join(dict.fromkeys(seat.why for seat in self._seats))
                raise ModelError(f"none of the models that decode together is left: {reasons}")
            leaders = 1 if self.strategy.leads else 0
            views = await self._hear(present[:leaders], said)
            if views and self.strategy.enough(views[0]):
                return views
            views += await self._hear(present[leaders:], said)
            if views:
                return views
            if late := [seat.look for seat in present if seat.look is not None]:
                await asyncio.wait(late, return_when=asyncio.FIRST_COMPLETED)
            else:
                left = [seat for seat in present if seat.failures < PATIENCE]
                if left and all(seat.waits for seat in left):
                    reasons = "; ".join(seat.waits or seat.why for seat in present)
                    raise ModelError(f"none of the models that decode together can go on: {reasons}")

    async def _hear(self, seats: Sequence[_Seat], said: int) -> list[View]:
        for seat in seats:
            seat.ask(said)
        asked = [seat.look for seat in seats if seat.look is not None and seat.looked_at == said]
        if asked:
            await asyncio.wait(asked, timeout=self.deadline)
        return [view for seat in seats if (view := seat.answer(said)) is not None]

    async def _leave(self) -> None:
        looks = [seat.look for seat in self._seats if seat.look is not None]
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)
        for seat in self._seats:
            seat.member.close()
