"""protocols, models, graph, doctor: looking without running."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agentnet.files.shipped import shipped_files
from agentnet.models.devices import supports_gpu_offload
from tests.cli.conftest import Cli


def test_every_shipped_protocol_is_listed_and_shown(cli: Cli) -> None:
    listed = cli("protocols", "--json").json
    assert [each["name"] for each in listed] == list(shipped_files("protocols"))
    shown = cli("protocols", "debate")
    assert "2305.14325" in shown.out
    assert "members:" in shown.out
    assert cli("protocols", "debate", "--json").json["name"] == "debate"


def test_models_show_roles_and_scores(cli: Cli, team: Path) -> None:
    shown = cli("models")
    assert "(math 90 %)" in shown.out
    agents = cli("models", "--json").json["agents"]
    assert [agent["name"] for agent in agents] == ["ann", "bob", "cal", "pia"]


@pytest.mark.parametrize("name", shipped_files("protocols"))
def test_every_protocol_is_drawn(cli: Cli, team: Path, name: str) -> None:
    assert "graph TD" in cli("graph", name).out
    pytest.importorskip("grandalf")
    assert cli("graph", name, "--format", "svg").out.startswith("<svg")


def test_nested_graphs_are_drawn(cli: Cli, team: Path, tmp_path: Path) -> None:
    nested = "{verify: {proposer: {parallel: {branches: [ann, bob]}}, verifier: cal}}"
    assert "subgraph parallel" in cli("graph", nested).out
    pytest.importorskip("grandalf")
    drawn = cli("graph", nested, "-f", "svg").out
    assert ">parallel<" in drawn
    assert ">ann<" in drawn
    assert "decide" in cli("graph", nested, "-f", "ascii").out
    pytest.importorskip("PIL")
    out = tmp_path / "graph.png"
    assert cli("graph", nested, "--out", out).code == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_a_png_needs_a_file(cli: Cli, team: Path) -> None:
    assert "--out" in cli("graph", "vote", "-f", "png").err


def test_without_the_library_the_extra_is_named(cli: Cli, team: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "agentnet.drawing.layout", raising=False)
    monkeypatch.setitem(sys.modules, "grandalf", None)
    monkeypatch.setitem(sys.modules, "grandalf.graphs", None)
    ran = cli("graph", "vote", "-f", "svg")
    assert ran.code == 2
    assert "pip install 'agentnet-ai[picture]'" in ran.err


def test_a_graph_as_json(cli: Cli, team: Path) -> None:
    assert "graph TD" in cli("graph", "vote", "--json").json["drawing"]


def test_doctor_says_where_settings_come_from_and_never_a_key(
    cli: Cli, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("AGENTNET_STORE", "postgresql://me:secret@db/agentnet")
    ran = cli("doctor", "--json")
    found = {finding["name"]: finding for finding in ran.json["findings"]}
    assert found["network"]["note"] == "from AGENTNET_NETWORK"
    assert found["OPENAI_API_KEY"]["value"] == "set"
    assert "secret" not in ran.out
    assert "secret" not in cli("doctor").out


def test_doctor_plans_the_memory_of_local_models(cli: Cli, tmp_path: Path) -> None:
    network = tmp_path / "network.yaml"
    network.write_text(
        """
name: some
agents:
  - {name: one, model: "zoo:math"}
  - {name: same, model: "zoo:math"}
  - {name: wide, model: {path: "zoo:math", context: 64}}
  - {name: huge, model: {path: "zoo:math", context: 1000000000}}
  - {name: gone, model: absent.gguf}
  - {name: far, model: "hf://nobody/nothing/some.gguf"}
  - {name: gpu, model: {path: "zoo:facts", gpu_layers: all}}
  - {name: remote, model: "openai:some"}
""",
        encoding="utf-8",
    )
    ran = cli("doctor", "--network", network, "--json")
    plans = [finding for finding in ran.json["findings"] if finding["topic"] == "memory"]
    one, wide, huge, gone, far, gpu = plans
    assert one["well"] is True
    numbers = one["numbers"]
    assert numbers["total_bytes"] == sum(numbers[f"{part}_bytes"] for part in ("weights", "cache", "compute"))
    assert numbers["cache_tokens"] >= numbers["context"]
    assert numbers["fits"] is True
    assert (wide["numbers"]["weights_bytes"], wide["numbers"]["shares_weights"]) == (0, True)
    assert wide["value"].startswith("shared weights + KV cache")
    assert (huge["well"], huge["numbers"]["fits"]) == (False, False)
    assert "does not fit" in huge["note"]
    assert "set a smaller `context`" in huge["note"]
    assert "no such file" in gone["note"]
    assert (far["value"], far["note"], far["well"]) == ("unknown", "not fetched yet", None)
    assert supports_gpu_offload() or "built without GPU support" in gpu["note"]
    assert ran.code == 1
    assert "weights" in cli("doctor", "--network", network).out


def test_doctor_tells_devices_in_numbers(cli: Cli) -> None:
    findings = cli("doctor", "--json").json["findings"]
    cpu = next(finding for finding in findings if finding["name"].startswith("cpu "))
    assert cpu["numbers"]["kind"] == "cpu"
    assert 0 < cpu["numbers"]["free"] <= cpu["numbers"]["total"]
