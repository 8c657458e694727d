"""Copies of the zoo's models that never stop."""

from __future__ import annotations

from pathlib import Path

from gguf import GGUFReader, GGUFValueType, GGUFWriter, TokenType

from benchmarks.generated.made_up import TEMPLATE, finish

END = 3
"""The end token of every model of the zoo."""


def write_endless(path: Path, source: Path) -> None:
    """Copy a model of the zoo so that it never stops, its end token being a word like any other."""
    reader = GGUFReader(source)
    writer = GGUFWriter(path, reader.fields["general.architecture"].contents())
    for field in reader.fields.values():
        value, kind = field.contents(), field.types[0]
        match field.name:
            case name if name.startswith("GGUF.") or name == "general.architecture":
                continue
            case "tokenizer.ggml.tokens":
                value = [f"~{token}" if place == END else token for place, token in enumerate(value)]
            case "tokenizer.ggml.token_type":
                value = [TokenType.NORMAL if place == END else kind for place, kind in enumerate(value)]
            case "tokenizer.ggml.eos_token_id" | "tokenizer.ggml.eot_token_id":
                value = reader.fields["tokenizer.ggml.padding_token_id"].contents()
            case "tokenizer.chat_template":
                value = TEMPLATE
        writer.add_key_value(field.name, value, kind, field.types[1] if kind == GGUFValueType.ARRAY else None)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    finish(writer)
