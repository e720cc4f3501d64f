"""Any picture that PNG, JPEG and TIFF can hold, made 8-bit RGB. Runs in the child.

What is decided here is told to people in docs/images.md: change both.
Needs Pillow only. Memory: the picture, its RGB copy, and one strip.
"""

from PIL import ExifTags, Image

MAX_PIXELS = 50_000_000
_STRIP_PIXELS = 4_000_000  # A strip and its copies stay near 50 MB.
_GREY16 = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_PLAIN = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr")
_SEE_THROUGH = ("LA", "La", "PA", "RGBA", "RGBa")
_PHOTOMETRIC, _BITS, _SAMPLE_FORMAT = 262, 258, 339  # TIFF tags
_SIGNED = 2
_TURNS = {  # EXIF orientation -> what puts the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LYING = (5, 6, 7, 8)  # Orientations whose width is the upright picture's height.
_INCH_UM = 25_400
# Outside this, the resolution in a file is a default for paper (72, 96, 300 dpi).
_SPACING_UM = (0.02, 10.0)


class RefusedError(Exception):
    """A picture that will not be read. Its text is a code of errors.REFUSALS."""


def refuse_unreadable(picture: Image.Image) -> None:
    """Refuse by the header alone, before a pixel is decoded."""
    if picture.width * picture.height > MAX_PIXELS:
        raise RefusedError("too_many_pixels")
    if picture.mode == "F":
        raise RefusedError("float_pixels")
    if picture.mode not in _PLAIN + _SEE_THROUGH + _GREY16:
        raise RefusedError("colour_space")


def orientation(picture: Image.Image) -> int:
    """How a loaded picture lies, 1 to 8. A nonsensical statement counts as none.

    TIFF: 1, Pillow has turned it while loading.
    """
    try:
        stated = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - damaged EXIF does not make a picture unreadable
        return 1
    return stated if stated in _TURNS else 1


def upright_size(size: tuple[int, int], turn: int) -> tuple[int, int]:
    """(width, height) once put upright; also the way back."""
    return (size[1], size[0]) if turn in _LYING else size


def upright(picture: Image.Image, turn: int) -> Image.Image:
    return picture.transpose(_TURNS[turn]) if turn in _TURNS else picture


def spacing_um(picture: Image.Image) -> float | None:
    """The pixel spacing that the file states, in µm/px; None if none is plausible."""
    try:
        across, down = (_INCH_UM / float(dots) for dots in picture.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    low, high = _SPACING_UM
    square = abs(across - down) <= across / 100
    return across if square and low <= across <= high else None


def flattened(picture: Image.Image) -> Image.Image:
    """The same picture as RGB, see-through parts on white, 16 bits scaled to 8."""
    see_through = picture.has_transparency_data
    if picture.mode == "RGB" and not see_through:
        return picture
    scale, offset = _grey_scale(picture) if picture.mode in _GREY16 else (1.0, 0.0)
    out = Image.new("RGB", picture.size)
    rows = max(1, _STRIP_PIXELS // picture.width)
    for top in range(0, picture.height, rows):
        bottom = min(top + rows, picture.height)
        strip = picture.crop((0, top, picture.width, bottom))
        if strip.mode in _GREY16:
            strip = _grey(strip, scale=scale, offset=offset)
        elif see_through:
            strip = _on_white(strip)
        out.paste(strip.convert("RGB"), (0, top))
    return out


def resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resample an RGB picture: Lanczos over the whole footprint, so nothing aliases.

    From a sixth of the size downwards a box filter goes first, to a third of the way.
    """
    if size == picture.size:
        return picture
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def fitted(picture: Image.Image, side_px: int) -> Image.Image:
    """For eyes: no side longer than this, in proportion, never larger than it was."""
    share = min(1.0, side_px / max(picture.size))
    if share == 1:
        return picture
    width, height = (max(1, round(side * share)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.HAMMING, reducing_gap=2.0)


def _on_white(strip: Image.Image) -> Image.Image:
    seen = strip.convert("RGBA")
    white = Image.new("RGBA", strip.size, "white")
    return Image.alpha_composite(white, seen)


def _grey(strip: Image.Image, *, scale: float, offset: float) -> Image.Image:
    wide = strip.convert("I")
    return wide.point(lambda value: value * scale + offset).convert("L")


def _grey_scale(picture: Image.Image) -> tuple[float, float]:
    """(scale, offset) from grey of more than 8 bits to 0-255: scaled, never clipped.

    White is the largest value that the file's depth can hold. 32-bit files mostly
    carry 16-bit values: there white is 65535 unless a pixel is brighter.
    """
    tags = getattr(picture, "tag_v2", {})
    bits = tags.get(_BITS, (16,))[0]
    signed = tags.get(_SAMPLE_FORMAT, (1,))[0] == _SIGNED
    white = (1 << (bits - signed)) - 1
    if bits > 16:  # noqa: PLR2004 - two bytes, the depth below which white is certain
        _, brightest = picture.getextrema()
        white = 65535 if float(str(brightest)) <= 65535 else white  # noqa: PLR2004
    scale = 255 / white
    if (
        tags.get(_PHOTOMETRIC, 1) == 0
    ):  # WhiteIsZero, which Pillow turns for 8 bits only
        return -scale, 255.5
    return scale, 0.5
