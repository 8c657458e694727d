"""`Learned`: a policy that is ready for use, with the analyzer that finds the labels of tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentnet.contracts.bodies import Analysis, Task
from agentnet.contracts.network import NetworkSpec
from agentnet.contracts.policies import Policy
from agentnet.policy.file import check_network, find_policy, load_policy
from agentnet.settings import Settings, resolve

if TYPE_CHECKING:  # a network of servers of which nothing was learned needs no arrays
    from agentnet.analysis import Analyzer, Embedder


@dataclass(frozen=True, slots=True)
class Learned:
    """A policy and its analyzer; without an analyzer, only tasks with a given label have one."""

    policy: Policy
    analyzer: Analyzer | None = None
    where: str = ""
    """The file that the policy is from; empty for one that was given as data."""

    @classmethod
    def of(cls, policy: Policy, where: str = "", embedder: Embedder | None = None) -> Learned:
        """Return a policy with its analyzer, which may go by the vectors of an `embedder`.

        Raises `PolicyError` for an analyzer that cannot be read, or whose embedding model is another.
        """
        if policy.analyzer is None:
            return cls(policy, None, where)
        from agentnet.analysis import load

        return cls(policy, load(policy.analyzer, embedder), where)

    async def analysis(self, task: Task) -> Analysis | None:
        """Return what is found about a task; None if its label was given, or if there is no analyzer."""
        if task.label is not None or self.analyzer is None:
            return None
        if self.analyzer.embeds:
            return await asyncio.to_thread(self.analyzer.analyze, task.text)
        return self.analyzer.analyze(task.text)


@asynccontextmanager
async def open_learned(
    policy: Policy | str | Path | None,
    network: NetworkSpec,
    base: Path,
    source: str | None,
    settings: Settings,
) -> AsyncIterator[Learned | None]:
    """Yield what was learned about a network, with the embedding model that its analyzer needs open.

    `policy` is one, its file, or ``none``; None takes what the settings say (see `find_policy`). `base` is the folder
    of the network's paths, `source` its file or embedded name. Yields None where nothing was learned. Raises
    `PolicyError`, also for a policy of another network, and `ModelError` for the embedding model.
    """
    where = ""
    if not isinstance(policy, Policy):
        path = find_policy(source, settings if policy is None else resolve(policy=str(policy)))
        if path is None:
            yield None
            return
        policy, where = load_policy(path), str(path)
    check_network(policy, network.agents, where or "the policy")
    async with open_embedder(network, base, wanted=(policy.analyzer or {}).get("kind") == "embeddings") as embedder:
        yield Learned.of(policy, where, embedder)


@asynccontextmanager
async def open_embedder(network: NetworkSpec, base: Path, *, wanted: bool = True) -> AsyncIterator[Embedder | None]:
    """Yield the embedding model that a network names, open; None where it names none, or none is wanted.

    Raises `ModelError`.
    """
    if network.embeddings is None or not wanted:
        yield None
        return
    from agentnet.models.llama.embedding import LlamaEmbedder

    embedder = await asyncio.to_thread(LlamaEmbedder, network.embeddings, base=base)
    try:
        yield embedder
    finally:
        await asyncio.to_thread(embedder.close)
