"""Fingerprints: what is measured and what is learned holds for one model, one prompt pack and one sampling."""

from __future__ import annotations

import hashlib
import json

from agentnet.contracts.network import AgentSpec
from agentnet.redaction import without_secrets

_NOT_THE_MODEL = {
    "llama": {
        "threads", "batch", "sequences", "cache_tokens", "cache_layout", "parked_mib", "reuse_prefix", "gpu_layers",
        "main_gpu", "tensor_split", "split_mode", "flash_attention", "offload_kv", "mmap", "mlock",
    },
    "openai": {"api_key_env", "timeout", "deadline", "attempts", "max_wait"},
    "node": {"timeout"},
}  # fmt: skip
"""Settings of a model that change its speed or its failures, not what it says."""


def fingerprint(member: AgentSpec) -> str:
    """Return a digest of what decides a member's replies: its model, its prompt pack, its sampling and its tools."""
    data = member.model_dump(mode="json", include={"model", "pack", "sampling", "tools"})
    data["model"] = {
        name: value
        for name, value in without_secrets(data["model"]).items()
        if name not in _NOT_THE_MODEL.get(member.model.kind, ())
    }
    if member.model.kind == "llama" and member.model.path.startswith("zoo:"):
        from agentnet.zoo.catalog import zoo_cards

        known = zoo_cards().get(member.model.path.removeprefix("zoo:"))
        data["model"]["sha256"] = known.sha256 if known else None
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
