"""Stand-ins: which member takes the turn of one that cannot be asked (a hot switch in mid-turn).

A member that cannot be reached, left, or is late is replaced by the next best that its selector means and that does
not take part already. Members that a protocol names, and means by no selector, are not replaced. Both messages are
recorded; that of the stand-in says which message it stands for, so that a resumed run finds the same stand-ins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from agentnet.agents import Agent
from agentnet.agents.base import Need
from agentnet.contracts.bodies import Body, Error
from agentnet.contracts.messages import Message
from agentnet.errors import BadResponse, ModelUnavailable, RateLimited
from agentnet.network import Network

NOT_THERE = frozenset({ModelUnavailable.code, RateLimited.code, BadResponse.code})
"""Codes of errors after which another member is asked: nothing is wrong with the question."""
DECIDING = {"plan": "planner", "verify": "verifier", "choose": "judge"}
"""The kinds of turns in which one agent decides for all, and the role of that agent."""


@dataclass(frozen=True, slots=True)
class Selected:
    """What a bound protocol says of its members beside their names."""

    roles: Mapping[str, frozenset[str]]
    """By member: the roles that the selectors ask for which mean it; ``all`` for ``@all``. A member that is only named
    has none."""
    certain: frozenset[str]
    """The members that take part in every run."""

    def plain(self) -> dict[str, list[str]]:
        """Return the roles as plain data, for the record of a run."""
        return {name: sorted(roles) for name, roles in self.roles.items()}

    def recorded(self, roles: Mapping[str, Iterable[str]]) -> Selected:
        """Return the same with the roles of a record: a protocol that was written in place is recorded as bound."""
        names = {**self.roles, **roles}
        return Selected({name: self.roles.get(name, NONE).union(roles.get(name, ())) for name in names}, self.certain)


NONE: frozenset[str] = frozenset()
NOBODY = Selected({}, frozenset())


def failed_to_answer(body: Body) -> bool:
    """Return whether the body of a turn says that its member could not be asked."""
    return isinstance(body, Error) and body.code in NOT_THERE


class StandIns:
    """The stand-ins of one run."""

    def __init__(self, network: Network, selected: Selected, history: Iterable[Message]) -> None:
        """Make those of a run, with the ones in the messages of its `history`."""
        self._network, self._selected = network, selected
        self._taking_part = set(selected.certain)
        self._for: defaultdict[str, list[str]] = defaultdict(list)
        """Member → its stand-ins, in the order in which they were chosen."""
        self._since: dict[tuple[str, str], tuple[int, str]] = {}
        """Node and member → the round in which it was replaced there, and by whom."""
        self._instead: dict[str, str] = {}
        """Id of a failed message → the sender of the message that stands for it."""
        messages = {message.id: message for message in history}
        for message in sorted(messages.values(), key=lambda message: message.sequence):
            if message.sender in network.agents:
                self.takes_part(message.sender)
                if message.instead_of in messages:
                    self._remember(messages[message.instead_of], message.sender)

    def takes_part(self, name: str) -> None:
        """Note that a member takes part in the run: it stands in for no other from now on."""
        self._taking_part.add(name)

    def current(self, agent: Agent, node: str, round: int) -> Agent:
        """Return the agent to ask at a node first: a member that was replaced there in an earlier round stays so."""
        name = agent.name
        while (since := self._since.get((node, name))) is not None and since[0] < round:
            name = since[1]
        return self._network[name]

    def instead_of(
        self, failed: Message, asked: Iterable[str], label: str | None, needs: Callable[[str], Need]
    ) -> Agent | None:
        """Return the agent that takes a failed turn over; None where there is none.

        `asked` are the members that were asked for this turn already. `needs` returns what the turn needs of a member.
        """
        name = self._instead.get(failed.id)
        if name is None:
            before = [known for known in self._for[failed.sender] if known not in asked]
            name = before[0] if before else self._next(failed.sender, label, needs)
            if name is None:
                return None
            self._remember(failed, name)
        return self._network[name]

    def is_last(self, name: str, asked: Iterable[str], label: str | None, needs: Callable[[str], Need]) -> bool:
        """Return whether no other agent could take over a turn of a member, after those that were asked for it."""
        before = any(known not in asked for known in self._for[name])
        return not before and self._next(name, label, needs) is None

    def _remember(self, failed: Message, name: str) -> None:
        self.takes_part(name)
        self._instead[failed.id] = name
        self._since[failed.node, failed.sender] = failed.round, name
        if name not in self._for[failed.sender]:
            self._for[failed.sender].append(name)

    def _next(self, failed: str, label: str | None, needs: Callable[[str], Need]) -> str | None:
        """The best member that may stand in for a failed one and does not take part yet."""
        able = [name for name in self._meant_with(failed) if self._able(self._network[name], needs(name))]
        able = [name for name in able if name not in self._network.probation] or able
        if not able:
            return None
        role = DECIDING.get(needs(able[0]).role)
        if role is None:
            return self._network.best(able, label)
        # As at binding: the first that was measured at deciding for all, else the first.
        return next((name for name in able if self._network[name].card.proven_at(role)), able[0])

    def _meant_with(self, failed: str) -> Iterator[str]:
        roles = self._selected.roles.get(failed, frozenset())
        for agent in self._network:
            if agent.name not in self._taking_part and ("all" in roles or roles.intersection(agent.card.roles)):
                yield agent.name

    def _able(self, agent: Agent, need: Need) -> bool:
        """Whether an agent can take a turn. A person is asked only where the protocol says so; a member that joined
        decides for all only where it was measured at that."""
        if not agent.metered or agent.can(need) is not None:
            return False
        role = DECIDING.get(need.role)
        return role is None or agent.name not in self._network.joined or agent.card.proven_at(role)
