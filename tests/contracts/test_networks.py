"""What a network file may say of its members."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agentnet.contracts.network import RECORDED, NetworkSpec

RESERVED = [
    "coordinator",
    "Coordinator",
    "FUSION",
    "candidate",
    "user",
    "user.",
    "u-s-e-r",
    "User_",
    "system",
    "agentnet",
]


@pytest.mark.parametrize("name", RESERVED)
def test_names_of_other_senders_are_reserved(name: str) -> None:
    data = {"name": "n", "agents": [{"name": name, "model": "zoo:math"}]}
    with pytest.raises(ValidationError, match=f"no agent can be called '{name}': the name is reserved"):
        NetworkSpec.model_validate(data)
    assert NetworkSpec.model_validate(data, context=RECORDED).agents[0].name == name


@pytest.mark.parametrize("name", ["users", "user1", "fuse", "judge", "planner", "math"])
def test_other_names_are_free(name: str) -> None:
    assert NetworkSpec.model_validate({"name": "n", "agents": [{"name": name, "model": "zoo:math"}]}).agents
