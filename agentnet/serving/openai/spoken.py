"""What one run comes to, for a client of OpenAI's API: its texts, why it ended, its tokens, what it used."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any, Literal

from agentnet.contracts.bodies import Analysis, Error, Result, answer_of
from agentnet.contracts.events import Event, MessageSaid, RunEnded, RunStarted, TokensTold, WrittenToken
from agentnet.contracts.messages import Message
from agentnet.contracts.serving import Caller
from agentnet.contracts.usage import Usage
from agentnet.errors import LimitReached
from agentnet.serving.app import Problem
from agentnet.serving.asked import Asked
from agentnet.serving.openai.telling import Channel, Told, telling
from agentnet.serving.running import RunService

RUN_HEADER = "x-agentnet-run"
ONCE = {"x-should-retry": "false"}
"""OpenAI's clients repeat what failed; a run that failed is not worth that, and its members were paid."""


class Spoken:
    """One run as it is told. Feed it all events of the run, the last of which is `RunEnded`."""

    def __init__(self, run: str, agent: str | None, *, reasoning: bool) -> None:
        self.run, self._agent = run, agent
        self._telling = telling(agent, reasoning=reasoning)
        self._texts: dict[Channel, list[str]] = {"reasoning": [], "content": [], "refusal": []}
        self._messages: list[Message] = []
        self._started: RunStarted | None = None
        self._tokens: dict[str, tuple[WrittenToken, ...]] = {}
        self.ended: RunEnded | None = None

    def read(self, event: Event) -> Iterator[Told]:
        """Take an event, and yield what is told of it."""
        match event:
            case RunStarted():
                self._started = event
            case MessageSaid():
                self._messages.append(event.message)
            case TokensTold():
                self._tokens[event.message] = event.tokens
            case RunEnded():
                self.ended = event
        for channel, text in self._telling.tell(event):
            self._texts[channel].append(text)
            yield channel, text

    def text(self, channel: Channel) -> str | None:
        """Return what was told in a channel so far; None if nothing was."""
        return "".join(self._texts[channel]) or None

    @property
    def usage(self) -> Usage:
        """What the run used."""
        return Usage() if self.ended is None else self.ended.usage

    @property
    def reasoning_tokens(self) -> int:
        """Tokens of the replies beside the one that the answer is from."""
        answering = self._answering()
        return self.usage.completion_tokens - (0 if answering is None else answering.usage.completion_tokens)

    @property
    def finish(self) -> Literal["stop", "length"]:
        """Why the reply that the answer is from ended."""
        answering = self._answering()
        return "stop" if answering is None or answering.finish is None else answering.finish

    @property
    def tokens(self) -> tuple[WrittenToken, ...] | None:
        """The tokens of the content, where they were asked for: of a longer reply, those of the answer."""
        answering = self._answering()
        tokens = None if answering is None else self._tokens.get(answering.id)
        if tokens is None or self._agent is not None:
            return tokens
        return _of_answer(tokens, self.text("content") or "")

    @property
    def problem(self) -> Problem | None:
        """Why there is no reply; None where there is one."""
        ended = self.ended
        if ended is None or ended.status == "done" or self._texts["refusal"]:
            return None
        headers = {RUN_HEADER: self.run, **ONCE}
        last = self._messages[-1].body if self._messages else None
        why = f"run {self.run} {ended.status}: {ended.detail}"
        match ended.status:
            case "failed":
                return Problem.coded(last.code if isinstance(last, Error) else "failed", why, headers=headers)
            case "stopped":
                return Problem(429, why, LimitReached.code, headers=headers)
            case "cancelled":
                return Problem(409, why, "cancelled", headers=headers)
        return Problem(503, why, "interrupted", headers=headers)

    def about(self) -> dict[str, Any]:
        """Return the object ``agentnet``: which run it was, by which protocol, who took part, what came of it."""
        members = () if self._started is None else self._started.members
        senders = dict.fromkeys(message.sender for message in self._messages)
        used = next((one.body.use for one in self._messages if isinstance(one.body, Analysis) and one.body.use), None)
        about: dict[str, Any] = {
            "run": self.run,
            "protocol": "" if self._started is None else self._started.protocol,
            "agents": [name for name in senders if name in members],
        }
        if used is not None:
            about["used"] = used
        if self.ended is None:
            return about | {"status": "running"}
        return about | {
            "status": self.ended.status,
            "answer": self.ended.answer,
            "approved": self.ended.approved,
            "detail": self.ended.detail,
            "calls": self.usage.calls,
            "seconds": self.usage.seconds,
            "cost": self.usage.cost,
        }

    def _answering(self) -> Message | None:
        """Return the reply that the answer is from: the last one with it, or the first of those it was chosen from."""
        known: Mapping[str, Message] = {message.id: message for message in self._messages}
        answers = [message for message in self._messages if answer_of(message.body) is not None]
        last = answers[-1] if answers else None
        while last is not None and isinstance(last.body, Result):
            answer = last.body.answer
            sources = [known[id] for id in last.body.sources if id in known]
            last = next((source for source in sources if answer_of(source.body) == answer), None)
        return last


Step = tuple[Spoken, Told | None]
"""What a run came to so far, and what is told now; nothing is where it begins, and where it ends."""


async def told_of(
    run: str, agent: str | None, events: AsyncIterator[Event], *, reasoning: bool
) -> AsyncGenerator[Step, None]:
    """Yield what a run says: an empty step first, its texts, and an empty step at its end."""
    spoken = Spoken(run, agent, reasoning=reasoning)
    yield spoken, None
    async for event in events:
        for told in spoken.read(event):
            yield spoken, told
    if spoken.ended is None:
        raise Problem(503, f"run {run} was cut before its end", "interrupted", headers={RUN_HEADER: run, **ONCE})
    yield spoken, None


async def carried_out(
    runs: RunService, caller: Caller, asked: Asked, agent: str | None, *, reasoning: bool
) -> AsyncGenerator[Step, None]:
    """Carry a run out for as long as it is read, and yield what it says."""
    async with runs.attached(caller, asked) as run:
        async for step in told_of(run.id, agent, run.events, reasoning=reasoning):
            yield step


def _of_answer(tokens: tuple[WrittenToken, ...], answer: str) -> tuple[WrittenToken, ...]:
    """Return the tokens of a reply that hold the answer: the last place where it stands, with what ends the reply."""
    if any(token.bytes is None for token in tokens):
        return tokens
    text = b"".join(bytes(token.bytes or ()) for token in tokens)
    start = text.rfind(answer.encode())
    end = start + len(answer.encode())
    if start < 0:
        return tokens
    found, place = [], 0
    for token in tokens:
        size = len(token.bytes or ())
        if place + size > start and (place < end or not size):
            found.append(token)
        place += size
    return tuple(found)
