"""The tools: what each of them asks the network, and what it reports meanwhile and at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from anyio import CancelScope

from agentnet.answers.comparing import same
from agentnet.collab.asking import Protocol
from agentnet.collab.inline import protocol_from
from agentnet.contracts.base import shown
from agentnet.contracts.events import Event, InputRequested, MessageSaid, RunEnded, TurnStarted
from agentnet.contracts.messages import USER, Message
from agentnet.contracts.serving import Caller, Served
from agentnet.contracts.speakers import speakers
from agentnet.contracts.usage import Usage
from agentnet.rendering.describe import describe
from agentnet.serving.app import Problem
from agentnet.serving.asked import Asked
from agentnet.serving.mcp.people import Ask, PersonNeeded, declined
from agentnet.serving.mcp.schemas import (
    Answered,
    AskArguments,
    Asking,
    CompareArguments,
    Compared,
    Contestant,
    RunArguments,
    Used,
)
from agentnet.serving.mcp.uris import RUNS
from agentnet.serving.names import AUTO, Names
from agentnet.serving.running import RunService

BASELINE = "best"
"""The protocol that asks the best single model: what collaboration is compared with."""
TOLD = 300
"""Characters of a message that progress tells; the run's resource has all of it."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool: who makes it, and how they learn what happens."""

    caller: Caller
    tell: Callable[[str], Awaitable[None]]
    """Tells one step of the work, as a short line."""
    ask: Ask | None = None
    """How the person at the client is asked; None where that is not possible."""


class Tools:
    """What the tools of one network do."""

    def __init__(self, runs: RunService, names: Names) -> None:
        self._runs, self._names = runs, names

    async def ask(self, call: Call, given: AskArguments) -> Answered:
        """Answer a question with the system that was learned to suit it best."""
        return await self._run(call, given, AUTO, self._named(AUTO))

    async def run_protocol(self, call: Call, given: RunArguments) -> Answered:
        """Answer a question with a protocol that the caller chooses, or writes."""
        if isinstance(given.protocol, str):
            return await self._run(call, given, given.protocol, self._named(given.protocol))
        spec = protocol_from(given.protocol)
        return await self._run(call, given, spec.name, spec)

    async def compare(self, call: Call, given: CompareArguments) -> Compared:
        """Answer a question with several protocols at the same time, and with the best single model."""
        names = list(dict.fromkeys((BASELINE, *given.protocols)))
        chosen = {name: self._named(name) for name in names}
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._run(_marked(call, name), given, name, protocol))
                    for name, protocol in chosen.items()
                ]
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return Compared(contestants=tuple(_contestants(names, [task.result() for task in tasks])))

    def _named(self, name: str) -> Protocol:
        """Return the protocol of a name; a member may be called by its own name. Raises `Problem` for any other."""
        known = {ready.choice.name: ready.choice.protocol for ready in reversed(self._names.ready())}
        return known[name] if name in known else self._names.find(name).protocol

    async def resumed(self, call: Call, run: str, words: str | None) -> Answered:
        """Return how a run ends that waited for a person's words, which come with this call; None cancels it.

        Raises `Problem` for a run that is not the caller's or waits for nobody, and for words that are no answer.
        """
        record = await self._runs.record(call.caller, run)
        if words is None:
            await self._runs.cancel(call.caller, run)
            raise declined()
        question = await self._runs.question(call.caller, run)
        messages = {message.id: message for message in await self._runs.messages(call.caller, run)}
        await self._runs.answer(call.caller, run, words)
        return await self._followed(
            call, record.protocol_name, run, messages, "" if question is None else question.message
        )

    async def _run(self, call: Call, given: Asking, name: str, protocol: Protocol) -> Answered:
        people = call.ask is not None and any(not member.metered for member in self._runs.session.network)
        asked = Asked(
            given.question,
            Served(caller=call.caller.id, surface="mcp", detached=people),
            protocol=protocol,
            label=given.label,
            seed=given.seed,
            limits=given.limits,
        )
        if people:  # only a detached run waits for a person
            return await self._followed(call, name, await self._runs.start(call.caller, asked), {})
        messages: dict[str, Message] = {}
        async with self._runs.attached(call.caller, asked) as run:
            async for event in run.events:
                if (line := _line(event, messages)) is not None:
                    await call.tell(line)
                if isinstance(event, RunEnded):
                    return _answered(name, event, messages)
        raise RuntimeError(f"run {run.id} has no end")

    async def _followed(
        self, call: Call, name: str, run: str, messages: dict[str, Message], answered: str = ""
    ) -> Answered:
        """Follow a detached run behind its `messages`, and put its questions to the person at the client.

        `answered` is the message of a question that has its answer. Whoever goes away cancels the run.
        """
        after = max((message.sequence for message in messages.values()), default=-1)
        wanted = False
        try:
            async with aclosing(self._runs.follow(call.caller, run, after)) as events:  # type: ignore[type-var]
                async for event in events:
                    if (line := _line(event, messages)) is not None:
                        await call.tell(line)
                    if isinstance(event, RunEnded):
                        wanted = True
                        return _answered(name, event, messages)
                    if isinstance(event, InputRequested) and event.question.message != answered:
                        if call.ask is None:
                            raise Problem(409, f"run {run} waits for {event.question.agent}", "person-needed")
                        words = await call.ask(run, event.question)
                        answered = event.question.message
                        await self._runs.answer(call.caller, run, words)
        except PersonNeeded:
            wanted = True
            raise
        finally:
            if not wanted:
                with CancelScope(shield=True):
                    await self._runs.cancel(call.caller, run)
        raise RuntimeError(f"run {run} has no end")


def _marked(call: Call, name: str) -> Call:
    """Return a call that tells whose steps its steps are, and asks nobody."""

    async def tell(line: str) -> None:
        await call.tell(f"[{name}] {line}")

    return Call(call.caller, tell)


def _line(event: Event, messages: dict[str, Message]) -> str | None:
    """Take in a message, and return an event in a line; None for one that is not told."""
    match event:
        case TurnStarted():
            return f"{event.agent} takes a turn: {event.role}"
        case MessageSaid():
            messages[event.message.id] = event.message
            if event.message.sender == USER:
                return None
            said = describe(event.message, messages, verbose=True)
            return shown(f"{said.speaker}, {said.kind}: {said.text}", TOLD)
    return None


def _answered(name: str, end: RunEnded, messages: dict[str, Message]) -> Answered:
    return Answered(
        run=end.run,
        resource=RUNS.expand({"run": end.run}),
        status=end.status,
        answer=end.answer,
        approved=end.approved,
        protocol=name,
        agents=tuple(speakers(messages.values(), failed=False)),
        detail=end.detail,
        usage=_used(end.usage),
    )


def _used(usage: Usage) -> Used:
    return Used(
        calls=usage.calls,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        seconds=round(usage.seconds, 3),
        cost=usage.cost,
    )


def _contestants(names: Sequence[str], answers: Sequence[Answered]) -> list[Contestant]:
    best = answers[0].answer
    return [
        Contestant(
            **dict(answered),
            name=name,
            agrees_with_best=None if best is None or answered.answer is None else same(answered.answer, best),
        )
        for name, answered in zip(names, answers, strict=True)
    ]


def text_of(result: Answered | Compared) -> str:
    """Return what a tool found as text, for models that read no structured content."""
    if isinstance(result, Compared):
        return "\n".join(f"{one.name}: {_outcome(one)}" for one in result.contestants)
    return _outcome(result)


def _outcome(answered: Answered) -> str:
    if answered.answer is None:
        return f"no answer ({answered.status}): {answered.detail}"
    note = " (a verifier did not approve it)" if answered.approved is False else ""
    return answered.answer + note


def links_of(result: Answered | Compared) -> dict[str, str]:
    """Return the resources of the runs behind a result, with the name of each."""
    every: Sequence[Any] = result.contestants if isinstance(result, Compared) else (result,)
    return {answered.resource: f"run {answered.run}: {answered.protocol}" for answered in every}
