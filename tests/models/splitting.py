"""Splits a GGUF file as llama.cpp's ``gguf-split`` does: all metadata in the first file, and tensors in each."""

from __future__ import annotations

from pathlib import Path

from gguf import GGUFReader, GGUFValueType, GGUFWriter


def split(source: Path, folder: Path, count: int, *, name: str = "model", tensors_first: bool = True) -> list[Path]:
    """Write `source` as `count` files, and return their paths.

    Without `tensors_first`, the first one holds metadata alone, as with ``gguf-split --no-tensor-first-split``.
    """
    reader = GGUFReader(source)
    paths = [folder / f"{name}-{number + 1:05}-of-{count:05}.gguf" for number in range(count)]
    shares = count if tensors_first else count - 1
    for number, path in enumerate(paths):
        writer = GGUFWriter(path, "llama")
        writer.kv_data[0].clear()
        if number == 0:
            for field in reader.fields.values():
                if not field.name.startswith("GGUF."):
                    kind, of = field.types[0], field.types[1] if field.types[0] == GGUFValueType.ARRAY else None
                    writer.add_key_value(field.name, field.contents(), kind, of)
        writer.add_key_value("split.no", number, GGUFValueType.UINT16)
        writer.add_key_value("split.count", count, GGUFValueType.UINT16)
        writer.add_key_value("split.tensors.count", len(reader.tensors), GGUFValueType.INT32)
        share = number if tensors_first else number - 1
        for tensor in reader.tensors[share::shares] if share >= 0 else []:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return paths
