"""What a file may be called, and how that name is shown. It is never used as a path."""

import unicodedata

from predictions.images.errors import ImageRefusedError

MAX_NAME_CHARACTERS = 100
_NAMELESS = "image"
# Pictures' endings, whatever the bytes turn out to be: those are looked at later.
# What a browser would run or render as a page is not here, and is refused.
_ENDINGS = {"png", "apng", "jpg", "jpeg", "jpe", "jfif", "mpo", "tif", "tiff", "svs"}
_ENDINGS |= {"ndpi", "scn", "bmp", "dib", "gif", "webp", "pbm", "pgm", "pnm", "ppm"}
_SHOWN_TOO = frozenset("\u200c\u200d")  # Joiners: words of some languages need them.


def check_filename(name: str) -> str:
    """The name as it may be shown, escaped, to its uploader.

    Only the last part of a path, one line, no control or direction characters, at most
    MAX_NAME_CHARACTERS long; "image" where nothing is left. A name without an ending
    claims nothing and passes. Raises ImageRefusedError for an ending that is not an
    image's: the last one counts, so x.png.html is a page.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    visible = "".join(filter(_is_shown, unicodedata.normalize("NFC", last)))
    stem, dot, ending = visible.rstrip(" .").rpartition(".")
    if not dot:
        return ending.strip()[:MAX_NAME_CHARACTERS] or _NAMELESS
    if ending.lower() not in _ENDINGS:
        raise ImageRefusedError("wrong_extension")
    kept = stem.strip()[: MAX_NAME_CHARACTERS - len(ending) - 1]
    return f"{kept or _NAMELESS}.{ending}"


def _is_shown(character: str) -> bool:
    return character in _SHOWN_TOO or unicodedata.category(character)[0] != "C"
