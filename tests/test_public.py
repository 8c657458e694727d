"""The public face: every name is there, and none is loaded before it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import agentnet


@pytest.mark.parametrize("name", sorted(agentnet._HOMES))
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(agentnet, name).__name__ == name
    assert name in dir(agentnet)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="unheard_of"):
        agentnet.unheard_of


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import agentnet, sys; print(sorted({'langgraph', 'llama_cpp', 'openai', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
