"""Keys of nodes, and what they sign."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.contracts.joining import Signed
from agentnet.errors import BadInput, NodeRefused
from agentnet.serving.keys import NodeKey, canonical, encoded, verify
from agentnet.serving.nonces import Nonces

PAYLOAD = {"name": "box", "numbers": [1, 2.5, 1e-7], "text": "é €", "nothing": None}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "node.key"
    made = NodeKey.open(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert NodeKey.open(path).public == made.public
    assert NodeKey.new().public != made.public


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_file_that_is_no_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "node.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadInput, match=r"node\.key: is no Ed25519 key"):
        NodeKey.open(path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "node.key"
    NodeKey.open(path)
    path.chmod(0o644)
    with pytest.raises(BadInput, match="others can read this key: chmod 600"):
        NodeKey.open(path)


def test_a_key_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be read or made"):
        NodeKey.open(tmp_path / "file" / "node.key")


def test_a_signature_is_of_the_key_and_of_the_payload() -> None:
    key, other = NodeKey.new(), NodeKey.new()
    signed = key.sign(PAYLOAD)
    assert verify(signed, key.public) == canonical(PAYLOAD)
    again = Signed.model_validate_json(signed.model_dump_json())
    assert verify(again, key.public) == canonical(PAYLOAD)
    with pytest.raises(NodeRefused, match="not of the key"):
        verify(signed, other.public)
    for payload in ({**PAYLOAD, "name": "bax"}, {**PAYLOAD, "more": 1}, {}):
        with pytest.raises(NodeRefused, match="not of the key"):
            verify(signed.model_copy(update={"payload": payload}), key.public)


@pytest.mark.parametrize("public", ["", "x", "é", "A" * 43, "A" * 64, "=" * 8])
def test_what_is_no_key_signs_nothing(public: str) -> None:
    with pytest.raises(NodeRefused):
        verify(NodeKey.new().sign(PAYLOAD), public)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_another_algorithm_proves_nothing(algorithm: str) -> None:
    key = NodeKey.new()
    signed = key.sign(PAYLOAD)
    header = encoded(canonical({"alg": algorithm, "kid": key.public}))
    with pytest.raises(NodeRefused):
        verify(signed.model_copy(update={"protected": header}), key.public)
    with pytest.raises(NodeRefused):
        verify(signed.model_copy(update={"protected": header, "signature": ""}), key.public)


@given(payload=st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), JSON, max_size=4))
def test_the_order_of_fields_and_the_way_of_writing_make_no_difference(payload: dict[str, object]) -> None:
    key = NodeKey.new()
    signed = key.sign(payload)
    turned = Signed.model_validate_json(
        signed.model_copy(update={"payload": dict(reversed(payload.items()))}).model_dump_json()
    )
    assert verify(turned, key.public) == canonical(payload)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60, "\ud800"])
def test_what_json_cannot_say_exactly_is_not_signed(value: object) -> None:
    with pytest.raises(BadInput, match="cannot be signed"):
        NodeKey.new().sign({"value": value})


def test_a_nonce_counts_once() -> None:
    nonces = Nonces(most=2)
    first = nonces.new()
    assert nonces.take(first)
    assert not nonces.take(first)
    assert not nonces.take("never given out")
    oldest, *_ = [nonces.new() for _ in range(3)]
    assert not nonces.take(oldest)


def test_keys_are_made_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        NodeKey.open(tmp_path / "node.key")
    finally:
        os.umask(before)
    assert (tmp_path / "node.key").stat().st_mode & 0o777 == 0o600
