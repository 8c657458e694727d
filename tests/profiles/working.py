"""A network at work: questions of the zoo's families for members whose answers are known."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from agentnet.agents import ModelAgent
from agentnet.contracts.bodies import Task
from agentnet.contracts.profiles import Canaries
from agentnet.coordinator import Coordinator, Outcome
from agentnet.models.base import Request
from agentnet.network import Members, Network
from agentnet.profiles.members import Profiled
from agentnet.profiles.prober import Prober
from agentnet.profiles.questions import Questions
from agentnet.store import Database, Profiles
from agentnet.zoo.families import FAMILIES
from agentnet.zoo.families.base import Item
from tests.scripted import network, spec

LABELS = ("math", "symbols")


class Truth:
    """Knows the right answer of every question that it hands out, and of those that the families generate."""

    def __init__(self) -> None:
        self._draw = random.Random(7)
        self.answers: dict[str, tuple[str, str]] = {}
        """Question → label, answer."""

    def generate(self, label: str) -> Item:
        item = FAMILIES[label].generate(self._draw)
        self.answers[item.question] = (label, item.answer)
        return item

    def knows(self, *labels: str) -> Callable[[Request], str]:
        """Return a script that is right at some labels, and wrong at others."""

        def script(request: Request) -> str:
            prompt = request.messages[-1]["content"]
            label, answer = self.find(prompt)
            return f"=> {answer if label in labels else 'wrong'}"

        return script

    def find(self, prompt: str) -> tuple[str, str]:
        """Return the label and the answer of the question in a prompt."""
        return self.answers[max((known for known in self.answers if known in prompt), key=len)]


class Overheard(Questions):
    """Questions of which the scripted members know the answers, too."""

    def __init__(self, truth: Truth, labels: Iterable[str] = LABELS) -> None:
        super().__init__(labels, (), seed=3)
        self._truth = truth

    def draw(self, label: str | None, knows: Any) -> Any:
        known = super().draw(label, knows)
        if known is not None:
            self._truth.answers[known.text] = (known.label, known.answers[0])
        return known


@dataclass
class Work:
    """A coordinator whose members are measured."""

    truth: Truth
    profiled: Profiled
    prober: Prober
    store: Profiles
    coordinator: Coordinator

    async def ask(self, protocol: Any, label: str = "math", **options: Any) -> Outcome:
        """Run a protocol on a new question of a family, and let the canaries that it makes room for be answered."""
        item = self.truth.generate(label)
        outcome = await self.coordinator.run(Task(text=item.question, label=label), spec(protocol), **options)
        await self.prober.idle()
        return outcome


@asynccontextmanager
async def at_work(
    truth: Truth, members: Members, /, *, labels: Iterable[str] = LABELS, wait: float = 0.0, **rules: Any
) -> AsyncIterator[Work]:
    """Open a store, and measure some members in memory."""
    async with await Database.open(":memory:") as database:
        store = Profiles(database)
        questions = Overheard(truth, labels)
        profiled = Profiled(members, store, Canaries.model_validate(rules), questions.labels)
        prober = Prober(profiled, store, questions, seed=5, wait=wait)
        yield Work(truth, profiled, prober, store, Coordinator(profiled, watcher=prober))
        await prober.close()


def team(*members: ModelAgent, joined: Iterable[str] = ()) -> Network:
    """A network of which some members joined later."""
    made = network(*members)
    return Network(made.spec, members, joined=frozenset(joined))
