"""The members that a node offers: their models, and what it says of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from agentnet.agents import ModelAgent
from agentnet.contracts.model_specs import A2ASpec, HumanSpec, LlamaSpec, OpenAISpec, ReplaySpec
from agentnet.contracts.network import AgentSpec, NetworkSpec
from agentnet.contracts.nodes import Abilities, Offer
from agentnet.errors import BadInput
from agentnet.models.backends import find_file, settled
from agentnet.models.base import Model, Scorer
from agentnet.models.gguf import all_parts, checksum
from agentnet.models.openai.keys import without_user
from agentnet.models.tokens import TokenStepper
from agentnet.network import Network
from agentnet.prompts import shipped_packs
from agentnet.redaction import without_secrets
from agentnet.serving.keys import canonical

_PLACEMENT = {
    *("path", "sha256", "threads", "batch", "sequences", "cache_tokens", "cache_layout", "parked_mib", "reuse_prefix"),
    *("gpu_layers", "main_gpu", "tensor_split", "split_mode", "offload_kv", "mmap", "mlock"),
}
"""Settings of a local model that say where and how fast it runs, and not what it says."""
_PATIENCE = {"timeout", "deadline", "attempts", "max_wait", "api_key_env", "base_url_env"}
"""The same of a model behind a server."""


ELSEWHERE = 8
"""Requests at the same time that a model behind a server is thought to serve."""


@runtime_checkable
class Batching(Protocol):
    """A model that decodes several requests together, and knows how many."""

    @property
    def slots(self) -> int: ...

    @property
    def free_cells(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Served:
    """A member that a node serves: its open model, its offer, and how many requests it serves at the same time."""

    model: Model
    offer: Offer
    slots: int
    path: Path | None
    """The first GGUF file of a local model; None for others."""

    @property
    def name(self) -> str:
        return self.offer.name


def chosen(spec: NetworkSpec, only: Iterable[str] = ()) -> NetworkSpec:
    """Return the part of a network that a node offers: all members that are no people, or those that `only` names.

    Raises `BadInput` for an unknown name, a person, and a network of people alone.
    """
    models = {agent.name: agent for agent in spec.agents if not isinstance(agent.model, HumanSpec)}
    for name in only:
        if name not in models:
            known = ", ".join(models) or "no models"
            raise BadInput(f"{name!r} is no model of network {spec.name!r}, and cannot be offered (it has {known})")
    offered = tuple(agent for name, agent in models.items() if not only or name in only)
    if not offered:
        raise BadInput(f"network {spec.name!r} has no models to offer: a node cannot bring people")
    for agent in offered:
        if agent.pack not in shipped_packs():
            raise BadInput(
                f"{agent.name} has the prompt pack {agent.pack!r} of its own folder, which a network that it joins "
                f"lacks: use a shipped one ({', '.join(sorted(shipped_packs()))})"
            )
    return spec.model_copy(update={"agents": offered})


def served(network: Network, base: Path) -> Mapping[str, Served]:
    """Return the members of an open network as a node serves them; `base` is the folder of relative paths.

    Reads the models' files once, to name them by their content. Raises `ModelError`.
    """
    specs = {spec.name: spec for spec in network.spec.agents}
    agents = [agent for agent in network if isinstance(agent, ModelAgent)]
    return {agent.name: _served(agent, specs[agent.name], base) for agent in agents}


def free_cells(members: Iterable[Served]) -> int | None:
    """Return the free cells of all KV caches together; None where no model has one here."""
    free = [member.model.free_cells for member in members if isinstance(member.model, Batching)]
    return sum(free) if free else None


def _served(agent: ModelAgent, spec: AgentSpec, base: Path) -> Served:
    model, able = agent.model, agent.model.capabilities
    path = find_file(spec.model, base) if isinstance(spec.model, LlamaSpec) else None
    offer = Offer(
        name=agent.name,
        digest=_digest(spec, base, path),
        card=agent.card,
        pack=spec.pack,
        sampling=agent.sampling,
        context=able.context,
        abilities=Abilities(
            logprobs=able.logprobs is not False,
            json_schema=able.schema is not False,
            grammar=able.grammar,
            scores=isinstance(model, Scorer),
            tokens=isinstance(model, TokenStepper) and path is not None,
        ),
    )
    return Served(model, offer, slots=model.slots if isinstance(model, Batching) else ELSEWHERE, path=path)


def _digest(spec: AgentSpec, base: Path, path: Path | None) -> str:
    """Return the SHA-256 of what decides a member's replies: its model's files, its settings, its prompts."""
    model = spec.model
    said = {"pack": spec.pack, "sampling": spec.sampling.model_dump(mode="json"), "kind": model.kind}
    if isinstance(model, LlamaSpec):
        assert path is not None
        said |= {"files": checksum(all_parts(path)), **model.model_dump(mode="json", exclude=_PLACEMENT)}
    elif isinstance(model, OpenAISpec):
        said |= without_secrets(model.model_dump(mode="json", exclude=_PATIENCE))
        said["base_url"] = without_user(model.base_url or "")
    elif isinstance(model, A2ASpec):
        said |= without_secrets(model.model_dump(mode="json", exclude=_PATIENCE))
    elif isinstance(model, ReplaySpec):
        settled_spec = settled(model, base)
        assert isinstance(settled_spec, ReplaySpec)
        said |= model.model_dump(mode="json", exclude={"replay"})
        said["file"] = hashlib.sha256(Path(settled_spec.replay).read_bytes()).hexdigest()
    return hashlib.sha256(canonical(said)).hexdigest()
