"""Log-likelihoods of given replies, for protocols in which one agent answers alone and its model runs in process."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agentnet.agents import ModelAgent, Turn
from agentnet.contracts.bodies import Task
from agentnet.contracts.protocols import Ask, Best, Expression, ProtocolSpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import BadInput, PreflightError
from agentnet.models.base import Request, Scorer
from agentnet.network import Network
from agentnet.session import Session

INSTEAD = "use generate_until tasks"
PROMPTS = ("agent", "plain")
"""``agent``: the agent's own prompt to solve a task, by its prompt pack. ``plain``: the context alone."""

SURE = math.log(0.5)
"""A token with more than half of the probability is the likeliest one."""


def lone_agent(session: Session, protocol: ProtocolSpec, label: str | None) -> ModelAgent:
    """Return the only agent that answers in a protocol: in a single turn, or as the best of several single turns.

    Raises `PreflightError` if several agents answer together, or if the agent's model cannot score.
    """
    turn = _lone_turn(session.prepare(protocol).expression, session.network, label)
    if turn is None:
        raise PreflightError(
            f"protocol {protocol.name!r} gives no log-likelihoods, it is not one agent's single turn; {INSTEAD}, or a "
            f"protocol such as 'single' or 'best'"
        )
    agent = session.network[turn]
    if not isinstance(agent, ModelAgent) or not isinstance(agent.model, Scorer):
        what = agent.model.name if isinstance(agent, ModelAgent) else agent.name
        raise PreflightError(f"{agent.name} gives no log-likelihoods, {what} does not run in process; {INSTEAD}")
    return agent


def _lone_turn(expression: Expression, network: Network, label: str | None) -> str | None:
    match expression:
        case Ask(role=None | "solve") if expression.agent in network.agents:
            return expression.agent
        case Best():
            names = [_lone_turn(part, network, label) for part in expression.among]
            known = [name for name in names if name is not None]
            return network.best(known, label) if len(known) == len(names) else None
        case _:
            return None


def prompt(agent: ModelAgent, context: str, label: str | None, kind: str) -> Request:
    """Return the request whose replies are scored; `kind` is one of `PROMPTS`. Raises `BadInput`."""
    if not context.strip():
        raise BadInput("a log-likelihood without a context: a chat model replies to something; leave such tasks out")
    if kind == "plain":
        return Request(({"role": "user", "content": context},))
    return agent.request(Turn("solve", Task(text=context, label=label)))


async def likelihoods(agent: ModelAgent, request: Request, continuations: Sequence[str]) -> list[tuple[float, bool]]:
    """Return for each continuation its log-probability as the agent's reply, and whether it is the greedy reply.

    White space before a continuation, which separates it from the question in plain text, is not scored. Raises
    `ModelError`, and `BadInput` for an empty continuation.
    """
    replies = [continuation.lstrip() for continuation in continuations]
    if not all(replies):
        raise BadInput("a log-likelihood of an empty continuation: there is nothing to score; leave such tasks out")
    assert isinstance(agent.model, Scorer)
    scores = await agent.model.score(request, replies)
    return [
        (math.fsum(logprobs), await _is_greedy(agent, request, reply, logprobs))
        for reply, logprobs in zip(replies, scores.logprobs, strict=True)
    ]


async def _is_greedy(agent: ModelAgent, request: Request, reply: str, logprobs: Sequence[float]) -> bool:
    if all(logprob > SURE for logprob in logprobs):
        return True
    greedy = Request(request.messages, Sampling(max_tokens=len(logprobs)))
    return (await agent.model.generate(greedy)).text.startswith(reply)
