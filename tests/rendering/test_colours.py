"""An agent has one colour, in whatever order agents speak and whatever the process has shown before."""

from __future__ import annotations

import subprocess
import sys

from agentnet.rendering.colours import PALETTE, colour_of

MEMBERS = tuple(f"agent-{number}" for number in range(len(PALETTE)))


def luminance(hex: str) -> float:
    """The relative luminance of WCAG 2.2."""
    shares = (int(hex[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_members_of_a_network_differ() -> None:
    colours = [colour_of(name, MEMBERS) for name in MEMBERS]
    assert colours == list(PALETTE)
    assert [colour_of(name, MEMBERS) for name in reversed(MEMBERS)] == colours[::-1], "in any order"
    assert colour_of("one more", (*MEMBERS, "one more")) == PALETTE[0]


def test_what_is_no_member_has_no_colour() -> None:
    for name in ("coordinator", "user", "fusion"):
        assert colour_of(name, MEMBERS) is None
        assert colour_of(name) is None
    assert colour_of("stranger", MEMBERS) is None


def test_without_the_members_a_colour_is_the_same_in_every_process() -> None:
    program = "from agentnet.rendering.colours import colour_of; print(colour_of('ann').hex, colour_of('bob').hex)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    here = [colour_of(name) for name in ("bob", "ann")]
    assert done.stdout.split() == [colour.hex for colour in here[::-1] if colour is not None]


def test_every_colour_can_be_read_on_white_and_on_a_dark_ground() -> None:
    assert len({colour.hex for colour in PALETTE}) == len({colour.name for colour in PALETTE}) == len(PALETTE)
    for colour in PALETTE:
        light = luminance(colour.hex) + 0.05
        assert 1.05 / light > 4
        assert light / (luminance("#1e1e1e") + 0.05) > 3
