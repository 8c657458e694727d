"""GGUF models that are written here: of the sizes and with the vocabularies that people run, with random weights.

`model_file` returns the file of a name, which it writes on first use:

- ``m20``, ``m100``, ``m100-q8``, ``m1000``: a made-up vocabulary of 8,192 tokens (`made_up`);
- ``SHAPE@VOCABULARY``, such as ``m100@qwen2``: the real tokens of that vocabulary (`real`, `vocabularies`), and a text
  that the model says (`chains`);
- ``zoo:NAME``: a model of the zoo that never stops (`endless`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from agentnet.zoo import catalog
from benchmarks.generated import made_up, real
from benchmarks.generated.chains import Chain
from benchmarks.generated.endless import write_endless
from benchmarks.generated.folder import FOLDER, written_once
from benchmarks.generated.made_up import words
from benchmarks.generated.vocabularies import MissingVocabulary, vocabulary_file

__all__ = ["FOLDER", "Chain", "MissingVocabulary", "model_file", "names_in", "usable", "words"]

PAIR = "+"
"""Joins the names of models that a benchmark lets work together: ``m100@qwen2+m100@llama-bpe``."""


def model_file(name: str, chain: Chain | None = None, folder: Path = FOLDER) -> Path:
    """Return the GGUF file of a name; it is written on first use.

    `chain` is what a model with a real vocabulary says. Raises `MissingVocabulary`, and `KeyError` for an unknown name.
    """
    shape, _, vocabulary = name.partition("@")
    if vocabulary:
        return real.model_file(shape, vocabulary, chain or Chain(), folder)
    if name.startswith("zoo:"):
        source = catalog.path(name.removeprefix("zoo:"))
        return written_once(folder / f"{name.replace(':', '-')}.gguf", lambda path: write_endless(path, source))
    return written_once(folder / f"{name}.gguf", lambda path: made_up.write(path, made_up.SHAPES[name]))


def names_in(group: str) -> tuple[str, ...]:
    """Return the names of a group such as ``m100@qwen2+m100@llama-bpe``; a single name stands for two copies."""
    names = tuple(group.split(PAIR))
    return names if len(names) > 1 else names * 2


def usable(groups: Iterable[str]) -> Iterator[str]:
    """Yield the names or groups whose vocabularies are at hand; print why another is skipped."""
    for group in groups:
        try:
            for name in group.split(PAIR):
                if "@" in name:
                    vocabulary_file(name.partition("@")[2])
        except MissingVocabulary as missing:
            print(f"{group}: skipped, {missing}")
        else:
            yield group
