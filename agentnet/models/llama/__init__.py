"""llama.cpp in process: GGUF files run in this process, on CPU or GPU."""

from agentnet.models.llama.model import LlamaModel

__all__ = ["LlamaModel"]
