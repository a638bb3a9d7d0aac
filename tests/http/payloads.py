"""Bodies that are one value, made for tests: arrays as `.npy`, pictures."""

import io
from typing import Any

import numpy as np
from PIL.Image import effect_noise
from PIL.Image import new as new_image

SMALL_ARRAY = np.arange(12, dtype="float32").reshape(3, 4)
LARGE_ARRAY = np.arange(75_000, dtype="float32").reshape(-1, 3)


def npy(array: Any, *, spaces: int = 0) -> bytes:
    """Write an array; *spaces* in its header move its numbers to other places."""
    out = io.BytesIO()
    np.save(out, array)
    whole = out.getvalue()
    size = int.from_bytes(whole[8:10], "little")
    return whole[:8] + (size + spaces).to_bytes(2, "little") + whole[10 : 9 + size] + b" " * spaces + whole[9 + size :]


def jpeg(width: int, *, noise: bool = False) -> bytes:
    """Paint a square picture; one of noise is large."""
    out = io.BytesIO()
    picture = effect_noise((width, width), 100).convert("RGB") if noise else new_image("RGB", (width, width), "red")
    picture.save(out, "JPEG", quality=95)
    return out.getvalue()
