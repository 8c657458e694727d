"""Networks of scripted agents, for tests of orchestration: what is asked and answered is known."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from agentnet.agents import ModelAgent
from agentnet.contracts.cards import Card, Measured, Price
from agentnet.contracts.messages import Message
from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import ModelCapabilities, Request
from agentnet.models.scripted import ScriptedModel, ScriptedScorer
from agentnet.network import Network
from agentnet.prompts import find_pack

Script = Callable[[Request], str | Awaitable[str]]
Scoring = Callable[[Request, str], float]

ANSWERS = ("391", "17", "twelve", "a long answer of several words")


def says(*replies: str) -> Script:
    """Gives the replies in turn; the last one again and again."""
    left = list(replies)

    def script(_: Request) -> str:
        return left.pop(0) if len(left) > 1 else left[0]

    return script


def weighs(**probabilities: float) -> Scoring:
    """Gives each reply the probability of the verdict or letter in it, whatever the request."""

    def scores(_: Request, reply: str) -> float:
        ((_, choice),) = json.loads(reply).items()
        return math.log(probabilities[choice])

    return scores


def from_the_prompt(request: Request) -> str:
    """A reply that depends on prompt and seed and on nothing else, in the form that the prompt's last line asks for."""
    prompt = request.messages[-1]["content"]
    digest = int.from_bytes(hashlib.sha256(f"{request.sampling.seed}{prompt}".encode()).digest()[:4], "big")
    form = role_of(request)
    if form == "plan":
        return plan(("math", "first?"), ("math", "second?"), ("math", f"{digest % 7} + #1 + #2"))
    if form == "choose":
        letters = re.findall(r"^([A-Z]\d*): ", prompt, flags=re.MULTILINE)
        return json.dumps({"reason": "it is best", "choice": letters[digest % len(letters)]})
    if form == "verify":
        return verdict("approve" if digest % 3 == 0 else "disapprove")
    return f"working {digest} => {digest % 5}"


def role_of(request: Request) -> str:
    """The role that a prompt of the compact pack asks for: its last word."""
    return request.messages[-1]["content"].rsplit("\n", 1)[-1]


def plan(*steps: tuple[str, str]) -> str:
    return json.dumps({"steps": [{"label": label, "ask": ask} for label, ask in steps]})


def verdict(found: str, reason: str = "") -> str:
    return json.dumps({"reason": reason, "verdict": found})


def choice(letter: str) -> str:
    return json.dumps({"reason": "", "choice": letter})


def agent(
    name: str,
    script: Script,
    *,
    roles: Iterable[str] = ("solver",),
    claims: dict[str, float] | None = None,
    measured: dict[str, Measured] | None = None,
    pack: str = "compact",
    capabilities: ModelCapabilities | None = None,
    price: Price | None = None,
    max_tokens: int = 512,
    scores: Scoring | None = None,
) -> ModelAgent:
    """A scripted agent, with `scores` one that can score. Its model keeps the requests it got in ``model.requests``."""
    card = Card(roles=tuple(roles), claims=claims or {}, measured=measured or {}, price=price or Price())
    model = (
        ScriptedModel(script, name=f"{name}'s model", capabilities=capabilities)
        if scores is None
        else ScriptedScorer(script, scores, name=f"{name}'s model", capabilities=capabilities)
    )
    return ModelAgent(name, model, card, find_pack(pack), Sampling(max_tokens=max_tokens))


def network(*agents: ModelAgent) -> Network:
    """A network of some agents."""
    members = tuple(
        AgentSpec(
            name=member.name,
            model=LlamaSpec(path=f"{member.name}.gguf"),
            card=member.card,
            pack=member.pack.name,
            sampling=member.sampling,
        )
        for member in agents
    )
    return Network(NetworkSpec(name="scripted", agents=members), agents)


def spec(protocol: Any, name: str = "tested") -> ProtocolSpec:
    """A named protocol of an expression: combinators, or the data of a YAML file."""
    return ProtocolSpec.model_validate({"name": name, "summary": "a test", "protocol": protocol})


def requests(member: ModelAgent) -> list[Request]:
    """What an agent's model was asked."""
    assert isinstance(member.model, ScriptedModel)
    return member.model.requests


def scored(member: ModelAgent) -> list[tuple[Request, tuple[str, ...]]]:
    """What an agent's model was asked to score, and the replies that it was given."""
    assert isinstance(member.model, ScriptedScorer)
    return member.model.scored


def prompts(member: ModelAgent) -> list[str]:
    return [request.messages[-1]["content"] for request in requests(member)]


def roles(member: ModelAgent) -> list[str]:
    return [role_of(request) for request in requests(member)]


def kinds(messages: Iterable[Message], sender: str | None = None) -> list[str]:
    """The kinds of some messages (those of one sender), in order."""
    return [message.body.kind for message in messages if sender in (None, message.sender)]
