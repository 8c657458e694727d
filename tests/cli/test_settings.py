"""Arguments before file before environment before defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentnet.errors import BadInput
from agentnet.settings import Setting, resolve


def test_arguments_file_environment_defaults(tmp_path: Path) -> None:
    environment = {"AGENTNET_NETWORK": "from-environment.yaml", "AGENTNET_PROTOCOL": "debate"}
    assert resolve(environment={}, folder=tmp_path).network == Setting("zoo", "default")
    assert resolve(environment=environment, folder=tmp_path).network.origin == "AGENTNET_NETWORK"
    file = tmp_path / "agentnet.toml"
    file.write_text('network = "from-file.yaml"\n')
    assert resolve(environment=environment, folder=tmp_path).network == Setting("from-file.yaml", str(file))
    assert resolve(environment=environment, folder=tmp_path).protocol == Setting("debate", "AGENTNET_PROTOCOL")
    assert resolve(network="argued.yaml", environment=environment, folder=tmp_path).network.origin == "argument"


def test_the_store_lies_in_the_data_folder(tmp_path: Path) -> None:
    settings = resolve(environment={"XDG_DATA_HOME": str(tmp_path)}, folder=tmp_path)
    assert settings.store.value == str(tmp_path / "agentnet" / "agentnet.db")
    assert settings.checkpoints == tmp_path / "agentnet" / "checkpoints.db"
    assert resolve(environment={"AGENTNET_HOME": "/there"}, folder=tmp_path).store.value == "/there/agentnet.db"


def test_checkpoints_of_a_server_store_lie_at_home(tmp_path: Path) -> None:
    settings = resolve(store="postgresql://db/agentnet", home="/there", environment={}, folder=tmp_path)
    assert settings.checkpoints == Path("/there/checkpoints.db")


def test_paths_in_the_file_start_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text("")
    file = tmp_path / "mine.toml"
    file.write_text('network = "team.yaml"\nstore = "runs.db"\n')
    settings = resolve(environment={"AGENTNET_CONFIG": str(file)}, folder=Path("/"))
    assert settings.network.value == str(tmp_path / "team.yaml")
    assert settings.store.value == str(tmp_path / "runs.db")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('netwrk = "zoo"', "did you mean 'network'"),
        ("network = 3", "expected a text"),
        ("network = ", "is not TOML"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "agentnet.toml").write_text(text)
    with pytest.raises(BadInput, match=words) as raised:
        resolve(environment={}, folder=tmp_path)
    assert "agentnet.toml" in str(raised.value)


def test_a_missing_named_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="AGENTNET_CONFIG"):
        resolve(environment={"AGENTNET_CONFIG": str(tmp_path / "none.toml")}, folder=tmp_path)
