"""The public face: every name is there, and none is loaded before it is asked for."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import agentnet
from agentnet.contracts.protocols import COMBINATORS


@pytest.mark.parametrize("name", sorted(agentnet._HOMES))
def test_every_public_name_can_be_imported(name: str) -> None:
    found = getattr(agentnet, name)
    assert name in dir(agentnet)
    assert name in agentnet.__all__
    if isinstance(found, type):
        assert found.__name__ == name


def test_the_face_is_what_a_program_needs() -> None:
    """Asking, what comes back, what it is made of, what can go wrong."""
    assert set(agentnet.__all__) >= {
        *("open", "run", "evaluate", "Session", "Outcome", "Message", "__version__"),
        *("Agent", "ModelAgent", "HumanAgent", "Card", "NetworkSpec", "AgentSpec", "Network", "Registry"),
        *("RunStarted", "TurnStarted", "TextStreamed", "MessageSaid", "InputRequested", "RunEnded"),
        *("AgentNetError", "BadInput", "ModelError", "LimitReached", "ResumeError", "StoreError"),
    }
    combinators = {combinator.__name__ for combinator in COMBINATORS.values()}
    assert set(agentnet.__all__) >= combinators | {"Judge", "Synthesize", "Weighted", "ProtocolSpec"}
    assert re.fullmatch(r"\d+\.\d+.*", agentnet.__version__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="unheard_of"):
        agentnet.unheard_of


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import agentnet, sys; print(sorted({'langgraph', 'llama_cpp', 'openai', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
