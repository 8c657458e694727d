"""What callers of a network may ask for by name: `auto`, its protocols, and its members.

==================  ===========================================================
``auto``            what was learned about the network decides
``NETWORK``         the same
``PROTOCOL``        a protocol that ships with AgentNet
``NETWORK/…``       the same protocol, or a member of the network alone
==================  ===========================================================

A caller's name never leads to a file of the server, and is never read as an expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentnet.collab.combinators import agents_of
from agentnet.collab.inline import protocol_from
from agentnet.collab.library import find_protocol
from agentnet.contracts.protocols import BEST, Expression, ProtocolSpec
from agentnet.errors import BadInput
from agentnet.files.names import suggestion
from agentnet.files.shipped import shipped_files
from agentnet.network import Network
from agentnet.serving.app import Problem
from agentnet.session import Session

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to ask. `protocol` is what `Session.run` takes: a shipped name, or the spec that asks one member."""

    name: str
    """As callers write it, without the network's name."""
    protocol: str | ProtocolSpec
    summary: str
    agent: str | None = None
    """The member that is asked alone; None for a protocol."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A choice that can be asked now. `members` are those that may take part, and `people` those that are persons."""

    choice: Choice
    expression: Expression
    """The protocol, bound to the members."""
    members: tuple[str, ...]
    people: tuple[str, ...]


class Names:
    """The names of a session's network. Follows its members as they come and go."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._network: Network | None = None
        self._prepared: dict[Choice, Ready | str] = {}
        """What could be asked, or why it could not, of the members in `_network`."""

    @property
    def network(self) -> str:
        """The network's name."""
        return self._session.network.spec.name

    def find(self, name: str) -> Choice:
        """Return what a name stands for. Raises `Problem` for one that stands for nothing here."""
        if name == self.network:
            return _protocol(AUTO)
        inner = name.removeprefix(f"{self.network}/")
        if inner in shipped_files("protocols"):
            return _protocol(inner)
        if inner != name and inner in self._session.network.agents:
            return _member(inner)
        known = [*shipped_files("protocols"), *(f"{self.network}/{agent}" for agent in self._session.network.agents)]
        raise Problem(
            404, f"there is no {name[:100]!r} here{suggestion(name, known)}", "model_not_found", param="model"
        )

    def ready(self) -> tuple[Ready, ...]:
        """Return what can be asked now: first the protocols, then the members."""
        choices = [*map(_protocol, _auto_first()), *map(_member, self._session.network.agents)]
        return tuple(ready for choice in choices if isinstance(ready := self._ready(choice), Ready))

    def prepared(self, choice: Choice) -> Ready:
        """Return something that can be asked now. Raises `Problem` with the reason where it cannot."""
        ready = self._ready(choice)
        if isinstance(ready, Ready):
            return ready
        raise Problem(404, f"{choice.name} cannot be asked now: {ready}", "model_not_found", param="model")

    def problem(self, protocol: str) -> str | None:
        """Return why a protocol that ships cannot be asked now; None where it can."""
        ready = self._ready(_protocol(protocol))
        return ready if isinstance(ready, str) else None

    def _ready(self, choice: Choice) -> Ready | str:
        network = self._session.network
        if network is not self._network:
            self._network, self._prepared = network, {}
        if choice not in self._prepared:
            self._prepared[choice] = self._prepare(choice, network)
        return self._prepared[choice]

    def _prepare(self, choice: Choice, network: Network) -> Ready | str:
        try:
            expression = self._session.prepare(choice.protocol).expression
        except BadInput as error:
            return str(error)
        named = [one for name in agents_of(expression) for one in (network.solvers if name == BEST else [name])]
        members = tuple(dict.fromkeys(named))
        return Ready(choice, expression, members, tuple(name for name in members if not network[name].metered))


def _auto_first() -> list[str]:
    return sorted(shipped_files("protocols"), key=lambda name: (name != AUTO, name))


def _protocol(name: str) -> Choice:
    return Choice(name, name, find_protocol(name).summary)


def _member(name: str) -> Choice:
    summary = f"asks {name} alone"
    return Choice(name, protocol_from(name, name=protocol_name(name), summary=summary), summary, agent=name)


def protocol_name(member: str) -> str:
    """Return the name of the protocol that asks one member: protocols have plainer names than members."""
    return re.sub(r"[^a-z0-9-]", "-", member.lower())
