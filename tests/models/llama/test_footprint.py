"""What a header tells of a model's memory, held against what llama.cpp itself says while it loads."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.models.gguf import Header, Tensor, read_header
from agentnet.models.llama import loading
from agentnet.models.llama.footprint import footprint
from agentnet.models.llama.ledger import Ledger
from agentnet.zoo import catalog
from tests.models.llama.architectures import write_recurrent

MIB = 2**20
_BUFFER = re.compile(r"(model|KV|RS|compute|output) buffer size *= *([\d.]+) MiB")


def told(caplog: pytest.LogCaptureFixture, path: Path, spec: LlamaSpec) -> tuple[dict[str, float], loading.MemoryPlan]:
    """The sizes in MiB that llama.cpp logs while it loads a file, by their names, and our plan."""
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "agentnet.llama"):
        loaded = loading.load(path, spec, memory=Ledger(), threads=1)
        loaded.close()
    found: dict[str, float] = {}
    for record in caplog.records:
        if size := _BUFFER.search(record.getMessage()):
            found[size[1]] = found.get(size[1], 0.0) + float(size[2])
    return found, loaded.reservation.plan


@pytest.fixture(params=[*catalog.zoo_cards(), "chain", "recurrent"])
def path(request: pytest.FixtureRequest, chain_file: Path, tmp_path: Path) -> Path:
    if request.param == "chain":
        return chain_file
    return write_recurrent(tmp_path / "r.gguf") if request.param == "recurrent" else catalog.path(request.param)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"sequences": 2, "cache_tokens": 8192, "batch": 64},
        {"kv_type_k": "f32", "kv_type_v": "bf16"},
        {"flash_attention": "off"},
    ],
)
def test_weights_and_cache_are_exact_and_buffers_suffice(
    caplog: pytest.LogCaptureFixture, path: Path, settings: dict[str, object]
) -> None:
    found, plan = told(caplog, path, LlamaSpec.model_validate({"path": "x", **settings}))
    assert plan.weights / MIB == pytest.approx(found["model"], abs=0.01)
    assert plan.cache / MIB == pytest.approx(found.get("KV", 0.0) + found.get("RS", 0.0), abs=0.01)
    buffers = found["compute"] + found["output"]
    assert buffers <= plan.compute / MIB <= 1.6 * buffers + 1.5


def test_a_quantised_cache(caplog: pytest.LogCaptureFixture, chain_file: Path) -> None:
    for kind in ("q8_0", "q4_0"):
        found, plan = told(caplog, chain_file, LlamaSpec(path="x", kv_type_k=kind, kv_type_v=kind))
        assert plan.cache / MIB == pytest.approx(found["KV"], abs=0.01)


def header(**settings: object) -> Header:
    blocks = [Tensor(f"blk.{block}.{part}", 100) for block in range(4) for part in ("attn_q.weight", "ffn_up.weight")]
    around = [Tensor("token_embd.weight", 1000), Tensor("output_norm.weight", 1), Tensor("output.weight", 3000)]
    own = {"block_count": 4, "embedding_length": 64, "attention.head_count": 8, **settings}
    numbers = {name.replace("__", "."): value for name, value in own.items()}
    return Header(3, "x", "x", 512, 1, 10, None, numbers, (*around, *blocks), 0, 0)


def test_weights_are_told_apart_by_where_they_lie() -> None:
    found = footprint(header())
    assert (found.blocks, found.embedding, found.output, found.tied) == ((200,) * 4, 1000, 3001, False)
    assert found.weights == 4 * 200 + 1000 + 3001


def test_a_tied_output_is_in_memory_once_but_copied_to_a_gpu() -> None:
    whole = header()
    tied = Header(
        *(getattr(whole, name) for name in Header.__slots__[:8]),
        tensors=tuple(tensor for tensor in whole.tensors if tensor.name != "output.weight"),
        file_size=0,
        expected_size=0,
    )
    found = footprint(tied)
    assert (found.weights, found.output) == (4 * 200 + 1001, 1001)


@pytest.mark.parametrize(
    ("settings", "cache"),
    [
        ({}, (8 * 8 * 4,) * 4),
        ({"attention__head_count_kv": 2}, (2 * 8 * 4,) * 4),
        ({"attention__key_length": 16, "attention__value_length": 4}, (8 * 20 * 2,) * 4),
        ({"attention__head_count_kv": (1, 0, 2, 0)}, (32, 0, 64, 0)),
        ({"attention__head_count_kv": (1, 0)}, (32, 0, 256, 256)),
        ({"full_attention_interval": 2}, (0, 256, 0, 256)),
        ({"attention__shared_kv_layers": 3}, (256, 0, 0, 0)),
        ({"attention__head_count": 0}, (0, 0, 0, 0)),
    ],
)
def test_bytes_that_a_token_adds_to_each_block(settings: dict[str, object], cache: tuple[int, ...]) -> None:
    assert footprint(header(**settings)).cache == cache


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ({}, (0, 0, 0, 0)),
        ({"attention__head_count": 0, "wkv__head_size": 16}, (4 * 64 * 18,) * 4),
        ({"attention__head_count_kv": (0, 2, 0, 0), "shortconv__l_cache": 3}, (512, 0, 512, 512)),
        (
            {"attention__head_count_kv": 2, "ssm__inner_size": 128, "ssm__state_size": 16, "ssm__conv_kernel": 4},
            (4 * (3 * 128 + 16 * 128),) * 4,
        ),
    ],
)
def test_bytes_that_recurrent_blocks_keep_for_a_sequence(settings: dict[str, object], state: tuple[int, ...]) -> None:
    found = footprint(header(**settings))
    assert found.state == state
    assert found.recurrent == any(state)


def test_a_header_that_lies_about_its_layers_costs_no_memory() -> None:
    assert len(footprint(header(block_count=2**40)).blocks) == 11


def test_the_parameters_of_a_zoo_model_are_its_weights() -> None:
    found = read_header(catalog.path("math"))
    assert footprint(found).weights == sum(tensor.size for tensor in found.tensors)
