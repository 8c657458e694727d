"""Preflight: what a protocol needs, against what each agent can do, before anything runs."""

from __future__ import annotations

from agentnet.agents.forms import STRUCTURED
from agentnet.collab.binding import BEST
from agentnet.collab.combinators import needs
from agentnet.contracts.protocols import Expression
from agentnet.errors import PreflightError
from agentnet.models.base import Model, NextTokenSource, Scorer, TokenStepper
from agentnet.network import Network


def preflight(expression: Expression, network: Network) -> list[str]:
    """Notes on what will work less well than it could. Raises `PreflightError` naming everything that cannot work."""
    problems: list[str] = []
    notes: list[str] = []
    for need in dict.fromkeys(needs(expression)):
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
