"""Preflight: what a protocol needs, against what each agent can do, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from agentnet.collab.binding import BEST, children
from agentnet.collab.compiling import weighs_confidence
from agentnet.contracts.protocols import Ask, Debate, Delegate, Expression, Judge, Parallel, Synthesize, Verify
from agentnet.errors import PreflightError
from agentnet.network import Network

NEED = tuple[str, str, bool]
"""An agent, the role it is asked to play, and whether its log-probabilities are needed."""


def preflight(expression: Expression, network: Network) -> list[str]:
    """Notes on what will work less well than it could. Raises `PreflightError` naming everything that cannot work."""
    problems: list[str] = []
    notes: list[str] = []
    for name, role, logprobs in dict.fromkeys(_needs(expression, confidence=False)):
        for agent in network if name == BEST else [network[name]]:
            if name == BEST and "solver" not in agent.card.roles:
                continue
            if role not in agent.pack.roles:
                problems.append(
                    f"{agent.name} is asked to {role}, but its prompt pack {agent.pack.name!r} has no template for it "
                    f"(it has {', '.join(sorted(agent.pack.roles))})"
                )
            able = agent.model.abilities
            if logprobs and able.logprobs is False:
                problems.append(
                    f"{agent.name} must tell its confidence, but {agent.model.name} gives no log-probabilities; "
                    f"decide by majority instead"
                )
            if role in ("plan", "verify", "choose") and able.schema is False:
                notes.append(f"{agent.name} cannot be held to a schema: a {role} reply that does not parse is lost")
    if problems:
        raise PreflightError("; ".join(dict.fromkeys(problems)))
    return list(dict.fromkeys(notes))


def _needs(expression: Expression, *, confidence: bool) -> Iterator[NEED]:
    confidence = confidence or weighs_confidence(expression)
    match expression:
        case Ask():
            roles = (expression.role,) if expression.role else ("solve", "revise")
            yield from ((expression.agent, role, confidence) for role in roles)
        case Delegate():
            yield expression.planner, "plan", False
            if isinstance(expression.merge, Synthesize):
                yield expression.merge.agent, "synthesize", False
        case Verify():
            yield expression.verifier, "verify", False
        case Parallel() | Debate():
            rule = expression.decide
            if isinstance(rule, Judge):
                yield rule.agent, "choose", False
            if isinstance(rule, Synthesize):
                yield rule.agent, "synthesize", False
        case _:
            pass
    for part in children(expression):
        yield from _needs(part, confidence=confidence)
