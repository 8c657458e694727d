"""From a file and a spec to a model: what is refused, what is only noted, and what the chat template gets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.errors import ModelError, ModelFileError
from agentnet.models.base import ChatMessage, Request
from agentnet.models.devices import Device, supports_gpu_offload
from agentnet.models.gguf import read_header
from agentnet.models.llama import LlamaModel, loading, weights
from agentnet.models.llama.ledger import Ledger
from agentnet.models.llama.offload import Offload
from agentnet.models.llama.template import ChatTemplate
from tests.models.llama.architectures import write_hybrid, write_recurrent, write_windowed
from tests.models.llama.conftest import SAID, Open
from tests.models.llama.files import CONTEXT, HEADS, LAYERS, SIZE, TURN, WIDTH, path_through, tokens_of, write_chain

HI: tuple[ChatMessage, ...] = ({"role": "user", "content": "hi"},)


def test_the_header_tells_what_the_file_holds(chain_file: Path) -> None:
    header = read_header(chain_file)
    assert (header.architecture, header.name, header.context, header.vocabulary) == ("llama", "Tiny", CONTEXT, SIZE)
    assert (header.settings["block_count"], header.settings["attention.head_count"]) == (LAYERS, HEADS)
    assert sum(tensor.size for tensor in header.tensors) == 4 * header.parameters
    assert header.parameters > 2 * SIZE * WIDTH
    assert header.expected_size <= header.file_size == chain_file.stat().st_size


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("llama.block_count", b"\0\0\0\0", "block_count is 0"),
        ("llama.attention.layer_norm_rms_epsilon", b"\0\0\x80\xbf", "is -1.0"),
    ],
)
def test_values_that_would_end_the_process_are_refused(
    chain_file: Path, tmp_path: Path, key: str, value: bytes, says: str
) -> None:
    data = bytearray(chain_file.read_bytes())
    at = data.index(key.encode()) + len(key) + 4
    data[at : at + 4] = value
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(data)
    with pytest.raises(ModelFileError, match=says):
        LlamaModel(broken, LlamaSpec(path="x", threads=1))


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 9000), st.binary(min_size=1, max_size=4))
def test_a_damaged_header_loads_or_is_refused(chain_file: Path, tmp_path: Path, at: int, noise: bytes) -> None:
    data = bytearray(chain_file.read_bytes())
    data[at : at + len(noise)] = noise
    broken = tmp_path / "damaged.gguf"
    broken.write_bytes(data)
    with contextlib.suppress(ModelFileError):
        loading.load(broken, LlamaSpec(path="x", context=64), memory=Ledger(), threads=1).close()


def test_a_context_that_no_memory_holds_is_refused_before_it_is_tried(chain_file: Path) -> None:
    with pytest.raises(
        ModelFileError, match=r"KV cache \d+\.\d GiB \(10000000000 tokens\) .* are free; set a smaller `con"
    ):
        LlamaModel(chain_file, LlamaSpec(path="x", context=10**10))


def test_a_quantised_value_cache_needs_flash_attention(chain_file: Path) -> None:
    with pytest.raises(ModelFileError, match="flash attention"):
        LlamaModel(chain_file, LlamaSpec(path="x", kv_type_v="q8_0", flash_attention="off", threads=1))


async def test_every_way_to_load_gives_the_same_text(opened: Open, chain_file: Path) -> None:
    for wish in (
        {"mmap": False},
        {"mlock": True},
        {"flash_attention": "on"},
        {"flash_attention": "off"},
        {"kv_type_k": "q8_0", "kv_type_v": "q8_0", "flash_attention": "on"},
        {"tensor_split": (1.0,), "split_mode": "none", "offload_kv": False, "gpu_layers": "none"},
    ):
        model = opened(chain_file, **wish)
        assert (await model.generate(Request(HI))).text == SAID


async def test_a_model_in_several_files_is_opened_by_its_first(opened: Open, tmp_path: Path) -> None:
    logits = path_through(*tokens_of("añ"), TURN)
    whole = write_chain(tmp_path / "whole.gguf", logits)
    write_chain(tmp_path / "part.gguf", logits, split=8)
    first = tmp_path / "part-00001-of-00003.gguf"
    one, several = (read_header(path) for path in (whole, first))
    assert {tensor.name: tensor.size for tensor in several.tensors} == {
        tensor.name: tensor.size for tensor in one.tensors
    }
    assert (await opened(first).generate(Request(HI))).text == "añ"


class TestReason:
    """Why llama.cpp could not load a file: what it says first, on the thread that loads."""

    def test_an_architecture_that_llama_cpp_does_not_know_is_named(self, tmp_path: Path) -> None:
        file = write_chain(tmp_path / "new.gguf", {}, architecture="qwenx")
        with pytest.raises(
            ModelFileError, match=r"new\.gguf: llama\.cpp cannot load it: .*unknown model architecture: 'qwenx'"
        ):
            LlamaModel(file, LlamaSpec(path="x", threads=1))

    def test_a_tensor_that_is_missing_is_named(self, chain_file: Path, tmp_path: Path) -> None:
        broken = tmp_path / "broken.gguf"
        broken.write_bytes(chain_file.read_bytes().replace(b"blk.1.attn_k.weight", b"blk.1.attn_x.weight"))
        with pytest.raises(ModelFileError, match=r"blk\.1\.attn_k\.weight"):
            LlamaModel(broken, LlamaSpec(path="x", threads=1))

    async def test_loads_beside_each_other_and_an_engine_at_work_each_have_their_own(
        self, opened: Open, random_file: Path, tmp_path: Path
    ) -> None:
        names = [f"new{number:02}" for number in range(20)]
        files = [write_chain(tmp_path / f"{name}.gguf", {}, architecture=name) for name in names]
        engine = opened(random_file)
        over = asyncio.Event()

        async def work() -> int:
            replies = 0
            while not over.is_set() or not replies:
                await engine.generate(Request(HI, Sampling(max_tokens=20)))
                replies += 1
            return replies

        def reason(file: Path) -> str:
            with pytest.raises(ModelFileError) as raised:
                LlamaModel(file, LlamaSpec(path="x", threads=1))
            return str(raised.value)

        working = [asyncio.create_task(work()) for _ in range(4)]
        await engine.generate(Request(HI, Sampling(max_tokens=1)))
        reasons = await asyncio.gather(*(asyncio.to_thread(reason, file) for file in files))
        over.set()
        assert min(await asyncio.gather(*working)) > 0
        for name, said in zip(names, reasons, strict=True):
            assert f"unknown model architecture: '{name}'" in said

    def test_what_failed_before_is_not_the_reason(
        self, chain_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = write_chain(tmp_path / "new.gguf", {}, architecture="qwenx")
        with pytest.raises(ModelFileError, match="qwenx"):
            LlamaModel(file, LlamaSpec(path="x", threads=1))
        monkeypatch.setattr(weights, "load_weights", lambda *_: None)
        with pytest.raises(ModelFileError, match="cannot load it: no reason given"):
            LlamaModel(chain_file, LlamaSpec(path="x", threads=1))


class TestGpu:
    """There is none here: a made-up device stands for one, and llama.cpp for a driver that runs out of memory."""

    @pytest.fixture
    def tried(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """The numbers of layers that were tried; none but zero can be loaded."""
        real = weights.load_weights
        tried: list[int] = []

        def out_of_memory(path: Path, spec: LlamaSpec, offload: Offload) -> object:
            tried.append(offload.layers)
            return None if offload.layers else real(path, spec, offload)

        device = Device("GPU0", "made up", "gpu", free=4 * 2**30, total=8 * 2**30)
        monkeypatch.setattr(loading, "offload_devices", lambda: [device])
        monkeypatch.setattr(weights, "load_weights", out_of_memory)
        return tried

    async def test_auto_steps_down_to_the_cpu_where_the_gpu_fails(
        self, opened: Open, chain_file: Path, tried: list[int]
    ) -> None:
        model = opened(chain_file)
        assert tried == [LAYERS + 1, 1, 0]
        assert any("could not take 3 layers" in note for note in model.notes)
        assert any("runs on the CPU" in note for note in model.notes)
        assert (await model.generate(Request(HI))).text == SAID

    @pytest.mark.parametrize("wish", ["all", 2])
    def test_an_explicit_wish_that_fails_is_an_error(
        self, opened: Open, chain_file: Path, tried: list[int], wish: object
    ) -> None:
        with pytest.raises(ModelFileError, match="cannot load"):
            opened(chain_file, gpu_layers=wish)
        assert tried == [LAYERS + 1 if wish == "all" else 2]

    def test_none_does_not_look_for_one(self, opened: Open, chain_file: Path, tried: list[int]) -> None:
        assert opened(chain_file, gpu_layers="none").notes == ()
        assert tried == [0]

    def test_a_device_that_is_not_there_is_an_error(self, opened: Open, chain_file: Path, tried: list[int]) -> None:
        with pytest.raises(ModelFileError, match="main_gpu is 3, but there are 1"):
            opened(chain_file, main_gpu=3, split_mode="none")
        assert tried == []


@pytest.mark.skipif(supports_gpu_offload(), reason="needs a build without GPU support")
def test_without_a_gpu_auto_says_so_and_an_explicit_wish_is_an_error(opened: Open, chain_file: Path) -> None:
    assert any("no GPU support" in note for note in opened(chain_file).notes)
    with pytest.raises(ModelFileError, match=r'built without GPU support; .*CMAKE_ARGS="-DGGML_CUDA=on"'):
        opened(chain_file, gpu_layers=1)


class TestCache:
    def test_every_request_has_its_context_and_all_together_the_cache(self, chain_file: Path) -> None:
        spec = LlamaSpec(path="x", context=100, sequences=3, cache_layout="pool")
        loaded = loading.load(chain_file, spec, memory=Ledger(), threads=1)
        loaded.close()
        assert (loaded.size, loaded.cells, loaded.row, loaded.sequences, loaded.forks) == (100, 512, 0, 8, True)

    def test_or_a_row_of_its_own(self, chain_file: Path) -> None:
        loaded = loading.load(chain_file, LlamaSpec(path="x", context=100, sequences=3), memory=Ledger(), threads=1)
        loaded.close()
        assert (loaded.size, loaded.cells, loaded.row, loaded.sequences, loaded.forks) == (100, 1536, 256, 6, True)

    @pytest.mark.parametrize("write", [write_windowed, write_recurrent, write_hybrid])
    def test_models_without_rows_say_so(self, tmp_path: Path, write: Callable[[Path], Path]) -> None:
        spec = LlamaSpec(path="x", context=100, cache_layout="rows")
        loaded = loading.load(write(tmp_path / "m.gguf"), spec, memory=Ledger(), threads=1)
        loaded.close()
        assert loaded.row == 0
        assert any("one pool" in note for note in loaded.notes)

    def test_a_cache_for_many_is_no_reason_to_warn(self, chain_file: Path, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING, "agentnet.llama"):
            loaded = loading.load(chain_file, LlamaSpec(path="x"), memory=Ledger(), threads=1)
        loaded.close()
        assert loaded.cells > CONTEXT
        assert caplog.records == []

    def test_its_size_can_be_given(self, chain_file: Path) -> None:
        for tokens, cells in ((1000, 1024), (16, 256)):
            loaded = loading.load(
                chain_file, LlamaSpec(path="x", context=200, cache_tokens=tokens), memory=Ledger(), threads=1
            )
            assert (loaded.size, loaded.cells) == (200, cells)
            loaded.close()

    def test_a_model_holds_its_promise_of_memory_until_it_is_closed(self, chain_file: Path) -> None:
        memory = Ledger()
        loaded = loading.load(chain_file, LlamaSpec(path="x"), memory=memory, threads=1)
        assert len(memory) == 2  # for the weights and for the context
        loaded.close()
        loaded.close()
        assert len(memory) == 0

    def test_what_cannot_be_loaded_holds_none(self, chain_file: Path, tmp_path: Path) -> None:
        memory = Ledger()
        broken = tmp_path / "broken.gguf"
        broken.write_bytes(chain_file.read_bytes().replace(b"attn_k.weight", b"attn_x.weight"))
        with pytest.raises(ModelFileError, match="cannot load it"):
            loading.load(broken, LlamaSpec(path="x"), memory=memory, threads=1)
        assert len(memory) == 0


async def test_llama_cpp_logs_through_logging_and_prints_nothing(
    opened: Open, chain_file: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG, "agentnet.llama"):
        await opened(chain_file).generate(Request(HI))
    assert any("n_ctx" in record.message for record in caplog.records)
    assert capfd.readouterr() == ("", "")


def test_a_load_that_fails_prints_nothing(tmp_path: Path) -> None:
    """In a process that has not set up logging, Python would print what nothing handles."""
    file = write_chain(tmp_path / "new.gguf", {}, architecture="qwenx")
    code = (
        "from agentnet.contracts.model_specs import LlamaSpec\n"
        "from agentnet.errors import ModelFileError\n"
        "from agentnet.models.llama import LlamaModel\n"
        "try:\n"
        f"    LlamaModel(__import__('pathlib').Path({str(file)!r}), LlamaSpec(path='x'))\n"
        "except ModelFileError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "unknown model architecture" in done.stdout
    assert done.stderr == ""


class TestTemplates:
    async def test_the_specs_template_replaces_the_files(self, opened: Open, chain_file: Path) -> None:
        own, other = opened(chain_file), opened(chain_file, chat_template="{{ messages[0].content }}>")
        assert own.count_tokens(Request(HI)) == 1 + len("user: hi\n>")
        assert other.count_tokens(Request(HI)) == 1 + len("hi>")

    async def test_the_first_token_is_not_doubled(self, opened: Open, chain_file: Path) -> None:
        model = opened(chain_file, chat_template="{{ bos_token }}{{ messages[0].content }}>{{ '</s>' }}")
        assert model.count_tokens(Request(HI)) == 1 + len("hi>") + 1

    async def test_a_file_without_one_gets_a_common_one(self, opened: Open, tmp_path: Path) -> None:
        model = opened(write_chain(tmp_path / "plain.gguf", path_through(*tokens_of("ok")), template=None))
        assert (await model.generate(Request(HI, Sampling(max_tokens=1)))).usage.prompt_tokens > len("userhiassistant")

    @pytest.mark.parametrize("text", ["{% if %}", "{{ x", "{% for %}"])
    def test_one_that_is_no_template_is_refused(self, chain_file: Path, text: str) -> None:
        with pytest.raises(ModelFileError, match="chat_template"):
            LlamaModel(chain_file, LlamaSpec(path="x", chat_template=text, threads=1))

    @pytest.mark.parametrize(
        "text",
        [
            "{{ raise_exception('System role not supported') }}",
            "{{ 1 / 0 }}",
            "{{ messages + 1 }}",
            "{{ ''.__class__.__mro__ }}",
            "{% for i in range(10 ** 9) %}x{% endfor %}",
        ],
    )
    def test_one_that_refuses_or_fails_is_a_typed_error(self, text: str) -> None:
        template = ChatTemplate(text, path=Path("some.gguf"), bos="<s>", eos="</s>")
        with pytest.raises(ModelError, match=r"some\.gguf: its chat template refuses"):
            template.render(HI)

    async def test_an_empty_prompt_is_an_error(self, opened: Open, chain_file: Path) -> None:
        model = opened(chain_file, chat_template="{# nothing #}")
        model._vocabulary.adds_bos = False
        with pytest.raises(ModelError, match="prompt is empty"):
            await model.generate(Request(HI, Sampling(max_tokens=1)))
