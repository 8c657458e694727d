"""Everything that a run needs, opened together: for the command line, for notebooks, for programs.

from agentnet.workplace import open_workplace

async with open_workplace() as place:
    outcome = await place.coordinator.run(Task(text="What is 347 + 285?"), find_protocol("vote"))
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.runs import RunRecord
from agentnet.coordinator import Coordinator
from agentnet.errors import NetworkError
from agentnet.network import Network, find_network
from agentnet.network.files import EMBEDDED
from agentnet.settings import Settings, resolve

if TYPE_CHECKING:
    from agentnet.store import Runs


@dataclass(frozen=True, slots=True)
class Memory:
    """What remembers runs: the store, and the checkpoints beside it."""

    runs: Runs
    checkpointer: Any


@dataclass(frozen=True, slots=True)
class Workplace:
    """An open network with a coordinator, and the memory that its runs go to (None: nothing is remembered)."""

    settings: Settings
    network: Network
    network_source: str | None
    """``zoo``, or the absolute path of the network file; None for a network that was given as data."""
    coordinator: Coordinator
    memory: Memory | None


@asynccontextmanager
async def open_workplace(
    settings: Settings | None = None,
    *,
    network: str | tuple[NetworkSpec, Path] | None = None,
    memory: Memory | None = None,
    remember: bool = True,
) -> AsyncIterator[Workplace]:
    """Open memory, network and coordinator, and close them at the end.

    `network` replaces the settings' own: ``zoo``, a file, or a spec with the folder that its paths start from. `memory`
    is used where it is open already; `remember` False keeps nothing. Raises `StoreError`, `NetworkError`, `ModelError`.
    """
    settings = settings or resolve()
    if memory is None and remember:
        async with open_memory(settings) as opened, open_workplace(settings, network=network, memory=opened) as place:
            yield place
        return
    wanted = settings.network.value if network is None else network
    source = source_of(wanted) if isinstance(wanted, str) else None
    spec, base = find_network(wanted) if isinstance(wanted, str) else wanted
    async with Network.open(spec, base) as members:
        coordinator = Coordinator(
            members,
            store=memory.runs if memory else None,
            checkpointer=memory.checkpointer if memory else None,
        )
        yield Workplace(settings, members, source, coordinator, memory)
        await coordinator.forget_finished()


@asynccontextmanager
async def open_memory(settings: Settings) -> AsyncIterator[Memory]:
    """Open the store and the checkpoints, making their folders if there are none. Raises `StoreError`."""
    from agentnet.store import Database, Runs, open_checkpointer

    async with (
        await Database.open(settings.store.value) as database,
        open_checkpointer(settings.checkpoints) as checkpointer,
    ):
        yield Memory(Runs(database), checkpointer)


def network_of(record: RunRecord) -> str | tuple[NetworkSpec, Path]:
    """The network that a run used: its source where that is known, else as it was recorded."""
    if record.network_source is None:
        return record.network, Path.cwd()
    if record.network_source not in EMBEDDED and not Path(record.network_source).is_file():
        raise NetworkError(f"run {record.id} used the network {record.network_source}, which is not there any more")
    return record.network_source


def source_of(network: str) -> str:
    """A network reference that means the same from every folder."""
    return network if network in EMBEDDED else str(Path(network).expanduser().resolve())
