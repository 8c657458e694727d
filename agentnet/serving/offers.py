"""What callers can ask of a network as it is now: protocols that would run on it, and its members by name."""

from __future__ import annotations

from dataclasses import dataclass

from agentnet.agents import HumanAgent
from agentnet.collab.asking import Protocol
from agentnet.collab.combinators import agents_of
from agentnet.collab.inline import protocol_from
from agentnet.collab.library import shipped_protocols
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.errors import AgentNetError, ProtocolError
from agentnet.files.names import suggestion
from agentnet.network import Network
from agentnet.session import Session


@dataclass(frozen=True, slots=True)
class _Runnable:
    """A protocol that passed every check, and whether it asks a person."""

    spec: ProtocolSpec
    asks_people: bool


class Offers:
    """The protocols that a session can run now. What was checked is kept until the network's members change."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._checked: tuple[Network, list[_Runnable]] | None = None

    def protocols(self, *, people: bool = False) -> dict[str, ProtocolSpec]:
        """Return the shipped protocols that pass every check on this network, by name; ``auto`` comes first.

        Those that ask a person are among them only with `people`.
        """
        network = self._session.network
        if self._checked is None or self._checked[0] is not network:
            self._checked = network, self._check(network)
        return {found.spec.name: found.spec for found in self._checked[1] if people or not found.asks_people}

    def find(self, name: str, *, people: bool = False) -> Protocol:
        """Return the protocol that a name means: one of `protocols`, or a member, whose own reply is the answer.

        A name is never read as a file. Raises `ProtocolError` for any other.
        """
        protocols = self.protocols(people=people)
        if name in protocols:
            return name
        members = self._session.network.agents
        if name in members and (people or not isinstance(members[name], HumanAgent)):
            return protocol_from(name)
        known = [*protocols, *members]
        raise ProtocolError(
            f"nothing that answers here is called {name[:100]!r}{suggestion(name[:100], known)}: "
            f"choose a protocol ({', '.join(protocols)}) or a member ({', '.join(members)})"
        )

    def _check(self, network: Network) -> list[_Runnable]:
        people = {agent.name for agent in network if isinstance(agent, HumanAgent)}
        found = []
        for name, spec in shipped_protocols().items():
            try:
                compiled = self._session.prepare(name)
            except AgentNetError:
                continue
            found.append(_Runnable(spec, not people.isdisjoint(agents_of(compiled.expression))))
        return sorted(found, key=lambda one: (one.spec.name != "auto", one.spec.name))
