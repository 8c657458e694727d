"""The memory plan of a model: what it will take, and how large its KV cache may be. Made before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.models.gguf import Header
from agentnet.models.llama.footprint import Footprint, footprint
from agentnet.models.llama.offload import NOTHING, RESERVE, Demand, Offload, Room, fit, leaves_reserve, occupy

MAX_DEFAULT_CONTEXT = 8192
MAX_MICROBATCH = 512
CACHE_SHARE = 0.25
"""The share of the free memory that a KV cache takes beyond the tokens of one request, where the spec does not size it.
Further models need the rest."""
FULL = 4
"""Requests of full length that a cache has room for, where the spec does not size it. Few requests are that long."""
MOST_IN_ROWS = 16384
"""Tokens of the largest cache that is laid out in rows without being asked for."""
STEP = 256
"""llama.cpp rounds the tokens of a cache up to a multiple of this."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Sizes of a context, and the bytes they take."""

    size: int
    """Tokens of one request, prompt and reply together."""
    cells: int
    """Tokens that the KV cache holds for all sequences together."""
    sequences: int
    """Sequences of the context: those that decode, others that keep prefixes or score, and one for padding (see
    `Context`)."""
    batch: int
    """Tokens that one step may have."""
    weights: int
    cache: int
    compute: int
    """Bytes in RAM. The weights and the cache are exact for common architectures, the compute buffers an estimate."""
    offload: Offload
    """What lies on GPUs instead."""
    free: int | None
    """Bytes of RAM that were free when the plan was made; None where the system does not say."""
    shares_weights: bool = False
    """Whether the weights are in memory already, and therefore not counted."""
    offload_kv: bool = True
    """Whether the KV cache of layers on a GPU lies there too."""
    rows: bool = False
    """Whether each sequence has a row of cells of its own, as long as a request may become (see `cells`)."""

    @property
    def total(self) -> int:
        """Bytes of RAM."""
        return self.weights + self.cache + self.compute

    @property
    def fits(self) -> bool:
        return self.free is None or self.total <= self.free

    @property
    def microbatch(self) -> int:
        """Tokens of a step that llama.cpp evaluates at once."""
        return min(self.batch, MAX_MICROBATCH)

    def __str__(self) -> str:
        weights = "shared weights" if self.shares_weights else f"weights {amount(self.weights)}"
        return f"{weights} + KV cache {amount(self.cache)} ({self.cells} tokens) + compute {amount(self.compute)}"

    @property
    def offloaded(self) -> str:
        """What lies on GPUs, as a text for people; empty if nothing does."""
        layers = self.offload.layers
        return f"{amount(sum(self.offload.used))} on the GPU ({layers} layers)" if layers else ""

    @property
    def advice(self) -> str:
        """What to change so that a plan fits that does not."""
        assert self.free is not None
        if self.weights < self.free:
            return f"{amount(self.free)} are free; set a smaller `context` or `cache_tokens`, or a quantised KV cache"
        return f"{amount(self.free)} are free; use a smaller model, or one of fewer bits"

    def shortage(self) -> str:
        """Return what does not fit, with numbers, and what to do about it."""
        return f"{self} need {amount(self.total)} and {self.advice}"

    def as_json(self) -> dict[str, Any]:
        return {
            "context": self.size,
            "cache_tokens": self.cells,
            "cache_layout": "rows" if self.rows else "pool",
            "sequences": self.sequences,
            "weights_bytes": self.weights,
            "shares_weights": self.shares_weights,
            "cache_bytes": self.cache,
            "compute_bytes": self.compute,
            "total_bytes": self.total,
            "free_bytes": self.free,
            "gpu_layers": self.offload.layers,
            "gpu_bytes": list(self.offload.used),
            "fits": self.fits,
        }


def plan_memory(
    header: Header,
    spec: LlamaSpec,
    *,
    free: int | None,
    rooms: Sequence[Room] = (),
    most: int | None = None,
    loaded: Offload | None = None,
) -> MemoryPlan:
    """Return the plan of a model, given the free bytes of RAM (None: unknown) and of the devices that it may use.

    `most` bounds the layers on the devices. `loaded` tells where its weights lie if they are in memory already: then
    the plan is that of a further context. The plan may not fit (`MemoryPlan.fits`). A number of layers that the spec
    gives is not checked against the devices.
    """
    planner = _Planner(header, spec, free, rooms, most, loaded)
    plan = planner.plan()
    if loaded is None or spec.gpu_layers != "auto" or not spec.offload_kv or planner.fits_on_devices(plan):
        return plan
    # The layers cannot be moved any more, but the cache can lie elsewhere.
    return _Planner(header, spec.model_copy(update={"offload_kv": False}), free, rooms, most, loaded).plan()


def amount(bytes_: int) -> str:
    """Return a size as a text for people: ``4.1 GiB``, ``12.0 MiB``."""
    return f"{bytes_ / 2**30:.1f} GiB" if bytes_ >= 2**30 else f"{bytes_ / 2**20:.1f} MiB"


class _Planner:
    def __init__(
        self,
        header: Header,
        spec: LlamaSpec,
        free: int | None,
        rooms: Sequence[Room],
        most: int | None,
        loaded: Offload | None,
    ) -> None:
        self._spec, self._free, self._rooms, self._most, self._loaded = spec, free, rooms, most, loaded
        self._model: Footprint = footprint(header, kv_type_k=spec.kv_type_k, kv_type_v=spec.kv_type_v)
        self._size = spec.context or min(header.context or MAX_DEFAULT_CONTEXT, MAX_DEFAULT_CONTEXT)
        self.allows_rows = not self._model.recurrent and not header.settings.get("attention.sliding_window")
        """Whether the sequences of the model can be copied from row to row, and cut."""
        # A recurrent layer holds a whole state for each sequence, used or not: only one more is there, to score with.
        self._sequences = spec.sequences + 1 if self._model.recurrent else 2 * spec.sequences + 3
        # llama.cpp aborts if a step cannot hold a token of each sequence.
        self._batch = max(min(spec.batch, self._size), self._sequences)

    def plan(self) -> MemoryPlan:
        rows = self._in_rows()
        if rows is not None:
            return rows
        smallest = self._with(_rounded(self._size))
        if self._spec.cache_tokens is not None:
            return self._with(_rounded(max(self._size, self._spec.cache_tokens)))
        wished = _rounded(self._size * min(self._spec.sequences, FULL))
        plan = self._with(min(wished, smallest.cells + self._extra(smallest) // STEP * STEP))
        # A longer cache must neither push layers off the devices nor make a model not fit that fits with a short one.
        return plan if plan.offload.layers == smallest.offload.layers and plan.fits else smallest

    def _in_rows(self) -> MemoryPlan | None:
        """Return the plan of a cache in rows if that is wished for, or if it is small and nothing speaks against it."""
        spec, row = self._spec, _rounded(self._size)
        count = spec.sequences + spec.sequences // 2 + 2  # some keep prefixes or score
        if spec.cache_layout == "pool" or not self.allows_rows:
            return None
        if spec.cache_layout == "rows":
            return self._with(row * max(count, min((spec.cache_tokens or 0) // row, self._sequences)), row=row)
        most = MOST_IN_ROWS if spec.cache_tokens is None else spec.cache_tokens
        if spec.sequences == 1 or row * count > most:
            return None
        plan, smallest = self._with(row * count, row=row), self._with(row)
        small = plan.fits and row * (count - 1) <= self._extra(smallest)
        return plan if small and plan.offload.layers == smallest.offload.layers else None

    def fits_on_devices(self, plan: MemoryPlan) -> bool:
        """Return whether a plan leaves `RESERVE` bytes free on each device, as far as their free memory is known."""
        return leaves_reserve(plan.offload, self._rooms)

    def _extra(self, plan: MemoryPlan) -> int:
        """Return the tokens that the cache may hold beyond those of one request."""
        if plan.offload.layers and self._spec.offload_kv:
            if plan.offload.layers <= len(self._model.blocks) and self._spec.gpu_layers == "auto":
                return 0  # not even the layers have room
            spare = self._spare_on_devices(plan)
        else:
            spare = None if plan.free is None else max(0, plan.free - plan.total)
        if spare is None:
            return self._size
        token = self._model.token + 2 * plan.microbatch  # its keys and values, and its column of the attention mask
        return int(CACHE_SHARE * spare / token)

    def _spare_on_devices(self, plan: MemoryPlan) -> int | None:
        spare = 0
        for room, used in zip(self._rooms, plan.offload.used, strict=True):
            if room.free is None:
                return None
            spare += max(0, room.free - RESERVE - used)
        return spare

    def _with(self, cells: int, *, row: int | None = None) -> MemoryPlan:
        """Return the plan for a cache of that many tokens, in one pool or in rows of `row` tokens."""
        model, spec = self._model, self._spec
        tokens = min(self._batch, MAX_MICROBATCH)
        rows = max(self._sequences, min(64, self._batch))
        sequences = cells // row if row else self._sequences
        compute = model.compute(cells=row or cells, tokens=tokens, rows=rows, flash=spec.flash_attention != "off")
        offload = self._offload(Demand(cells, sequences, spec.offload_kv, compute))
        kept = len(model.blocks) + 1 - offload.layers  # layers in RAM, of which the output is the last
        cached = len(model.blocks) if not spec.offload_kv else min(kept, len(model.blocks))
        return MemoryPlan(
            size=self._size,
            cells=cells,
            sequences=sequences,
            batch=self._batch,
            weights=0 if self._loaded is not None else self._weights(kept),
            cache=sum(model.cached(block, cells=cells, sequences=sequences) for block in range(cached)),
            compute=compute,
            offload=offload,
            free=self._free,
            shares_weights=self._loaded is not None,
            offload_kv=spec.offload_kv,
            rows=row is not None,
        )

    def _weights(self, kept: int) -> int:
        """Return the bytes in RAM if so many layers stay there, of which the output is the last."""
        model = self._model
        output = model.output if kept > len(model.blocks) and not model.tied else 0
        return model.embedding + sum(model.blocks[:kept]) + output

    def _offload(self, demand: Demand) -> Offload:
        if self._loaded is not None:
            return self._beside(self._loaded, demand)
        wish = self._spec.gpu_layers
        if wish == "none" or not self._rooms:
            return NOTHING
        if wish == "auto":
            return fit(self._model, demand, self._rooms, most=self._most, shares=self._spec.tensor_split)
        whole = len(self._model.blocks) + 1
        layers = whole if wish == "all" else wish
        return occupy(self._model, demand, self._rooms, layers, shares=self._spec.tensor_split)

    def _beside(self, loaded: Offload, demand: Demand) -> Offload:
        """Return what a context takes on the devices beside weights that are loaded."""
        weights, whole = (
            occupy(self._model, each, self._rooms, loaded.layers, shares=loaded.shares) for each in (_NO_DEMAND, demand)
        )
        return replace(whole, used=tuple(all_ - weight for all_, weight in zip(whole.used, weights.used, strict=True)))


_NO_DEMAND = Demand(cells=0, sequences=0, cache=False, compute=0)


def _rounded(tokens: int) -> int:
    return -(-tokens // STEP) * STEP
