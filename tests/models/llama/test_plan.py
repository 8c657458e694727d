"""How large a cache becomes, and what is refused: the same model on machines of all sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.models.gguf import Header, Tensor
from agentnet.models.llama.offload import RESERVE, Room
from agentnet.models.llama.plan import FULL, MOST_IN_ROWS, MemoryPlan, amount, plan_memory

MIB, GIB = 2**20, 2**30
BLOCKS = 32
HEADER = Header(
    version=3,
    architecture="llama",
    name="seven billion",
    context=32768,
    parameters=7 * 10**9,
    vocabulary=32000,
    chat_template=None,
    settings={
        "block_count": BLOCKS,
        "embedding_length": 4096,
        "feed_forward_length": 14336,
        "attention.head_count": 32,
        "attention.head_count_kv": 8,
    },
    tensors=(
        Tensor("token_embd.weight", 70 * MIB),
        Tensor("output.weight", 100 * MIB),
        *(Tensor(f"blk.{block}.ffn_up.weight", 120 * MIB) for block in range(BLOCKS)),
    ),
    file_size=0,
    expected_size=0,
)
WEIGHTS = (70 + 100 + BLOCKS * 120) * MIB
TOKEN = BLOCKS * 8 * 2 * 128 * 2
"""Bytes that a token adds to the cache: 128 KiB."""


def plan(free: float | None, rooms: tuple[Room, ...] = (), **settings: Any) -> MemoryPlan:
    """`free` in GiB."""
    spec = LlamaSpec(path="x", **settings)
    return plan_memory(HEADER, spec, free=None if free is None else round(free * GIB), rooms=rooms)


def gpu(free: float) -> Room:
    return Room("GPU0", round(free * GIB) + RESERVE)


def test_everything_is_counted() -> None:
    found = plan(100)
    assert (found.size, found.sequences, found.batch) == (8192, 19, 512)
    assert (found.weights, found.cache) == (WEIGHTS, found.cells * TOKEN)
    assert found.total == found.weights + found.cache + found.compute
    assert 100 * MIB < found.compute < 400 * MIB
    assert found.fits


def test_where_memory_is_plenty_some_requests_have_room_for_their_whole_context() -> None:
    assert plan(1000).cells == FULL * 8192
    assert plan(1000, sequences=2, context=1000, cache_layout="pool").cells == 2048


def test_otherwise_the_cache_takes_its_share_of_what_is_left() -> None:
    found = plan(16)
    smallest = plan(16, cache_tokens=8192)
    extra = found.cells - 8192
    assert extra * TOKEN < (16 * GIB - smallest.total) / 4 < (extra + 600) * TOKEN
    assert found.fits


def test_one_request_always_has_its_context() -> None:
    assert plan(5.1).cells == 8192
    assert plan(5.1).fits


def test_what_does_not_fit_is_told_in_numbers() -> None:
    found = plan(3.2)
    assert not found.fits
    assert found.shortage() == (
        f"weights 3.9 GiB + KV cache 1.0 GiB (8192 tokens) + compute {amount(found.compute)} "
        f"need {amount(found.total)} and 3.2 GiB are free; use a smaller model, or one of fewer bits"
    )
    assert plan(4.5).shortage().endswith("set a smaller `context` or `cache_tokens`, or a quantised KV cache")
    assert plan(4.5, context=1024).fits
    assert plan(4.65, kv_type_k="q4_0", kv_type_v="q4_0").fits


def test_a_given_cache_is_taken_as_it_is() -> None:
    assert plan(100, cache_tokens=10_000).cells == 10_240
    assert plan(100, cache_tokens=16).cells == 8192
    assert not plan(16, cache_tokens=1_000_000).fits


def test_where_the_system_says_nothing_the_cache_is_modest_and_nothing_is_refused() -> None:
    found = plan(None)
    assert (found.cells, found.fits) == (2 * 8192, True)


@pytest.mark.parametrize(("free", "layers"), [(0, 0), (1.6, 10), (5.5, 33), (100, 33)])
def test_layers_move_to_the_gpu_and_out_of_memory(free: float, layers: int) -> None:
    found = plan(100, (gpu(free),))
    assert found.offload.layers == layers
    kept = BLOCKS + 1 - layers
    assert found.weights == (70 + 120 * min(kept, BLOCKS) + (0 if layers else 100)) * MIB
    assert found.cache == min(kept, BLOCKS) * TOKEN // BLOCKS * found.cells
    assert sum(found.offload.used) <= free * GIB


def test_the_cache_grows_into_what_the_gpu_has_left() -> None:
    assert plan(100, (gpu(5.5),)).cells < plan(100, (gpu(8),)).cells < plan(100, (gpu(1000),)).cells == FULL * 8192
    assert plan(100, (gpu(3),)).cells == 8192  # layers first


def test_a_cache_kept_in_ram_is_sized_by_ram() -> None:
    found = plan(1000, (gpu(4.5),), offload_kv=False)
    assert (found.cells, found.offload.layers) == (FULL * 8192, 33)
    assert found.cache == found.cells * TOKEN


def test_explicit_wishes_are_taken_at_their_word() -> None:
    rooms = (gpu(1),)
    assert plan(100, rooms, gpu_layers="all").offload.layers == BLOCKS + 1
    assert plan(100, rooms, gpu_layers=7).offload.layers == 7
    assert plan(100, rooms, gpu_layers="none").offload.layers == 0
    assert plan(100, gpu_layers="all").offload.layers == 0


def test_a_recurrent_model_gets_no_idle_sequences() -> None:
    settings = {"block_count": 4, "embedding_length": 64, "ssm.inner_size": 128, "ssm.state_size": 16}
    header = Header(3, "mamba", "m", 4096, 1, 100, None, settings, (Tensor("output.weight", 1),) * 4, 0, 0)
    found = plan_memory(header, LlamaSpec(path="x", sequences=4), free=GIB)
    assert found.sequences == 5
    assert found.cache == 5 * 4 * (4 * 16 * 128)


@given(
    free=st.floats(0, 200),
    device=st.one_of(st.none(), st.floats(0, 200)),
    context=st.integers(16, 100_000),
    sequences=st.integers(1, 120),
    offload_kv=st.booleans(),
)
def test_a_planned_cache_never_makes_what_fits_too_large(
    free: float, device: float | None, context: int, sequences: int, offload_kv: bool
) -> None:
    rooms = () if device is None else (gpu(device),)
    settings = {"context": context, "sequences": sequences, "offload_kv": offload_kv}
    smallest, found = plan(free, rooms, cache_tokens=16, **settings), plan(free, rooms, **settings)
    assert found.fits == smallest.fits
    assert found.offload.layers == smallest.offload.layers
    assert context <= found.cells
    assert found.cells <= max(smallest.cells, MOST_IN_ROWS if found.rows else context * sequences + 256)


class TestLayout:
    def test_a_small_cache_has_a_row_for_each_sequence_and_some_more(self) -> None:
        found = plan(1000, sequences=8, context=1000)
        assert found.rows
        assert (found.sequences, found.cells) == (14, 14 * 1024)
        assert found.cache == found.cells * TOKEN
        assert found.as_json()["cache_layout"] == "rows"

    @pytest.mark.parametrize(
        "settings",
        [
            {"context": 4096},
            {"context": 1000, "cache_layout": "pool"},
            {"context": 1000, "cache_tokens": 13 * 1024},
            {"context": 1000, "sequences": 1},
        ],
    )
    def test_otherwise_all_sequences_have_one_pool(self, settings: dict[str, Any]) -> None:
        assert not plan(1000, **settings).rows

    def test_rows_take_no_more_of_the_memory_than_a_pool_may(self) -> None:
        assert not plan(6, context=1000).rows
        assert plan(6, context=1000, cache_layout="rows").rows
        assert not plan(4.5, context=1000, cache_layout="rows").fits

    def test_rows_that_are_asked_for_use_the_tokens_that_are_given(self) -> None:
        for tokens, sequences in ((16, 14), (16 * 1024, 16), (10**6, 19)):
            found = plan(1000, context=1000, cache_layout="rows", cache_tokens=tokens)
            assert (found.sequences, found.cells) == (sequences, sequences * 1024)

    @pytest.mark.parametrize("settings", [{"attention.sliding_window": 128}, {"wkv.head_size": 64}])
    def test_states_that_cannot_be_cut_have_no_rows(self, settings: dict[str, int]) -> None:
        header = replace(HEADER, settings={**HEADER.settings, **settings})
        assert not plan_memory(header, LlamaSpec(path="x", context=256, cache_layout="rows"), free=1000 * GIB).rows


class TestFurtherContext:
    """Of a model whose weights are in memory already."""

    def test_weights_are_not_counted(self) -> None:
        first = plan(16)
        further = plan_memory(HEADER, LlamaSpec(path="x"), free=8 * GIB, loaded=first.offload)
        assert (further.weights, further.cache) == (0, further.cells * TOKEN)
        assert further.total == further.cache + further.compute
        assert str(further).startswith("shared weights + KV cache")
        assert further.as_json()["shares_weights"] is True

    def test_layers_stay_where_they_are(self) -> None:
        first = plan(16, (gpu(2),))
        assert 0 < first.offload.layers < BLOCKS
        for free in (0.5, 9):
            further = plan_memory(
                HEADER, LlamaSpec(path="x", context=512), free=16 * GIB, rooms=(gpu(free),), loaded=first.offload
            )
            assert further.offload.layers == first.offload.layers
            assert further.offload_kv
            on_gpu = (further.offload.layers - 1) * further.cells * TOKEN // BLOCKS + further.compute
            assert further.offload.used == (on_gpu,)

    def test_a_cache_without_room_beside_them_lies_in_ram(self) -> None:
        first = plan(16, (gpu(9),))
        further = plan_memory(HEADER, LlamaSpec(path="x"), free=16 * GIB, rooms=(gpu(0.5),), loaded=first.offload)
        assert not further.offload_kv
        assert further.offload.layers == first.offload.layers == BLOCKS + 1
        assert further.offload.used == (further.compute,)
        assert further.cache == further.cells * TOKEN

    def test_a_given_number_of_layers_is_not_checked(self) -> None:
        spec = LlamaSpec(path="x", gpu_layers="all")
        further = plan_memory(HEADER, spec, free=16 * GIB, rooms=(gpu(0.1),), loaded=plan(16, (gpu(9),)).offload)
        assert further.offload_kv
