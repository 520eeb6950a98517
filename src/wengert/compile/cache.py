"""Compiled code on disk, so that another process need not compile it again.

An entry is a file named by the hash of all that its code depends on; what it holds is the code, with a checksum. The
directory is that of `platformdirs` for caches, or `WENGERT_CACHE_DIR`; `WENGERT_CACHE=0` turns the cache off, and
`WENGERT_CACHE_SIZE` is its limit in megabytes (512). Nothing here fails: without a directory that can be used, all code
is compiled, as without a cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

#: Seconds of compilation; what took less is not kept, since finding and checking it would save little.
WORTH = 0.005
LIMIT = 512.0  # megabytes, where WENGERT_CACHE_SIZE says nothing else
_MAGIC = b"wengert code 1\n"
_SUFFIX = ".code"
_UNFINISHED = ".part"
_HEAD = len(_MAGIC) + 8 + 32  # and the length, and the checksum
_HOUR = 3600.0

_counts = {"hits": 0, "misses": 0}
_reported: set[str] = set()


class Statistics(NamedTuple):
    """What the cache holds, and how often this process found something in it or did not."""

    directory: Path | None
    entries: int
    bytes: int
    hits: int
    misses: int


def directory() -> Path | None:
    """Where compiled code is kept; None where it is not.

    `WENGERT_CACHE_DIR`, else what the system has for caches: ~/.cache/wengert/code on Linux.
    """
    if os.environ.get("WENGERT_CACHE") == "0":
        return None
    chosen = os.environ.get("WENGERT_CACHE_DIR")
    if chosen:
        try:
            return Path(chosen).absolute()
        except OSError:  # a relative one, where the working directory is gone
            return None
    import platformdirs  # here, since it is not needed where WENGERT_CACHE_DIR is set

    found = Path(platformdirs.user_cache_dir("wengert", appauthor=False)) / "code"
    return found if found.is_absolute() else None  # without a home, "~" stays "~"


def key(*parts: str) -> str:
    """The name of what depends on these texts."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()


def load(name: str) -> bytes | None:
    """The code that was saved under a name; None where there is none, or it is not what was saved."""
    place = directory()
    code = None
    if place is not None and _is_safe(place):
        try:
            code = _read(place / (name + _SUFFIX), name)
        except OSError:
            code = None
    _counts["misses" if code is None else "hits"] += 1
    return code


def save(name: str, code: bytes) -> None:
    """Keep code under a name, if that is possible."""
    place = directory()
    if place is None or len(code) > _limit():
        return
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_safe(place):
            _report(place, "it belongs to somebody else, or others may write to it")
            return
        # Under a name of its own and then renamed, so that nobody sees half an entry and of several processes that
        # write the same one the last wins. After a crash of the machine the file may be empty: the checksum shows it.
        handle, unfinished = tempfile.mkstemp(_UNFINISHED, name[:8], place)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + len(code).to_bytes(8, "little") + _checksum(name, code) + code)
            os.replace(unfinished, place / (name + _SUFFIX))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(unfinished)
            raise
        # To look at all entries takes a while, so one write in 16 does: the hash is as good as a die.
        if name.startswith("0") or 16 * len(code) > _limit():
            _trim(place, _limit())
    except OSError as error:
        _report(place, str(error))


def clear() -> None:
    """Remove all entries."""
    place = directory()
    if place is not None and _is_safe(place):
        _trim(place, -1)


def statistics() -> Statistics:
    """What is in the cache; the counts are those of this process."""
    place = directory()
    found = list(_entries(place)) if place is not None and _is_safe(place) else []
    whole = [entry for entry in found if entry.path.endswith(_SUFFIX)]
    return Statistics(place, len(whole), sum(entry.size for entry in whole), **_counts)


# Entries -----------------------------------------------------------------------------------------------------------


def _is_ours(status: os.stat_result) -> bool:
    """Whether nobody else can have written it.

    What is in the cache will be executed: code that another user of the machine put there would run with the rights of
    this one.
    """
    if not hasattr(os, "geteuid"):
        return True  # Windows, where the directory is in the user's profile
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_safe(place: Path) -> bool:
    try:
        status = os.stat(place)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and _is_ours(status)


def _checksum(name: str, code: bytes) -> bytes:
    return hashlib.sha256(name.encode() + code).digest()


def _read(path: Path, name: str) -> bytes | None:
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:
        status = os.fstat(handle)  # of what was opened, not of what has its name now
        if not stat.S_ISREG(status.st_mode) or not _is_ours(status):
            return None
        data = file.read()
    head, code = data[:_HEAD], data[_HEAD:]
    if head != _MAGIC + len(code).to_bytes(8, "little") + _checksum(name, code):
        return None
    if time.time() - status.st_mtime > _HOUR:  # the order of last use need not be exact
        with contextlib.suppress(OSError):
            os.utime(path)
    return code


class _Entry(NamedTuple):
    used: float
    size: int
    path: str


def _entries(place: Path) -> Iterator[_Entry]:
    with contextlib.suppress(OSError), os.scandir(place) as files:
        for file in files:
            if file.name.endswith((_SUFFIX, _UNFINISHED)):
                with contextlib.suppress(OSError):  # another process may just have removed it
                    status = file.stat(follow_symlinks=False)
                    yield _Entry(status.st_mtime, status.st_size, file.path)


def _limit() -> float:
    """In bytes."""
    text = os.environ.get("WENGERT_CACHE_SIZE", "")
    try:
        return (float(text) if text else LIMIT) * 1e6
    except ValueError:
        _report(Path(text), "WENGERT_CACHE_SIZE is a number of megabytes")
        return LIMIT * 1e6


def _trim(place: Path, limit: float) -> None:
    """Remove what was not used for longest until a tenth of the limit is free, and what was never finished."""
    total, kept = 0, []
    for entry in _entries(place):
        if entry.path.endswith(_SUFFIX) or (limit >= 0 and time.time() - entry.used < _HOUR):
            kept.append(entry)
            total += entry.size
        else:
            _remove(entry)
    if total <= limit:
        return
    for entry in sorted(kept):
        if total <= 0.9 * limit:
            break
        _remove(entry)
        total -= entry.size


def _remove(entry: _Entry) -> None:
    with contextlib.suppress(OSError):
        os.unlink(entry.path)


def _report(place: Path, reason: str) -> None:
    """Say once, to those who listen, why the cache is not used."""
    if str(place) not in _reported:
        _reported.add(str(place))
        import logging

        logging.getLogger(__name__).info("compiled code is not kept in %s: %s", place, reason)
