"""Mutated model files of the zoo: loaded, asked and closed."""

from __future__ import annotations

import asyncio
import math
import os
import random
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path

from agentnet.contracts.model_specs import LlamaSpec
from agentnet.contracts.sampling import Sampling
from agentnet.models.base import Request
from agentnet.models.llama import LlamaModel
from agentnet.models.llama.machine import Machine
from agentnet.zoo import catalog
from benchmarks.fuzz.gguf_document import ARRAY, FORMS, STRING, UINT32, Document, Entry, read

MODELS = ("scout", "sage", "planner", "facts")
"""Of several architectures and tokenizers, and the smallest of each."""
ASK = Request(
    ({"role": "user", "content": "What is 17 + 23? ñ 語 😀 \t\r\n\0 \x7f <0x0A> <|im_end|>"},),
    Sampling(max_tokens=6),
    logprobs=True,
)
EXTREMES = (0, 1, 2, 3, 7, 31, 255, 256, 65535, 2**20, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**62, 2**63, 2**64 - 1, -1)
TOKENIZERS = (b"llama", b"gpt2", b"bert", b"t5", b"rwkv", b"plamo2", b"none", b"no_vocab", b"test", b"gemma4", b"",
              b"whitespace", b"hybriddna", b"x" * 5000)  # fmt: skip
PRES = (b"default", b"llama-bpe", b"qwen2", b"deepseek-llm", b"gpt-2", b"tekken", b"chatglm-bpe", b"kimi-k2", b"", b"?")
ARCHITECTURES = (b"llama", b"qwen2", b"qwen3", b"gemma", b"gemma2", b"gemma3", b"phi3", b"falcon", b"mamba", b"mamba2",
                 b"rwkv6", b"gpt2", b"bert", b"t5", b"mpt", b"starcoder", b"bloom", b"deepseek2", b"qwen2moe", b"olmo",
                 b"jamba", b"clip", b"stablelm", b"", b"%s%n")  # fmt: skip


class Gguf:
    """Model files of the zoo with one to three changes."""

    name = "gguf"

    def write(self, draw: random.Random, folder: Path) -> tuple[Path, str]:
        model = draw.choice(MODELS)
        document, data, changes = deepcopy(_document(model)), None, []
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            change = draw.choice(CHANGES)
            changes.append(f"{change.__name__.strip('_')} {change(draw, document)}")
        data = document.written()
        if draw.random() < 0.2:
            change = draw.choice(CHANGES_OF_BYTES)
            data, what = change(draw, data)
            changes.append(what)
        path = folder / "model.gguf"
        path.write_bytes(data)
        return path, f"{model}: {', '.join(changes)}"

    def use(self, path: Path) -> str:
        os.environ["XDG_CACHE_HOME"] = str(path.parent / "cache")  # nothing is known
        return asyncio.run(_ask(path))


async def _ask(path: Path) -> str:
    model = LlamaModel(path, LlamaSpec(path=str(path), context=128, sequences=2), Machine(cores=1))
    try:
        model.tokens("".join(map(chr, range(0x800))) + "\U0001f600\U0010ffff語")
        completion = await model.generate(ASK)
        scores = await model.score(ASK, ["yes", "no"])
    finally:
        await model.close()
    numbers = [*(completion.logprobs or ()), *scores.totals]
    if not all(map(math.isfinite, numbers)):
        raise ArithmeticError(f"log-probabilities that are no numbers: {numbers}")
    return repr(completion.text)


@cache
def _document(model: str) -> Document:
    return read(catalog.path(model))


def _extreme(draw: random.Random, kind: int) -> int | float | bool:
    """A number that fits into a type."""
    if FORMS[kind] in "fd":
        return draw.choice((0.0, -1.0, 1e-30, 1e30, math.inf, -math.inf, math.nan, 0.5))
    if FORMS[kind] == "?":
        return draw.random() < 0.5
    bits = {"B": 8, "b": 8, "H": 16, "h": 16, "I": 32, "i": 32, "Q": 64, "q": 64}[FORMS[kind]]
    value = draw.choice(EXTREMES) % 2**bits
    return value - 2**bits if FORMS[kind].islower() and value >= 2 ** (bits - 1) else value


def _entry(draw: random.Random, document: Document) -> Entry:
    return draw.choice(document.entries)


def _number(draw: random.Random, document: Document) -> str:
    scalars = [entry for entry in document.entries if entry.kind in FORMS]
    entry = draw.choice(scalars)
    if FORMS[entry.kind] not in "fd?" and draw.random() < 0.5:
        entry.value = max(0, entry.value + draw.choice((-1, 1, 2, -3, 8, entry.value)))
    else:
        entry.value = _extreme(draw, entry.kind)
    return f"{entry.key.decode()}={entry.value}"


def _special(draw: random.Random, document: Document) -> str:
    entries = [entry for entry in document.entries if entry.key.endswith(b"_token_id")]
    entry = draw.choice(entries)
    entry.value = draw.choice((0, 1, 5, 300, 10**6, 2**31, 2**32 - 1))
    if draw.random() < 0.2:
        document.entries.append(Entry(b"tokenizer.ggml.add_bos_token", 7, True))
    return f"{entry.key.decode()}={entry.value}"


def _remove(draw: random.Random, document: Document) -> str:
    entry = _entry(draw, document)
    document.entries.remove(entry)
    return entry.key.decode()


def _repeat(draw: random.Random, document: Document) -> str:
    entry = deepcopy(_entry(draw, document))
    document.entries.insert(draw.randrange(len(document.entries)), entry)
    return entry.key.decode()


def _retype(draw: random.Random, document: Document) -> str:
    entry = _entry(draw, document)
    choice = draw.choice((STRING, UINT32, ARRAY, 10, 6, 13, 77))
    entry.kind, entry.of = choice, draw.choice((UINT32, STRING, 6))
    if choice == ARRAY:
        entry.value = [b"a", b"b"] if entry.of == STRING else [1, 2, 3]
    else:
        entry.value = b"text" if choice == STRING else _extreme(draw, choice) if choice in FORMS else b"\1\0\0\0"
    return f"{entry.key.decode()} to {choice}"


def _rename(draw: random.Random, document: Document) -> str:
    entry = _entry(draw, document)
    entry.key = draw.choice((b"", b"x", entry.key + b"\0", b"\xff\xfe", entry.key.upper(), b"k" * 70000))
    return repr(entry.key[:40])


def _architecture(draw: random.Random, document: Document) -> str:
    before = document.entry("general.architecture")
    name = draw.choice(ARCHITECTURES)
    if before is not None and isinstance(before.value, bytes):
        for entry in document.entries:
            entry.key = entry.key.replace(before.value + b".", name + b".", 1)
        before.value = name
    return repr(name)


def _tokenizer(draw: random.Random, document: Document) -> str:
    key, names = draw.choice((("tokenizer.ggml.model", TOKENIZERS), ("tokenizer.ggml.pre", PRES)))
    name = draw.choice(names)
    if (entry := document.entry(key)) is not None:
        entry.kind, entry.value = STRING, name
    else:
        document.entries.append(Entry(key.encode(), STRING, name))
    return f"{key}={name[:20]!r}"


def _array(draw: random.Random, document: Document) -> str:
    arrays = [entry for entry in document.entries if entry.kind == ARRAY and entry.value]
    if not arrays:
        return "of none"
    entry = draw.choice(arrays)
    change = draw.choice(("cut", "emptied", "longer", "claims", "values"))
    if change == "cut":
        entry.value = entry.value[: draw.randrange(len(entry.value))]
    elif change == "emptied":
        entry.value = []
    elif change == "longer":
        entry.value = [*entry.value, *entry.value[: draw.randrange(1, 20)]]
    elif change == "claims":
        entry.length = draw.choice(EXTREMES) % 2**64
    elif entry.of in FORMS:
        for _ in range(draw.choice((1, 5, len(entry.value)))):
            entry.value[draw.randrange(len(entry.value))] = _extreme(draw, entry.of)
    else:
        for _ in range(draw.choice((1, 5))):
            _change_text(draw, entry.value)
    return f"{entry.key.decode(errors='replace')} {change}"


def _token(draw: random.Random, document: Document) -> str:
    tokens = document.entry("tokenizer.ggml.tokens")
    if tokens is None or not isinstance(tokens.value, list) or not tokens.value:
        return "of none"
    return ", ".join(_change_text(draw, tokens.value) for _ in range(draw.choice((1, 3, 300))))[:200]


def _change_text(draw: random.Random, texts: list[bytes]) -> str:
    place = draw.randrange(len(texts))
    before = texts[place]
    if not isinstance(before, bytes):
        return "no text"
    texts[place] = draw.choice(
        (b"", b"\n", b"\xff", b"\0", before + b"\0x", b"<0x0A>", b"<0x>", b"<0xZZ>", b" ", "▁".encode() * 300,
         b"y" * 100_000, texts[draw.randrange(len(texts))], b"\xf0\x9f", before[:1], draw.randbytes(4))
    )  # fmt: skip
    return f"{place} {before[:20]!r}→{texts[place][:20]!r}"


def _tensor(draw: random.Random, document: Document) -> str:
    if not document.tensors:
        return "of none"
    tensor = draw.choice(document.tensors)
    change = draw.choice(("shape", "swap", "flat", "kind", "offset", "name", "twice", "gone", "empty", "extreme"))
    if change == "shape":
        place = draw.randrange(len(tensor.shape))
        tensor.shape[place] = max(0, tensor.shape[place] + draw.choice((-1, 1, -32, 32, tensor.shape[place])))
    elif change == "swap":
        tensor.shape.reverse()
    elif change == "flat":
        tensor.shape = [math.prod(tensor.shape)]
    elif change == "kind":
        tensor.kind = draw.choice((*range(42), 99, 2**32 - 1))
    elif change == "offset":
        tensor.offset = draw.choice((0, 1, tensor.offset + 32, tensor.offset - 32, *EXTREMES)) % 2**64
    elif change == "name":
        tensor.name = draw.choice((b"", b"x" * 64, b"x" * 300, b"\xff", draw.choice(document.tensors).name))
    elif change == "twice":
        document.tensors.append(deepcopy(tensor))
    elif change == "gone":
        document.tensors.remove(tensor)
    elif change == "empty":
        tensor.shape = []
    else:
        tensor.shape[draw.randrange(len(tensor.shape))] = draw.choice(EXTREMES) % 2**64
    return f"{tensor.name[:40]!r} {change} {tensor.shape} {tensor.kind} {tensor.offset}"


def _template(draw: random.Random, document: Document) -> str:
    text = draw.choice(
        (b"", b"{{", b"{% for x in messages %}", b"{{ messages[0].content }}" * 500, b"\xff\xfe", b"{{ 1/0 }}",
         b"{% for i in range(10**9) %}{% for j in range(10**9) %}{% endfor %}{% endfor %}", b"(" * 50_000,
         b"{{ " + b"(" * 5000 + b"1" + b")" * 5000 + b" }}", b"{% if a %}" * 2000 + b"{% endif %}" * 2000,
         b"{{ 'a' * 10**10 }}", b"{{ 9**(9**9) }}", b"{{ ''.__class__.__mro__ }}",
         b"{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
         b"{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}")
    )  # fmt: skip
    if (entry := document.entry("tokenizer.chat_template")) is not None:
        entry.kind, entry.value = STRING, text
    return repr(text[:40])


def _claims(draw: random.Random, document: Document) -> str:
    tensors, entries = len(document.tensors), len(document.entries)
    document.counts = draw.choice(
        ((draw.choice(EXTREMES) % 2**64, entries), (tensors, draw.choice(EXTREMES) % 2**64), (tensors + 1, entries - 1))
    )
    return str(document.counts)


def _layout(draw: random.Random, document: Document) -> str:
    if draw.random() < 0.3:
        document.version = draw.choice((0, 1, 2, 4, 3 << 24, 2**32 - 1))
        return f"version {document.version}"
    value = draw.choice((0, 1, 8, 16, 33, 64, 4096, 2**31, 2**32 - 1))
    document.entries.append(Entry(b"general.alignment", UINT32, value))
    if 0 < value < 10**5:
        document.alignment = value
    return f"alignment {value}"


def _split(draw: random.Random, document: Document) -> str:
    count = draw.choice((0, 1, 2, 3, 65535))
    document.entries += [Entry(b"split.count", 2, count), Entry(b"split.no", 2, draw.choice((0, 1, 7)))]
    return f"count {count}"


def _bits(draw: random.Random, data: bytes) -> tuple[bytes, str]:
    changed = bytearray(data)
    places = [draw.randrange(min(len(changed), 60_000)) for _ in range(draw.choice((1, 4, 40)))]
    for place in places:
        changed[place] = draw.randrange(256)
    return bytes(changed), f"bytes {places[:4]}"


def _cut(draw: random.Random, data: bytes) -> tuple[bytes, str]:
    size = draw.choice((draw.randrange(len(data)), draw.randrange(2000), len(data) - 1))
    return data[:size], f"cut at {size}"


def _swollen(draw: random.Random, data: bytes) -> tuple[bytes, str]:
    place, size = draw.randrange(len(data)), draw.choice((1, 8, 4096))
    return data[:place] + draw.randbytes(size) + data[place:], f"{size} bytes more at {place}"


CHANGES: tuple[Callable[[random.Random, Document], str], ...] = (
    *(_number, _number, _special, _remove, _repeat, _retype, _rename, _architecture, _tokenizer, _tokenizer),
    *(_array, _array, _token, _token, _tensor, _tensor, _tensor, _template, _claims, _layout, _split),
)
CHANGES_OF_BYTES: tuple[Callable[[random.Random, bytes], tuple[bytes, str]], ...] = (_bits, _cut, _swollen)
