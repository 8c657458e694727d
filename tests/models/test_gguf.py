"""Headers of real GGUF files, and of files that are none."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentnet.errors import ModelFileError
from agentnet.models.gguf import read_header
from tests.models.conftest import CONTEXT, TEMPLATE, tiny_gguf
from tests.models.splitting import split


def test_the_header_of_a_real_file(tiny: Path) -> None:
    header = read_header(tiny)
    assert (header.version, header.architecture, header.name) == (3, "llama", "tiny")
    assert (header.context, header.vocabulary, header.chat_template) == (CONTEXT, 357, TEMPLATE)
    assert header.file_size == tiny.stat().st_size >= header.expected_size > 4 * header.parameters
    assert header.parameters == 2 * 357 * 32 + 2 * (4 * 32 * 32 + 3 * 64 * 32 + 2 * 32) + 32


def test_numbers_of_the_architecture_and_sizes_of_tensors(tiny: Path) -> None:
    header = read_header(tiny)
    assert header.settings["block_count"] == 2
    assert not any(key.startswith(("llama.", "general.", "tokenizer.")) for key in header.settings)
    sizes = {tensor.name: tensor.size for tensor in header.tensors}
    assert sizes["token_embd.weight"] == 4 * 357 * 32
    assert sum(sizes.values()) == 4 * header.parameters


def _pack(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _part(**metadata: int | tuple[int, ...]) -> bytes:
    """A file of one tensor without data, with some numbers as metadata; ``__`` stands for a dot in their names."""
    entries = b""
    for name, value in metadata.items():
        entries += _pack(name.replace("__", "."))
        if isinstance(value, int):
            entries += struct.pack("<II", 4, value)
        else:
            entries += struct.pack(f"<IIQ{len(value)}I", 9, 4, len(value), *value)
    entries += _pack("general.architecture") + struct.pack("<I", 8) + _pack("llama")
    tensor = _pack("blk.0.x") + struct.pack("<IQIQ", 1, 1, 0, 0)
    return b"GGUF" + struct.pack("<IQQ", 3, 1, len(metadata) + 1) + entries + tensor + bytes(32)


def test_a_number_for_each_layer_is_kept_and_a_vocabulary_of_them_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(_part(llama__heads=(4, 0, 2), llama__long=tuple(range(5000)), llama__none=()))
    assert read_header(path).settings == {"heads": (4, 0, 2)}


def test_a_vocabulary_that_says_a_token_twice_is_refused(tiny: Path, tmp_path: Path) -> None:
    """llama.cpp would end the process. It reads a token up to its first NUL, and numbers the empty ones itself."""
    path = tmp_path / "twice.gguf"
    for changes, says in (
        ({b"<0x02>": b"<0x01>"}, "two tokens"),
        ({b"<0x02>": b"<0x0\0>"}, "no token for the byte 0x02"),
        ({b"<0x02>": b"<0x0\0>", b"<0x03>": b"<0x0\0>"}, "two tokens"),
        ({b"<|pad|>": b"\0" * 7, b"<unk>": b"\0" * 5}, None),
    ):
        data = tiny.read_bytes()
        for old, new in changes.items():
            assert data.count(old) == 1
            data = data.replace(old, new)
        path.write_bytes(data)
        if says is None:
            assert read_header(path).vocabulary == 357
        else:
            with pytest.raises(ModelFileError, match=says):
                read_header(path)


class TestSplit:
    """One model in several files, as they are on the hub."""

    @pytest.fixture
    def first(self, tmp_path: Path) -> Path:
        for number in range(3):
            name = f"m-{number + 1:05}-of-00003.gguf"
            (tmp_path / name).write_bytes(_part(split__no=number, split__count=3))
        return tmp_path / "m-00001-of-00003.gguf"

    def test_all_files_are_read(self, first: Path) -> None:
        header = read_header(first)
        assert len(header.tensors) == 3
        assert header.file_size == 3 * first.stat().st_size

    def test_the_first_may_hold_no_tensors(self, tiny: Path, tmp_path: Path) -> None:
        several = read_header(split(tiny, tmp_path, 3, tensors_first=False)[0])
        assert (several.parameters, several.vocabulary) == (read_header(tiny).parameters, 357)

    def test_a_later_one_names_the_first(self, first: Path) -> None:
        with pytest.raises(ModelFileError, match=r"not the first of 3 files; name m-00001-of-00003\.gguf"):
            read_header(first.with_name("m-00002-of-00003.gguf"))

    def test_a_missing_one_is_named(self, first: Path) -> None:
        first.with_name("m-00003-of-00003.gguf").unlink()
        with pytest.raises(ModelFileError, match=r"m-00003-of-00003\.gguf: no such file"):
            read_header(first)

    def test_a_renamed_one_is_refused(self, first: Path) -> None:
        with pytest.raises(ModelFileError, match=r"one of 3 files; name them"):
            read_header(first.rename(first.with_name("model.gguf")))


def test_every_truncation_is_refused(tiny: Path, tmp_path: Path) -> None:
    data, path = tiny.read_bytes(), tmp_path / "cut.gguf"
    expected = read_header(tiny).expected_size
    for size in [*range(1, 200), *range(200, expected, 997), expected - 1]:
        path.write_bytes(data[:size])
        with pytest.raises(ModelFileError, match=r"truncated|not a GGUF"):
            read_header(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a GGUF"),
        (b"<!DOCTYPE html><html>Not found</html>", "not a GGUF"),
        (b"GGUF" + struct.pack("<IQQ", 99, 1, 1), "version is 99"),
        (b"GGUF" + struct.pack(">IQQ", 3, 1, 1), "version"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 1 << 62), "metadata entries"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 62, 1), "tensors"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 1, 1, 1 << 60), "text of"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "no weights"),
    ],
)
def test_what_is_not_a_model_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=says) as caught:
        read_header(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_vocabulary_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="vocabulary but no weights"):
        read_header(tiny_gguf(tmp_path / "vocab.gguf", tensors=False))


def test_paths_that_lead_to_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such file"):
        read_header(tmp_path / "absent.gguf")
    with pytest.raises(ModelFileError, match="no such file"):
        read_header(tmp_path / "nul\0.gguf")
    with pytest.raises(ModelFileError, match="is not a file"):
        read_header(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(ModelFileError, match="is not a file"):
        read_header(tmp_path / "pipe.gguf")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "secret.gguf"
    path.write_bytes(tiny.read_bytes())
    path.chmod(0)
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_header(path)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=400), magic=st.booleans())
def test_random_bytes_raise_only_model_file_errors(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, magic: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "random.gguf"
    path.write_bytes((b"GGUF\x03\0\0\0" if magic else b"") + data)
    with pytest.raises(ModelFileError):
        read_header(path)


@settings(max_examples=300, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(4, 12_000), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4))
def test_a_damaged_header_is_read_or_refused(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, bytes]]
) -> None:
    data = bytearray(tiny.read_bytes())
    for place, value in changes:
        data[place : place + len(value)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.gguf"
    path.write_bytes(data)
    try:
        header = read_header(path)
    except ModelFileError:
        return
    assert isinstance(header.vocabulary, int)
    assert header.expected_size <= header.file_size
