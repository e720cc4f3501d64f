"""Files on their way: several at a time, each repeated until it is certain."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from histo.api import Api, Json
from histo.errors import HistoError
from histo.files import LocalImage, Watched, read_local

AT_ONCE = 3


@dataclass(frozen=True)
class Uploaded:
    """What became of one file. Refused: no image, and the server's words."""

    path: Path
    state: str  # accepted, duplicate or refused
    image: Json | None = None
    words: str = ""


@dataclass(frozen=True)
class Stated:
    """What is said about every file of an upload."""

    spacing_um: float | None = None
    magnification: float | None = None
    specimen: str | None = None


def upload(
    api: Api,
    *,
    case_id: str,
    paths: Sequence[Path],
    stated: Stated,
    told: Callable[[int], None],
) -> Iterator[Uploaded]:
    """Upload every file; yields each as it ends.

    told: is called with the bytes that were read since the last call.
    Raises UnreachableError, NoAccessError; a refused file is its own.
    """

    def one(path: Path) -> Uploaded:
        return _upload_one(api, case_id, path, stated, told)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = [pool.submit(one, path) for path in paths]
        try:
            for ended in as_completed(running):
                yield ended.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _upload_one(
    api: Api, case_id: str, path: Path, stated: Stated, told: Callable[[int], None]
) -> Uploaded:
    try:
        local = read_local(path)
        answer = _send(api, case_id, local, stated, told)
    except HistoError as error:
        if error.exit_code != HistoError.exit_code:
            raise
        return Uploaded(path, "refused", words=str(error))
    (result,) = answer["results"]
    state = "duplicate" if result["duplicate"] else "accepted"
    return Uploaded(path, state, image=result["image"])


def _send(
    api: Api,
    case_id: str,
    local: LocalImage,
    stated: Stated,
    told: Callable[[int], None],
) -> Json:
    read_bytes = 0

    def count(more: int) -> None:
        nonlocal read_bytes
        read_bytes += more
        told(more)

    def content() -> Watched:
        nonlocal read_bytes
        told(-read_bytes)  # A second try begins anew.
        read_bytes = 0
        return Watched(local.path, count)

    return api.send_file(
        f"cases/{case_id}/images",
        content=content,
        headers={
            "Content-Type": local.content_type,
            "Content-Digest": local.content_digest,
        },
        query={"filename": local.path.name, **vars(stated)},
    )
