"""Preflight: what a protocol needs, against what each agent can do, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from agentnet.agents.base import Need
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
from agentnet.network import Network


def preflight(expression: Expression, network: Network) -> list[str]:
    """Notes on what will work less well than it could. Raises `PreflightError` naming everything that cannot work."""
    problems: list[str] = []
    notes: list[str] = []
    for need in dict.fromkeys(_needs(expression, confidence=False, reads=False)):
        for agent in network if need.agent == BEST else [network[need.agent]]:
            if need.agent == BEST and "solver" not in agent.card.roles:
                continue
            if (problem := agent.can(need)) is not None:
                problems.append(problem)
            if (note := agent.note(need)) is not None:
                notes.append(note)
    if problems:
        raise PreflightError("; ".join(dict.fromkeys(problems)))
    return list(dict.fromkeys(notes))


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
