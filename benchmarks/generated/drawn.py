"""Random matrices drawn as the bytes of their quantised blocks: gigabytes in seconds."""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType

Blocks = npt.NDArray[np.uint8]
"""Shape (rows, blocks in a row, bytes of a block): two bytes of scale (float16), then 32 numbers."""

BLOCK = 32
"""Numbers in a block."""
BYTES = {GGMLQuantizationType.Q4_0: 18, GGMLQuantizationType.Q8_0: 34}
RMS = {GGMLQuantizationType.Q4_0: sqrt(344 / 16), GGMLQuantizationType.Q8_0: sqrt((256**2 + 2) / 12)}
"""Of the numbers that random bytes are, at a scale of one: −8 to 7, and −128 to 127."""


class Draw:
    """A source of random matrices, the same ones for the same seed."""

    def __init__(self, *seed: int) -> None:
        self._random = np.random.Generator(np.random.SFC64(seed))

    def matrix(self, rows: int, columns: int, kind: GGMLQuantizationType, rms: float) -> Blocks:
        """Return the blocks of a matrix whose numbers are uniform around zero, with a root mean square of `rms`.

        There is one more negative number than positive ones. So a random half of the scales is negative: otherwise all
        matrices would have one direction in common, which would grow from layer to layer.
        """
        shape = (rows, columns // BLOCK, BYTES[kind])
        blocks = np.frombuffer(bytearray(self._random.bytes(int(np.prod(shape)))), np.uint8).reshape(shape)
        low, high = np.float16(rms / RMS[kind]).tobytes()
        blocks[..., 0] = low
        blocks[..., 1] = blocks[..., 1] & 0x80 | high
        return blocks


def numbers(blocks: Blocks) -> npt.NDArray[np.float32]:
    """Return the rows of 8-bit blocks as numbers."""
    scales = blocks[..., :2].copy().view(np.float16).astype(np.float32)
    values: npt.NDArray[np.float32] = (blocks[..., 2:].view(np.int8) * scales).reshape(len(blocks), -1)
    return values
