"""Names of what can be asked: protocols, members, and nothing else of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentnet.contracts.network import NetworkSpec
from agentnet.serving.app import Problem
from agentnet.serving.names import Names
from agentnet.session import open_session


async def test_names_stand_for_protocols_and_members_and_not_for_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nsummary: x\nprotocol: {ask: math}\n")
    (tmp_path / "math").write_text("a file that is called as a member")
    monkeypatch.chdir(tmp_path)
    spec = NetworkSpec.model_validate(
        {"name": "two", "agents": [{"name": "math", "model": "zoo:math"}, {"name": "maria", "human": "terminal"}]}
    )
    async with open_session(spec, remember=False) as session:
        names = Names(session)
        assert [names.find(name).name for name in ("auto", "two", "two/debate", "vote")] == [
            "auto", "auto", "debate", "vote",
        ]  # fmt: skip
        assert names.find("two/math").agent == "math"
        assert session.prepare(names.find("two/math").protocol).name == "math"
        for unknown in (
            "math",
            "mine.yaml",
            str(tmp_path / "mine.yaml"),
            "two/mine.yaml",
            "@solver",
            "{ask: math}",
            "",
        ):
            with pytest.raises(Problem) as refused:
                names.find(unknown)
            assert (refused.value.status, refused.value.code) == (404, "model_not_found")


async def test_what_can_be_asked_follows_the_network() -> None:
    spec = NetworkSpec.model_validate(
        {"name": "two", "agents": [{"name": "math", "model": "zoo:math"}, {"name": "maria", "human": "terminal"}]}
    )
    async with open_session(spec, remember=False) as session:
        ready = {found.choice.name: found for found in Names(session).ready()}
        assert "debate" in ready
        assert "verification" not in ready  # nobody here verifies
        assert (ready["math"].members, ready["math"].people) == (("math",), ())
        assert ready["maria"].people == ("maria",)


async def test_every_name_that_a_member_can_have_can_be_asked() -> None:
    spec = NetworkSpec.model_validate({"name": "one", "agents": [{"name": "Math_1.b", "model": "zoo:math"}]})
    async with open_session(spec, remember=False) as session:
        assert [found.choice.agent for found in Names(session).ready()][-1] == "Math_1.b"
        assert session.prepare(Names(session).find("one/Math_1.b").protocol).name == "math-1-b"
