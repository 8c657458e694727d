"""GGUF files: their headers, the files of a model that is split, and what can be refused without llama.cpp."""

from agentnet.models.gguf.header import Header, all_parts, checksum, named_parts, names_a_part, read_header
from agentnet.models.gguf.reader import Tensor

__all__ = ["Header", "Tensor", "all_parts", "checksum", "named_parts", "names_a_part", "read_header"]
