"""Generated models with real vocabularies, run by the real llama.cpp: they say what they are made to say."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from agentnet.contracts.sampling import Sampling
from agentnet.fusion.loop import FusionLoop
from agentnet.fusion.members import LocalMember
from agentnet.fusion.strategies import DuetNet
from agentnet.models.base import Request
from agentnet.models.tokens import Row
from benchmarks.generated import Chain, MissingVocabulary, model_file, names_in, usable, vocabularies
from benchmarks.generated.chains import links_of
from benchmarks.generated.texts import TEXTS
from tests.real_vocabularies import LINE, NAMES, tiny, vocabulary_or_skip


def ask(tokens: int = 120) -> Request:
    return Request(({"role": "user", "content": LINE},), Sampling(max_tokens=tokens))


@pytest.mark.parametrize(("shape", "name"), [*(("tiny", name) for name in NAMES), ("m100", "qwen2")])
async def test_a_chain_says_its_text_and_ends(shape: str, name: str) -> None:
    model = tiny(name, shape=shape)
    try:
        reply = await model.generate(ask())
    finally:
        await model.close()
    assert (reply.text.removeprefix(" "), reply.finish) == (TEXTS["river"], "stop")


@pytest.mark.parametrize("name", NAMES)
def test_every_text_can_be_a_chain_in_every_vocabulary(name: str) -> None:
    with vocabularies.open_vocabulary(vocabulary_or_skip(name)) as vocabulary:
        for text in TEXTS.values():
            links = links_of(Chain(text, ends=True), vocabulary, room=500)
            assert b"".join(map(vocabulary.piece, links.tokens)).removeprefix(b" ").decode() == text
            assert vocabulary.ends(links.next[links.tokens[-1]])


async def test_a_chain_without_an_end_begins_again() -> None:
    model = tiny("gpt-2", Chain(TEXTS["science"]))
    try:
        reply = await model.generate(ask(60))
    finally:
        await model.close()
    assert (reply.usage.completion_tokens, reply.finish) == (60, "length")
    assert f" {TEXTS['science']} {TEXTS['science']} Photo" in f"{reply.text} Photo"


@pytest.mark.parametrize("top", [0.5, 0.9, 0.999])
async def test_the_text_is_about_as_likely_as_wished(top: float) -> None:
    model = tiny("gpt-2", Chain(ends=True, top=top))
    session = await model.open_session(ask())
    try:
        row = np.asarray(await session.step((), Row()), np.float64)
    finally:
        session.close()
        await model.close()
    shares = np.exp(row - row.max())
    doubt = 1 - shares.max() / shares.sum()
    assert 0.3 * (1 - top) < doubt < 3 * (1 - top)


@pytest.mark.slow
async def test_models_of_two_vocabularies_write_one_text_together() -> None:
    models = [tiny("qwen2"), tiny("llama-bpe")]
    try:
        members = [LocalMember(str(number), await model.open_session(ask())) for number, model in enumerate(models)]
        fused = await FusionLoop(members, DuetNet(values="logprobs"), limit=120).decode()
    finally:
        for model in models:
            await model.close()
    assert (fused.text, fused.finish) == (TEXTS["river"], "stop")


def test_a_text_that_repeats_a_token_is_refused() -> None:
    with (
        vocabularies.open_vocabulary(vocabulary_or_skip("gpt-2")) as vocabulary,
        pytest.raises(ValueError, match="the token b' the' twice"),
    ):
        links_of(Chain("Over the hills and the sea"), vocabulary, room=500)


def test_a_file_is_written_once_and_not_reused_for_anything_else(tmp_path: Path) -> None:
    vocabulary_or_skip("llama-spm")
    first = model_file("tiny@llama-spm", folder=tmp_path)
    written = first.stat().st_mtime_ns
    assert model_file("tiny@llama-spm", folder=tmp_path) == first
    assert first.stat().st_mtime_ns == written
    assert model_file("tiny@llama-spm", Chain(seed=1), tmp_path) != first
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".gguf", ".gguf"]


def test_a_missing_vocabulary_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(vocabularies.VARIABLE, str(tmp_path))
    with pytest.raises(MissingVocabulary, match=r"no .*ggml-vocab-qwen2\.gguf: run `make bench-vocabularies`, or set"):
        model_file("tiny@qwen2")
    assert list(usable(["m100", "m100@qwen2+zoo:scout"])) == ["m100"]
    assert capsys.readouterr().out.startswith("m100@qwen2+zoo:scout: skipped, there is no ")
    monkeypatch.setenv(vocabularies.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(MissingVocabulary, match=r"AGENTNET_VOCABULARIES is .*nowhere, which is no folder"):
        model_file("tiny@qwen2")


def test_a_single_name_stands_for_two_copies() -> None:
    assert names_in("m100") == ("m100", "m100")
    assert names_in("m100@qwen2+m100@llama-bpe") == ("m100@qwen2", "m100@llama-bpe")


def test_vocabularies_are_taken_from_a_source_archive_and_checked(tmp_path: Path) -> None:
    path = vocabulary_or_skip("qwen2")
    archive = tmp_path / "llama_cpp_python-9.tar.gz"

    def pack(folder: Path) -> None:
        with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
            for name in NAMES:
                file = vocabularies.file_name(name)
                packed.add(folder / file, f"llama_cpp_python-9/vendor/llama.cpp/models/{file}")

    pack(path.parent)
    vocabularies.extract(archive, tmp_path / "vocab")
    assert (tmp_path / "vocab" / path.name).read_bytes() == path.read_bytes()
    (tmp_path / "vocab" / "ggml-vocab-phi-3.gguf").write_bytes(b"GGUF")
    pack(tmp_path / "vocab")
    with pytest.raises(MissingVocabulary, match=r"ggml-vocab-phi-3\.gguf of .* is not the known one"):
        vocabularies.extract(archive, tmp_path / "vocab")
