"""Pictures to upload: no two names give the same bytes."""

import hashlib
import io

from PIL import Image


def picture(*, seed: str) -> bytes:
    """A PNG of 256 x 128 px, coarse-grained, so that zooming changes what is seen."""
    grain = hashlib.shake_256(seed.encode()).digest(16 * 8 * 3)
    coarse = Image.frombytes("RGB", (16, 8), grain)
    stream = io.BytesIO()
    coarse.resize((256, 128), Image.Resampling.BILINEAR).save(stream, "PNG")
    return stream.getvalue()
