"""Real vocabularies: the files without weights that llama.cpp's own tests read, and what they say.

They are found in the folder given, else in that of ``AGENTNET_VOCABULARIES``, else in ``../shared/data/vocab`` beside
the checkout, else in ``.bench/vocab``. ``make bench-vocabularies`` takes them from the source that the llama-cpp-python
package ships and puts them into the last of these.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gguf import GGUFWriter

from agentnet.models.llama import backend
from agentnet.models.llama.vocabulary import Vocabulary
from benchmarks.generated.folder import FOLDER
from benchmarks.generated.metadata import metadata

VARIABLE = "AGENTNET_VOCABULARIES"

SHA256 = {
    "qwen2": "44c2f46b715f585c6ab513970e8a006bfa5badd6108560054921cf598d154d8c",
    "llama-bpe": "97272e430d53bc7688f52d5e0ad8ea8f163ede9f1bbd1694feaa504797d5d96e",
    "deepseek-llm": "867f77537b54565f0d81d508c04edc41aa1d4ffc1a92745f225b4c1b02755f76",
    "gpt-2": "cedc56ca6e2e89f63e781696d1fd76b4b1d49e6720dee86463e915f6e90016ac",
    "phi-3": "967d7190d11c4842eab697079d98d56c2116e10eb617be355a2733bfc132e326",
    "llama-spm": "16c3724582d59aa8bf84711894e833f916ee46a31d80e21312759c48bf8d0e69",
}
"""The six vocabularies with their files' checksums: 151,936, 128,256, 102,400, 50,257, 32,064 and 32,000 tokens."""


class MissingVocabulary(Exception):
    """A vocabulary's file is in none of the folders."""


def vocabulary_folder(given: Path | None = None) -> Path | None:
    """Return the folder with the vocabularies; None where there is none.

    Raises `MissingVocabulary` if a folder that was named does not exist.
    """
    for named, where in ((given, "the folder given"), (os.environ.get(VARIABLE), VARIABLE)):
        if named:
            if not Path(named).is_dir():
                raise MissingVocabulary(f"{where} is {named}, which is no folder")
            return Path(named)
    beside = Path(__file__).parents[3] / "shared" / "data" / "vocab"
    return next((folder for folder in (beside, FOLDER / "vocab") if folder.is_dir()), None)


def vocabulary_file(name: str, folder: Path | None = None) -> Path:
    """Return the file of a vocabulary such as ``qwen2``. Raises `MissingVocabulary`, which says what to do."""
    found = vocabulary_folder(folder)
    path = (found or FOLDER / "vocab") / file_name(name)
    if not path.is_file():
        raise MissingVocabulary(
            f"there is no {path}: run `make bench-vocabularies`, or set {VARIABLE} to a folder that has it"
        )
    return path


def file_name(name: str) -> str:
    return f"ggml-vocab-{name}.gguf"


@contextmanager
def open_vocabulary(path: Path) -> Iterator[Vocabulary]:
    """Open the vocabulary of a GGUF file, without its weights."""
    llama = backend.library()
    params = llama.llama_model_default_params()
    params.vocab_only = True
    model = llama.llama_model_load_from_file(os.fsencode(path), params)
    if not model:
        raise MissingVocabulary(f"llama.cpp cannot read {path}")
    try:
        yield Vocabulary(llama.llama_model_get_vocab(model))
    finally:
        llama.llama_model_free(model)


def copy_tokenizer(source: Path, writer: GGUFWriter, *, template: str) -> None:
    """Copy everything that a file says about its tokenizer, with another chat template."""
    for entry in metadata(source):
        if entry.key.startswith("tokenizer.") and entry.key != "tokenizer.chat_template":
            writer.add_key_value(entry.key, entry.value, entry.kind, entry.inner)
    writer.add_chat_template(template)


def extract(archive: Path, folder: Path) -> None:
    """Take the six files out of a source archive of llama-cpp-python.

    Raises `MissingVocabulary` if one is missing or is not the known one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as packed:
        members = {Path(member.name).name: member for member in packed if "/vendor/llama.cpp/models/" in member.name}
        for name, expected in SHA256.items():
            member = members.get(file_name(name))
            data = member and packed.extractfile(member)
            if not data:
                raise MissingVocabulary(f"{archive} has no {file_name(name)}")
            content = data.read()
            if hashlib.sha256(content).hexdigest() != expected:
                raise MissingVocabulary(f"{file_name(name)} of {archive} is not the known one: its SHA-256 differs")
            (folder / file_name(name)).write_bytes(content)
