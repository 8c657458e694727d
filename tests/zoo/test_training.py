"""Training the zoo: tokens, logits and chats are the same in PyTorch and llama.cpp; a run learns and resumes."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install 'agentnet-ai[train]'")
pytest.importorskip("gguf", reason="training needs gguf: pip install 'agentnet-ai[train]'")
pytest.importorskip("tokenizers", reason="training needs tokenizers: pip install 'agentnet-ai[train]'")

import llama_cpp  # noqa: E402

from tests.zoo.examples import additions  # noqa: E402
from tools.zoo.training import tokenizer  # noqa: E402
from tools.zoo.training.batches import batches  # noqa: E402
from tools.zoo.training.export import export  # noqa: E402
from tools.zoo.training.network import Network  # noqa: E402
from tools.zoo.training.recipe import Recipe  # noqa: E402
from tools.zoo.training.tokenizer import ASSISTANT, END, USER, Vocabulary  # noqa: E402
from tools.zoo.training.train import train  # noqa: E402

STRINGS = [
    "347+285",
    "7+5=12,4+8+1=13,3+2+1=6 => 632",
    " two  spaces, and   three ",
    "\n\nlines\n \n end\n",
    "Tabs\tand\r\nCRLF",
    "don't WE'LL i'm they'RE x's",
    "What is the capital of Peru?\nA: Lima\nB: approve 12.5%",
    '{"reason":"a=>b","choice":"A"}',
    "café, naïve, Zürich, 東京, Ωmega, 🙂",
    "<unk> <s> <|end|> <|user|> <|im_end|> <0x41>",
    "a" * 70 + "!!!???--==__",
    "3x^2+5x-7=0; d/dx(x*x)",
    "",
    " ",
    "x",
]
KINDS = [("chars", 0), ("bpe", 512), ("bpe", 1536)]


@pytest.fixture(scope="module", params=KINDS, ids=["chars", "bpe-512", "bpe-1536"])
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    kind, size = request.param
    texts = (
        [text for pair in islice(additions(5), 500) for text in pair] + STRINGS[1:8] * 3 + [Path(__file__).read_text()]
    )
    return tokenizer.build(kind, size, texts)


def recipe(arch: str = "llama", **fields: object) -> Recipe:
    base = Recipe(
        name="tiny",
        description="A model for tests.",
        roles=["solver"],
        arch=arch,
        tokenizer="chars",
        width=32,
        layers=2,
        heads=4,
        kv_heads=2,
        ffn=64,
        mixture={"solve:math": 1.0},
        steps=20,
        context=128,
        batch_tokens=1024,
        warmup=2,
    )
    return replace(base, **fields)


def exported(network: Network, vocabulary: Vocabulary, folder: Path) -> llama_cpp.Llama:
    path = folder / "model.gguf"
    export(network, vocabulary, "tiny", path)
    return llama_cpp.Llama(str(path), n_ctx=256, n_threads=1, logits_all=True, verbose=False)


def test_llama_cpp_splits_text_exactly_as_training_does(vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = exported(Network(recipe().shape(vocabulary.size)), vocabulary, tmp_path)
    for text in STRINGS:
        (ours,) = vocabulary.encode([text])
        assert ours == model.tokenize(text.encode(), add_bos=False, special=False), text
        assert vocabulary.decode(ours) == text
        assert model.detokenize(ours).decode() == text


def test_a_saved_vocabulary_is_the_same_vocabulary(vocabulary: Vocabulary, tmp_path: Path) -> None:
    vocabulary.save(tmp_path / "tokenizer.json")
    again = tokenizer.load(tmp_path / "tokenizer.json")
    assert again.size == vocabulary.size
    assert again.encode(STRINGS) == vocabulary.encode(STRINGS)


def test_a_chat_is_evaluated_as_it_was_trained(vocabulary: Vocabulary, tmp_path: Path) -> None:
    model = exported(Network(recipe().shape(vocabulary.size)), vocabulary, tmp_path)
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "347+285"},
        {"role": "assistant", "content": "=> 632"},
        {"role": "user", "content": " and again\n"},
    ]
    model.create_chat_completion(messages, max_tokens=1, temperature=0.0)
    first, reply, second = vocabulary.encode(["Be brief.\n347+285", "=> 632", " and again\n"])
    expected = [USER, *first, END, ASSISTANT, *reply, END, USER, *second, END, ASSISTANT]
    assert model.input_ids[: len(expected)].tolist() == expected
    assert model.token_eos() == END


@pytest.mark.parametrize("arch", ["llama", "qwen3"])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_llama_cpp_computes_the_same_logits(arch: str, tied: bool, vocabulary: Vocabulary, tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = Network(recipe(arch, tied=tied, head_dim=16 if arch == "qwen3" else 0).shape(vocabulary.size))
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(4 if weight.dim() == 2 else 1).add_(torch.randn_like(weight) * 0.02)
    model = exported(network, vocabulary, tmp_path)
    (tokens,) = vocabulary.encode([STRINGS[1] + STRINGS[6]])
    model.eval(tokens)
    with torch.no_grad():
        ours = network(torch.tensor(tokens), [(1, len(tokens))]).numpy()
    theirs = model.scores[: len(tokens)]
    assert np.abs(ours - theirs).max() < 0.01 * np.abs(ours).max()


def test_batches_hold_every_completion_and_little_padding() -> None:
    vocabulary = tokenizer.build("chars", 0, [])
    stream = batches(additions, vocabulary, context=128, batch_tokens=4096, seed=1)
    for batch in islice(stream, 20):
        assert sum(count * length for count, length in batch.blocks) == len(batch.tokens)
        assert (batch.tokens == tokenizer.PAD).mean() < 0.02
        for line in vocabulary.decode(batch.targets).split("\n"):
            assert "=>" in line
        assert (batch.tokens[batch.rows[1:]] == batch.targets[:-1])[batch.targets[:-1] != END].all()


def test_batches_go_on_from_any_place() -> None:
    vocabulary = tokenizer.build("chars", 0, [])
    straight = list(islice(batches(additions, vocabulary, 128, 4096, seed=1), 60))
    resumed = islice(batches(additions, vocabulary, 128, 4096, seed=1, start=straight[39].after), 20)
    for ours, theirs in zip(straight[40:], resumed, strict=True):
        assert (ours.tokens == theirs.tokens).all()
        assert ours.after == theirs.after


def test_a_short_run_lowers_the_loss_and_writes_a_model(tmp_path: Path) -> None:
    start = train(recipe(), additions, tmp_path / "a.gguf", work=tmp_path / "a", threads=1, stop_at=1)
    end = train(recipe(), additions, tmp_path / "a.gguf", work=tmp_path / "a", threads=1)
    assert end < start
    model = llama_cpp.Llama(str(tmp_path / "a.gguf"), n_ctx=128, n_threads=1, verbose=False)
    assert model.metadata["general.architecture"] == "llama"
    assert model.create_chat_completion([{"role": "user", "content": "1+1"}], max_tokens=4)["choices"]


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    train(recipe(), additions, tmp_path / "a.gguf", work=tmp_path / "a", threads=1)
    train(recipe(), additions, tmp_path / "b.gguf", work=tmp_path / "b", threads=1, stop_at=10)
    train(recipe(), additions, tmp_path / "b.gguf", work=tmp_path / "b", threads=1)
    assert (tmp_path / "a.gguf").read_bytes() == (tmp_path / "b.gguf").read_bytes()


def test_another_shape_in_the_checkpoint_is_refused(tmp_path: Path) -> None:
    train(recipe(), additions, tmp_path / "a.gguf", work=tmp_path / "a", threads=1, stop_at=1)
    with pytest.raises(ValueError, match="another shape"):
        train(recipe(ffn=96), additions, tmp_path / "a.gguf", work=tmp_path / "a", threads=1)
