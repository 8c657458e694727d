"""YAML that would take all memory, all time or the whole stack is refused in one line that says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentnet.collab.inline import read_protocol
from agentnet.contracts.network import NetworkSpec
from agentnet.errors import BadInput, NetworkError, ProtocolError
from agentnet.files import yaml as yaml_files
from agentnet.files.yaml import NotYaml, load_yaml, read_yaml

LAUGHS = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 20_000, "line 1 is not YAML: it is nested in more than 64 levels"),
        ("x: 1\ny: " + "{a: " * 20_000, "line 2 is not YAML: it is nested in more than 64 levels"),
        (LAUGHS, "its aliases stand for more than 1000000 values"),
        ("a: &a [*a]", "line 1 is not YAML: a value contains itself"),
        ("a: " + "9" * 5000, "a number has too many digits"),
        ("a: 0x" + "f" * 90, "a number has too many digits"),
        ("a: " + "1:" * 3000 + "1", "a number has too many digits"),
        ("a: 2024-13-45", "a value cannot be read"),
        ("a: !!int x", "a value cannot be read"),
        ("a: !!python/object/apply:os.system [id]", "could not determine a constructor"),
        ("a: 1\nb: 2\na: 3", "line 3 is not YAML: 'a' is there twice"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(NotYaml) as raised:
        load_yaml(text)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_is_read() -> None:
    assert load_yaml("a: &x [1, 0x10, 1_000, 1:30]\nb: *x\nc: 18446744073709551616") == {
        "a": [1, 16, 1000, 90],
        "b": [1, 16, 1000, 90],
        "c": 2**64,
    }
    deep = "[" * 64 + "]" * 64
    assert load_yaml(deep) is not None


def test_a_file_names_itself_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "deep.yaml"
    path.write_text("name: x\nagents: " + "[" * 5000, encoding="utf-8")
    with pytest.raises(NetworkError, match=r"deep\.yaml: line 2 is not YAML: it is nested"):
        read_yaml(path, NetworkSpec, NetworkError)


def test_a_file_that_no_one_wrote_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_files, "MOST_BYTES", 100)
    path = tmp_path / "large.yaml"
    path.write_text("name: x\n#" + "x" * 100, encoding="utf-8")
    with pytest.raises(BadInput, match="more than 100 bytes"):
        read_yaml(path, NetworkSpec, BadInput)


def test_an_expression_on_the_command_line_has_the_same_bounds() -> None:
    with pytest.raises(ProtocolError, match="nested in more than 64 levels"):
        read_protocol("{a: " * 5000)


@pytest.mark.parametrize(
    "part", ["{parallel: {branches: [scout, math], times: 1001}}", "{debate: {members: [scout, math], rounds: 5000}}"]
)
def test_repetitions_have_a_bound(part: str) -> None:
    with pytest.raises(ProtocolError, match="less than or equal to 1000"):
        read_protocol(part)
