"""`Session`: the entry point to a network, for programs, notebooks, the command line, bridges and evaluations.

::

    async with agentnet.open("zoo") as session:
        outcome = await session.run("What is 347 + 285?", "debate", label="math")
        async for event in session.stream("What is 17 * 23?", Verify(proposer="scout", verifier="critic")):
            ...

    agentnet.run("What is 347 + 285?", "vote", label="math").answer        # blocking, from anywhere
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentnet.agents.tools import ToolServers
from agentnet.collab.asking import Protocol, Question, as_protocol, as_task
from agentnet.collab.budget import Allowance
from agentnet.collab.bus import Listener
from agentnet.collab.inline import bound_protocol_of, protocol_of
from agentnet.contracts.cards import Card
from agentnet.contracts.events import Event
from agentnet.contracts.limits import Limits
from agentnet.contracts.nodes import LEASE_SECONDS
from agentnet.contracts.policies import Policy
from agentnet.contracts.protocols import ProtocolSpec
from agentnet.contracts.replies import ReplyOptions
from agentnet.contracts.runs import Origin, RunRecord
from agentnet.contracts.serving import Served
from agentnet.coordinator import CompiledProtocol, Coordinator, Outcome
from agentnet.coordinator.coordinator import Answering
from agentnet.coordinator.forking import beginning, next_seed
from agentnet.errors import BadInput, ResumeError
from agentnet.models.addresses import joined_near
from agentnet.models.node.directory import Directory
from agentnet.models.node.opening import open_node_model
from agentnet.network import Changed, Members, Network, Registry, with_cards
from agentnet.network.files import NetworkSource, network_of, read_network
from agentnet.policy import Learned, open_learned
from agentnet.settings import Settings, resolve
from agentnet.store.storage import Storage, open_storage

if TYPE_CHECKING:
    from agentnet.models.llama.machine import Machine
    from agentnet.network.roster import Roster
    from agentnet.profiles.opening import Measured
    from agentnet.store import Keys, Runs


class Session:
    """An open network with its coordinator and the storage of its runs. Belongs to one event loop.

    Open one with `agentnet.open`. Several runs may be active at once; closing the session cancels them, and they can be
    resumed later.
    """

    def __init__(
        self,
        members: Members,
        *,
        settings: Settings | None = None,
        network_source: str | None = None,
        storage: Storage | None = None,
        roster: Roster | None = None,
        learned: Learned | None = None,
        measured: Measured | None = None,
    ) -> None:
        """Make a session from open members: a registry or a network.

        `roster` has the nodes that it follows, `learned` is what `auto` goes by, and `measured` are the same members by
        what was measured of them.
        """
        self.settings = settings or resolve()
        self.network_source = network_source
        """``zoo``, or the absolute path of the network file; None for a network given as data."""
        self.storage = storage
        """None if runs are not stored."""
        self.members = members
        self._roster, self._measured = roster, measured
        self.coordinator = Coordinator(
            members if measured is None else measured.members,
            store=storage.runs if storage else None,
            checkpointer=storage.checkpointer if storage else None,
            learned=learned,
            watcher=None if measured is None else measured.prober,
        )

    @property
    def learned(self) -> Learned | None:
        """The policy that `auto` goes by, with its analyzer; None where nothing was learned."""
        return self.coordinator.learned

    @property
    def network(self) -> Network:
        """The current members."""
        return self.coordinator.network

    @property
    def runs(self) -> Runs:
        """The stored runs: `find`, `latest`, `messages`. Raises `ResumeError` in a session without storage."""
        if self.storage is None:
            raise ResumeError("this session stores no runs: open it with remember=True")
        return self.storage.runs

    @property
    def keys(self) -> Keys:
        """The keys of a server's callers. Raises `ResumeError` in a session without storage."""
        if self.storage is None:
            raise ResumeError("this session has no keys, which are in a store: open it with remember=True")
        return self.storage.keys

    @property
    def roster(self) -> Roster:
        """The nodes that take part in the network. Raises `ResumeError` in a session without storage."""
        if self._roster is None:
            raise ResumeError("this session follows no nodes, which are in a store: open it with remember=True")
        return self._roster

    @property
    def measured(self) -> Measured:
        """What was measured of the members. Raises `ResumeError` in a session without storage."""
        if self._measured is None:
            raise ResumeError("this session measures nobody, since it stores nothing: open it with remember=True")
        return self._measured

    def prepare(self, protocol: Protocol | None = None) -> CompiledProtocol:
        """Bind a protocol to the members, check it and compile it. Raises `ProtocolError` or `PreflightError`."""
        return self.coordinator.prepare(self._protocol(protocol)[0])

    async def run(
        self,
        question: Question,
        protocol: Protocol | None = None,
        *,
        label: str | None = None,
        seed: int = 0,
        limits: Limits | None = None,
        run: str | None = None,
        origin: Origin | None = None,
        on_event: Listener | None = None,
        stream_text: bool = False,
        answering: Answering | None = None,
        replies: ReplyOptions | None = None,
        served: Served | None = None,
        allowance: Allowance | None = None,
    ) -> Outcome:
        """Answer a question with a protocol (default: the settings' own), and return the outcome.

        `label` is the task's kind, as cards name it. `run` is the run's id (default: a new one). `origin` replaces the
        sources recorded for `resume`. `on_event` gets every event; with `stream_text`, this includes replies piece by
        piece. `answering` asks people. `replies` is what is asked of free replies (sampling, a form), and `served` says
        how the caller of a server asked, whose runs share an `allowance`. Raises `BadInput` before anything runs, and
        `StoreError`; failures of agents are in the outcome's messages.
        """
        spec, source = self._protocol(protocol)
        return await self.coordinator.run(
            as_task(question, label),
            spec,
            seed=seed,
            limits=limits,
            run=run,
            origin=origin or Origin(protocol=source, network=self.network_source),
            on_event=on_event,
            stream_text=stream_text,
            answering=answering,
            replies=replies,
            served=served,
            allowance=allowance,
        )

    async def fork(
        self,
        source: str | RunRecord,
        message: str | int,
        protocol: Protocol | None = None,
        *,
        seed: int | None = None,
        limits: Limits | None = None,
        replies: ReplyOptions | None = None,
        **options: Any,
    ) -> Outcome:
        """Start a run that goes on from a message of another run, and return its outcome.

        `source` is the other run (its id, a prefix of it, or its record), and `message` the last message that is kept
        (its id, a prefix of it, or its number). Without a `protocol`, the run's own goes on from there: turns up to
        that message stand, and those behind it are taken again. A `protocol` begins with what was said in view. The
        default of `seed` is another than the run's, that of `limits` and `replies` the run's own; `options` are further
        ones of `run`. Raises `BadInput` for an unknown run or message, and for a run that has nothing left to say.
        """
        record = await self.runs.find(source) if isinstance(source, str) else source
        begins = beginning(record, await self.runs.messages(record.id), message, another=protocol is not None)
        spec, file = (bound_protocol_of(record), None) if protocol is None else self._protocol(protocol)
        options.setdefault("origin", Origin(protocol=file, network=self.network_source))
        return await self.coordinator.run(
            record.task,
            spec,
            seed=next_seed(record) if seed is None else seed,
            limits=limits or record.limits,
            replies=replies or record.replies,
            beginning=begins,
            **options,
        )

    async def stream(
        self, question: Question, protocol: Protocol | None = None, *, label: str | None = None, **options: Any
    ) -> AsyncIterator[Event]:
        """Start a run and yield its events as they happen; the last is `RunEnded`. Takes the options of `run`.

        Leaving the stream early cancels the run, which can be resumed.
        """
        spec, source = self._protocol(protocol)
        options.setdefault("origin", Origin(protocol=source, network=self.network_source))
        events = self.coordinator.stream(as_task(question, label), spec, **options)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()  # type: ignore[attr-defined]

    async def resume(
        self,
        run: str | RunRecord,
        *,
        limits: Limits | None = None,
        on_event: Listener | None = None,
        stream_text: bool = False,
        answering: Answering | None = None,
        allowance: Allowance | None = None,
    ) -> Outcome:
        """Continue a run that is not over, given by its id, a prefix of it, or its record.

        Finished turns are not asked again; `limits` replace the run's own. Raises `BadInput` for an unknown run, and
        `ResumeError` if the run is over, is active, or its protocol or agents have changed.
        """
        record = await self.runs.find(run) if isinstance(run, str) else run
        return await self.coordinator.resume(
            record,
            protocol_of(record),
            limits=limits,
            on_event=on_event,
            stream_text=stream_text,
            answering=answering,
            allowance=allowance,
        )

    async def follow(self, run: str) -> AsyncIterator[Event]:
        """Yield the events of a run from its beginning up to `RunEnded`, even if another process runs it.

        `run` is its id, or the beginning of it. Leaving does not affect the run. Raises `BadInput` for an unknown run.
        """
        events = self.coordinator.follow(await self._id_of(run))
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()  # type: ignore[attr-defined]

    async def cancel(self, run: str) -> bool:
        """Cancel a run that is active in this session; its caller gets the outcome. Returns whether there was one.

        `run` is its id, or the beginning of it. Raises `BadInput` where several active runs begin so.
        """
        return await self.coordinator.cancel(self._active(run) or run)

    async def interrupt(self, run: str, why: str) -> bool:
        """Cut a run that is active in this session, so that it waits to be resumed. Returns whether there was one.

        It is recorded as `interrupted`, with the reason `why`. `run` is its id, or the beginning of it. Raises
        `BadInput` where several active runs begin so.
        """
        return await self.coordinator.interrupt(self._active(run) or run, why)

    def with_cards(self, cards: Mapping[str, Card]) -> Session:
        """Return a session on the same open members, with other cards for some of them. It stores no runs.

        Raises `NetworkError` for the card of an unknown member.
        """
        return Session(with_cards(self.members, cards), settings=self.settings, learned=self.learned)

    def with_policy(self, policy: Policy) -> Session:
        """Return a session on the same open members that goes by a policy. It stores no runs.

        Raises `PolicyError` for an analyzer that cannot be read.
        """
        return Session(self.members, settings=self.settings, learned=Learned.of(policy))

    def changed(self, change: Callable[[Network], Network]) -> Session:
        """Return a session on the same open members, each snapshot changed by a function. It stores no runs."""
        return Session(Changed(self.members, change), settings=self.settings, learned=self.learned)

    def _active(self, run: str) -> str | None:
        """The id of the active run that is `run`, or begins with it."""
        active = [id for id in self.coordinator.running if id.startswith(run)]
        if run in active:
            return run
        if len(active) > 1:
            raise BadInput(f"{len(active)} active runs begin with {run!r}: give more of the id")
        return active[0] if active else None

    async def _id_of(self, run: str) -> str:
        active = self._active(run)
        if active is None and self.storage is not None:
            return (await self.storage.runs.find(run)).id
        return active or run

    async def close(self) -> None:
        """Cancel all active runs, and wait until their ends are recorded."""
        await self.coordinator.close()

    def _protocol(self, protocol: Protocol | None) -> tuple[ProtocolSpec, str | None]:
        return as_protocol(self.settings.protocol.value if protocol is None else protocol, agents=self.network.agents)


@asynccontextmanager
async def open_session(
    network: NetworkSource | None = None,
    *,
    settings: Settings | None = None,
    store: str | Path | None = None,
    storage: Storage | None = None,
    remember: bool = True,
    machine: Machine | None = None,
    policy: Policy | str | Path | None = None,
    nodes: bool = True,
    hosting: bool = False,
    lease: float = LEASE_SECONDS,
) -> AsyncIterator[Session]:
    """Open a network and the storage of its runs, and close both at the end. Public as `agentnet.open`.

    `network` is ``zoo``, a YAML file, a spec, or a pair of a spec and the base folder of its paths; default: the
    settings' network. `store` is a file or a database URL, `storage` an open storage; without `remember` nothing is
    stored. Local models divide the cores and the memory of `machine` (default: this process's machine). `policy` is
    what `auto` goes by: a policy, its file, or ``none`` (default: the settings', which is the network's own file if it
    has one).

    Members of the nodes that registered with the network's hub take part, as long as they are there: the session
    follows the network's roster in the store; not without `nodes`. `hosting`: this process is the hub; `lease` is how
    many seconds it believes a node without a heartbeat. Raises `NetworkError`, `PolicyError`, `ModelError`,
    `StoreError`.
    """
    settings = settings or resolve(store=None if store is None else str(store))
    spec, base, source = read_network(settings.network.value if network is None else network)
    async with AsyncExitStack() as opened:
        learned = await opened.enter_async_context(open_learned(policy, spec, base, source, settings))
        if storage is None and remember:
            storage = await opened.enter_async_context(open_storage(settings))
        directory = Directory()
        open_node = partial(open_node_model, directory=directory, policy=joined_near(settings.nodes.value))
        tools = await opened.enter_async_context(ToolServers.open(spec.tools, base, Path(settings.home.value)))
        registry = await opened.enter_async_context(
            Registry.open(spec, base, machine=machine, open_node=open_node, tools=tools)
        )
        roster = None
        if storage is not None and nodes:
            from agentnet.network.living import POLL_SECONDS, Living
            from agentnet.network.roster import Roster
            from agentnet.store.nodes import Nodes

            roster = Roster(Nodes(storage.database, spec.name), lease=lease, hosting=hosting, own=registry.own_names)
            living = Living(registry, roster, directory, poll=min(POLL_SECONDS, lease / 8))
            await opened.enter_async_context(living.following())
        measured = None
        if storage is not None:
            from agentnet.profiles.opening import measuring

            work = measuring(registry, spec, base, storage.profiles, roster=roster)
            measured = await opened.enter_async_context(work)
        session = Session(
            registry,
            settings=settings,
            network_source=source,
            storage=storage,
            roster=roster,
            learned=learned,
            measured=measured,
        )
        opened.push_async_callback(session.close)
        yield session


@asynccontextmanager
async def open_run(run: str, *, settings: Settings | None = None) -> AsyncIterator[tuple[Session, RunRecord]]:
    """Open a session on the network of a stored run; `run` is the run's id or a prefix of it.

    Raises `BadInput` if there is no such run or its network file is gone, and the errors of `open_session`.
    """
    settings = settings or resolve()
    async with open_storage(settings, existing=True) as storage:
        record = await storage.runs.find(run)
        async with open_session(network_of(record), settings=settings, storage=storage) as session:
            yield session, record
