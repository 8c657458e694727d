"""What can be asked of a network by a model's name.

=====================  ==============================================================================
``auto``, NETWORK      the protocol `auto`
PROTOCOL               a shipped protocol; also as NETWORK/PROTOCOL
NETWORK/AGENT          one member, in its own words
=====================  ==============================================================================

A name is listed, and found, if it can really run now: its protocol binds to the members, passes preflight, and asks no
person, since nobody could answer over this API.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from agentnet.collab.combinators import agents_of, children
from agentnet.collab.inline import protocol_from
from agentnet.collab.library import shipped_protocols
from agentnet.contracts.protocols import BEST, PROBABILITIES, Ask, Best, Expression, Fuse, ProtocolSpec
from agentnet.contracts.runs import Origin
from agentnet.errors import AgentNetError, PreflightError
from agentnet.files.names import suggestion
from agentnet.network import Network
from agentnet.serving.app import Problem
from agentnet.serving.gateway import Gateway

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Target:
    """What a model's name stands for: a protocol, or one agent."""

    name: str
    protocol: ProtocolSpec
    origin: Origin
    agent: str | None = None
    """The agent whose own words are the reply; None for a protocol, whose answer is."""

    def data(self, network: str, created: int) -> dict[str, Any]:
        """Return the target as OpenAI's API lists a model."""
        about = {"kind": "protocol" if self.agent is None else "agent", "summary": self.protocol.summary}
        return {"id": self.name, "object": "model", "created": created, "owned_by": network, "agentnet": about}


class Models:
    """The models of a gateway, as its members are now."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway, self._created = gateway, int(time.time())
        self._network: Network | None = None
        self._targets: dict[str, Target] = {}
        self._problems: dict[str, str | None] = {}
        """Name of a protocol or agent → why it cannot run now."""

    def listed(self) -> list[dict[str, Any]]:
        """Return all models that can run now."""
        targets = self._known()
        return [
            target.data(self._gateway.network, self._created)
            for target in targets.values()
            if self._problem(target) is None
        ]

    def described(self, name: str) -> dict[str, Any]:
        """Return one model. Raises `Problem`."""
        return self.find(name).data(self._gateway.network, self._created)

    def find(self, name: str) -> Target:
        """Return what a name stands for. Raises `Problem` for an unknown one, and for one that cannot run now."""
        targets = self._known()
        target = targets.get(name)
        problem = f"there is no model {name[:100]!r}{suggestion(name, targets)}: GET /v1/models lists them"
        if target is not None:
            why = self._problem(target)
            if why is None:
                return target
            problem = f"the model {name!r} cannot run on this network now: {why}"
        raise Problem(404, problem, "model_not_found", param="model")

    def _known(self) -> Mapping[str, Target]:
        network = self._gateway.session.network
        if network is not self._network:
            self._network, self._problems = network, {}
            self._targets = {target.name: target for target in self._all(network)}
        return self._targets

    def _all(self, network: Network) -> Iterator[Target]:
        """Yield all targets; where two have one name, the later one counts."""
        here, source = self._gateway.network, self._gateway.session.network_source
        protocols = _protocols()
        for name in (AUTO, *(name for name in protocols if name != AUTO)):
            yield Target(name, protocols[name], Origin(protocol=name, network=source))
        if here not in protocols:
            yield Target(here, protocols[AUTO], Origin(protocol=AUTO, network=source))
        for name, protocol in protocols.items():
            yield Target(f"{here}/{name}", protocol, Origin(protocol=name, network=source))
        for agent in network.agents:
            spec = protocol_from(agent, name=agent, summary=f"{agent} alone, in its own words")
            yield Target(f"{here}/{agent}", spec, Origin(network=source), agent)

    def _problem(self, target: Target) -> str | None:
        known = target.agent or target.protocol.name
        if known not in self._problems:
            self._problems[known] = self._why_not(target.protocol)
        return self._problems[known]

    def _why_not(self, protocol: ProtocolSpec) -> str | None:
        try:
            expression = self._gateway.session.prepare(protocol).expression
        except AgentNetError as error:
            return str(error)
        network = self._gateway.session.network
        names = [one for name in agents_of(expression) for one in (network.solvers if name == BEST else [name])]
        people = [name for name in names if not network[name].metered]
        return f"it asks {people[0]}, who cannot be asked over this API" if people else None


def require_tokens(target: Target, expression: Expression) -> None:
    """Raise `PreflightError` unless a protocol has the probabilities of its answer's tokens to tell."""
    why = _hides_tokens(expression)
    if why is not None:
        raise PreflightError(
            f"{target.name} has no log-probabilities of its own: {why}; ask one agent or a fusion of probabilities, or "
            f"leave logprobs out"
        )


def _hides_tokens(expression: Expression) -> str | None:
    match expression:
        case Ask():
            return None
        case Fuse():
            sums = expression.strategy not in PROBABILITIES
            return f"`{expression.strategy}` adds up logits" if sums else None
        case Best():
            return next((why for part in children(expression) if (why := _hides_tokens(part))), None)
        case _:
            return "its answer comes from several replies"


@cache
def _protocols() -> Mapping[str, ProtocolSpec]:
    return shipped_protocols()
