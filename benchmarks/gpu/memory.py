"""The memory plan of models beside what the driver says before they are opened, while they work, and after."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Request
from agentnet.models.gguf import read_header
from agentnet.models.llama import LlamaModel
from agentnet.models.llama.ledger import Ledger
from agentnet.models.llama.loading import reserve_memory, usable_devices
from benchmarks.generated import PAIR, Chain, model_file
from benchmarks.gpu.target import Target

CONTEXT, AGENTS = 2048, 8
ASK = Request(({"role": "user", "content": "Tell me.\n"},), Sampling(max_tokens=120))


@dataclass(frozen=True)
class Occupied:
    """Bytes, of all models of a group together."""

    group: str
    layers: str
    """On the devices, of each model."""
    planned: int
    opened: int
    worked: int
    """What the driver's free memory has shrunk by when the models are open, and when all have replied."""
    left: int
    """And what it is still smaller by when they are closed."""
    right: bool
    """Whether all models have said the text that they are made for."""


async def occupied(group: str, target: Target, threads: int) -> Occupied:
    """Open the models of a group one after the other, let them reply together, and close them."""
    text = Chain().text
    planned, layers = 0, []
    models: list[LlamaModel] = []
    before = target.free()
    try:
        for name in group.split(PAIR):
            path = model_file(name)
            # The pages of a mapped file are no memory in use, as the system counts it.
            spec = LlamaSpec(path=str(path), context=CONTEXT, sequences=AGENTS, threads=threads, mmap=bool(target.gpus))
            plan = reserve_memory(read_header(path), spec, usable_devices(spec)[0], ledger=Ledger()).plan
            planned += sum(plan.offload.used) if target.gpus else plan.total
            layers.append(str(plan.offload.layers))
            models.append(await asyncio.to_thread(LlamaModel, path, spec))
        opened = before - target.free()
        replies = await asyncio.gather(*(model.generate(ASK) for model in models for _ in range(AGENTS)))
        worked = before - target.free()
    finally:
        for model in models:
            await model.close()
    right = all(reply.text.lstrip().startswith(text) for reply in replies)
    return Occupied(group, ", ".join(layers), planned, opened, worked, before - target.free(), right)
