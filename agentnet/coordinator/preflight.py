"""Preflight: what a protocol needs, against what each agent can do, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentnet.agents.forms import STRUCTURED
from agentnet.collab.binding import BEST, children
from agentnet.collab.compiling import weighs_confidence
from agentnet.contracts.protocols import (
    Ask,
    Debate,
    Delegate,
    Expression,
    Fuse,
    Judge,
    Parallel,
    Serial,
    Synthesize,
    Verify,
)
from agentnet.errors import PreflightError
from agentnet.models.base import Model, Scorer
from agentnet.models.tokens import NextTokenSource, TokenStepper
from agentnet.network import Network


@dataclass(frozen=True, slots=True)
class Need:
    """An agent, the role it is asked to play, and what that takes of its model."""

    agent: str
    role: str
    logprobs: bool = False
    """Of what it writes."""
    fused: bool = False
    """Token by token, with others."""
    bytewise: bool = False
    """And that with all of its next tokens in sight."""
    scored: bool = False
    """Of replies that are given: it writes none."""


def preflight(expression: Expression, network: Network) -> list[str]:
    """Notes on what will work less well than it could. Raises `PreflightError` naming everything that cannot work."""
    problems: list[str] = []
    notes: list[str] = []
    for need in dict.fromkeys(_needs(expression, confidence=False, reads=False)):
        for agent in network if need.agent == BEST else [network[need.agent]]:
            if need.agent == BEST and "solver" not in agent.card.roles:
                continue
            if need.role not in agent.pack.roles:
                problems.append(
                    f"{agent.name} is asked to {need.role}, but its prompt pack {agent.pack.name!r} has no template "
                    f"for it (it has {', '.join(sorted(agent.pack.roles))})"
                )
            able = agent.model.capabilities
            if need.logprobs and able.logprobs is False:
                problems.append(
                    f"{agent.name} must tell its confidence, but {agent.model.name} gives no log-probabilities; "
                    f"decide by majority instead"
                )
            if need.scored and not isinstance(agent.model, Scorer):
                problems.append(
                    f"{agent.name} is asked to {need.role} by score, but {agent.model.name} cannot score replies; "
                    f"say `by: reason`, or give {agent.name} a model that runs in process"
                )
            if need.bytewise and not isinstance(agent.model, TokenStepper):
                problems.append(
                    f"{agent.name} is asked to decode byte by byte, but {agent.model.name} does not show all of its "
                    f"next tokens; say `level: pieces`, or leave {agent.name} out"
                )
            elif need.fused and not _shows_tokens(agent.model):
                problems.append(
                    f"{agent.name} is asked to decode with others, but {agent.model.name} does not show its next "
                    f"tokens; leave {agent.name} out, or give it a model that runs in process"
                )
            if need.role in STRUCTURED and not need.scored and able.schema is False:
                notes.append(
                    f"{agent.name} cannot be held to a schema: a {need.role} reply that does not parse is lost"
                )
    if problems:
        raise PreflightError("; ".join(dict.fromkeys(problems)))
    return list(dict.fromkeys(notes))


def _shows_tokens(model: Model) -> bool:
    return isinstance(model, TokenStepper) or (
        isinstance(model, NextTokenSource) and model.capabilities.logprobs is not False
    )


def _needs(expression: Expression, *, confidence: bool, reads: bool) -> Iterator[Need]:
    """What an expression needs of agents; `reads`: there may be something to read where it begins."""
    confidence = confidence or weighs_confidence(expression)
    unasked = ("solve", "revise") if reads else ("solve",)
    match expression:
        case Ask():
            roles = (expression.role,) if expression.role else unasked
            yield from (Need(expression.agent, role, logprobs=confidence) for role in roles)
        case Delegate():
            yield Need(expression.planner, "plan")
            if isinstance(expression.merge, Synthesize):
                yield Need(expression.merge.agent, "synthesize")
        case Verify():
            yield Need(expression.verifier, "verify", scored=expression.by == "score")
        case Fuse():
            for member in expression.members:
                bytewise = expression.level == "bytes"
                yield from (Need(member, role, fused=True, bytewise=bytewise) for role in unasked)
        case Parallel() | Debate():
            rule = expression.decide
            if isinstance(rule, Judge):
                yield Need(rule.agent, "choose", scored=rule.by == "score")
            if isinstance(rule, Synthesize):
                yield Need(rule.agent, "synthesize")
        case _:
            pass
    for place, part in enumerate(children(expression)):
        yield from _needs(part, confidence=confidence, reads=reads or _comes_to_read(expression, place))


def _comes_to_read(expression: Expression, place: int) -> bool:
    """Whether a part is asked when something was said within the expression already."""
    match expression:
        case Serial():
            return place > 0
        case Debate():
            return expression.rounds > 1
        case Verify():
            return expression.retries > 0
        case _:
            return False
