"""A run that is active here on behalf of a caller: any number of listeners follow it, and it asks people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from agentnet.collab.bus import EventBus, Subscription
from agentnet.contracts.events import (
    Event,
    InputRequested,
    MessageSaid,
    RunEnded,
    RunStarted,
    TextStreamed,
    TurnStarted,
)
from agentnet.contracts.messages import Message
from agentnet.contracts.questions import Question
from agentnet.serving.app import Problem


@dataclass(slots=True)
class _Turn:
    """A turn whose message is not there yet, and what was written of it."""

    started: TurnStarted
    texts: list[str] = field(default_factory=list)

    def events(self) -> Iterable[Event]:
        yield self.started
        if self.texts:
            turn = self.started
            yield TextStreamed(run=turn.run, message=turn.message, agent=turn.agent, text="".join(self.texts))


class LiveRun:
    """The state of an active run, as its events tell it. Belongs to one event loop.

    `heard` gets every event. A listener gets the events so far, as far as they matter, then those that come: the
    messages, then the turns that are not over with all that was written of them, and the question that waits.
    """

    def __init__(self, id: str, *, detached: bool, history: Iterable[Message] = ()) -> None:
        """`history` are the messages that a resumed run has already."""
        self.id, self.detached = id, detached
        self.holders = 0
        """Requests that the run is attached to."""
        self.question: Question | None = None
        """The question that waits for a person's words."""
        self.ended: RunEnded | None = None
        self.task: asyncio.Task[None] | None = None
        self._started: RunStarted | None = None
        self._messages = {message.id: message for message in history}
        self._turns: dict[str, _Turn] = {}
        self._words: asyncio.Future[str | None] | None = None
        self._answered: dict[str, asyncio.Future[bool]] = {}
        """Ids of the messages that people's words become → whether they are recorded."""
        self._bus = EventBus()
        self._begun, self._asked = asyncio.Event(), asyncio.Event()
        self._failure: BaseException | None = None

    def heard(self, event: Event) -> None:
        """Take in an event, and pass it on."""
        match event:
            case RunStarted():
                self._started = event
                self._begun.set()
                self._bus.publish(event)
                for message in self._messages.values():  # those of a resumed run
                    self._bus.publish(MessageSaid(run=self.id, message=message))
                return
            case TurnStarted():
                self._turns[event.message] = _Turn(event)
            case TextStreamed() if event.message in self._turns:
                self._turns[event.message].texts.append(event.text)
            case MessageSaid():
                self._turns.pop(event.message.id, None)
                self._messages[event.message.id] = event.message
                if (answered := self._answered.pop(event.message.id, None)) is not None:
                    answered.set_result(True)
            case InputRequested():
                self.question = event.question
                self._asked.set()
            case RunEnded():
                self.ended = event
        self._bus.publish(event)

    @property
    def waits(self) -> bool:
        """Whether the run has not begun yet."""
        return not self._begun.is_set()

    async def begun(self) -> None:
        """Wait until the run has begun. Raises what prevented it."""
        await self._begun.wait()
        if self._started is None:
            assert self._failure is not None
            raise self._failure

    def over(self, failure: BaseException | None) -> None:
        """End every listener. `failure` is what prevented the run from beginning, if it has not begun."""
        self._failure = failure or Problem(503, f"run {self.id} did not begin; ask again", "not-begun", again=1.0)
        self._begun.set()
        self._asked.set()
        for answered in self._answered.values():
            answered.set_result(False)
        self._bus.close()

    def follow(self) -> AsyncIterator[Event]:
        """Return the events of the run up to `RunEnded`: what happens from now on is kept until it is read."""
        return self._events(list(self._past()), self._bus.subscribe())

    async def _events(self, past: list[Event], coming: Subscription) -> AsyncIterator[Event]:
        try:
            for event in past:
                yield event
            async for event in coming:
                yield event
        finally:
            coming.close()

    def _past(self) -> Iterable[Event]:
        if self._started is None:
            return
        yield self._started
        for message in self._messages.values():
            yield MessageSaid(run=self.id, message=message)
        for turn in self._turns.values():
            yield from turn.events()
        if self.ended is not None:
            yield self.ended
        elif self.question is not None:
            yield InputRequested(run=self.id, question=self.question)

    async def ask(self, question: Question, seconds: float | None = None) -> str | None:
        """Return a person's words, once `answer` brings them; None after `seconds`, or once it is `put_off`."""
        self._words = asyncio.get_running_loop().create_future()
        self.question = question
        self._asked.set()
        try:
            async with asyncio.timeout(seconds):
                return await self._words
        except TimeoutError:
            return None
        finally:
            self.question = self._words = None
            self._asked.clear()

    async def asks(self) -> None:
        """Wait until the run asks a person, or is over."""
        await self._asked.wait()

    def put_off(self) -> None:
        """Wait no longer for the person who is asked."""
        if self._words is not None and not self._words.done():
            self._words.set_result(None)

    def answer(self, words: str) -> asyncio.Future[bool]:
        """Give the words of the person that is asked; tells later whether they were recorded before the run ended.

        Raises `Problem` where none is asked, and for words of no choice.
        """
        question, waiting = self.question, self._words
        if question is None or waiting is None or waiting.done():
            raise Problem(409, f"run {self.id} waits for no person now", "not-asked")
        if not words.strip():
            raise Problem(422, "the answer is empty", "empty-answer", param="words")
        if question.choices and question.choice_of(words) is None:
            choices = ", ".join(question.choices)
            raise Problem(422, f"the answer must begin with one of {choices}", "not-a-choice", param="words")
        waiting.set_result(words)
        answered = self._answered[question.message] = asyncio.get_running_loop().create_future()
        return answered
