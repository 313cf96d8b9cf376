"""Releases from files, folders, JSON lines and standard input, as messages for the raw topic."""

import glob
import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from itertools import count
from pathlib import Path
from typing import cast

from streams.codec import loads
from streams.errors import Exit, Fatal, Unprocessable
from streams.formats import ID_PREFIX, feed, nitf
from streams.formats.json import ALIASES
from streams.formats.text import tidy_line
from streams.runtime.events import Headers, Message
from streams.text.charset import decode

CONTENT_TYPES = {
    ".json": "application/json",
    ".txt": "text/plain",
    ".htm": "text/html",
    ".html": "text/html",
    ".xhtml": "application/xhtml+xml",
    ".xml": "application/xml",
    ".nitf": nitf.MEDIA_TYPE,
    ".rss": feed.RSS,
    ".atom": feed.ATOM,
}
"""Content type by the end of a file's name. Without a charset: a file's name says nothing about it."""

LINES = frozenset((".jsonl", ".ndjson"))
"""Files that hold a release a line."""

STANDARD_INPUT = "-"

FRAME_BYTES = 1_024
FRAME_SHARE = 1 / 1_024
"""What the broker counts against a topic's limit besides key, value and headers: the fields of the batch, and what
compression adds where it cannot take away (lz4: 4 bytes in 64 kB)."""

_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Refused:
    """A release that the topic has no room for: it cannot even become a dead letter."""

    name: str
    size: int
    limit: int

    def __str__(self) -> str:
        return f"{self.name}: {self.size} bytes, the raw topic has room for {self.limit} (topics.raw_bytes): not sent"


@dataclass(frozen=True, slots=True)
class Manner:
    """How what is found is sent."""

    topic: str
    most_bytes: int
    """Largest message, by its key, value and headers."""
    content_type: str = ""
    """Instead of what a file's name says."""
    source: str = ""
    """The wire or feed, for releases that do not say it themselves."""
    lines: bool = False
    """Every input holds a JSON release a line, whatever its name."""


def room(topic_bytes: int) -> int:
    """How large a message may be on a topic that takes `topic_bytes`, whatever is in it."""
    return int(topic_bytes * (1 - FRAME_SHARE)) - FRAME_BYTES


def find(arguments: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Find the files that files, folders and patterns name. Returns (to send, passed over in folders).

    In folders, recursively, only files whose name says what they are; a file that is named itself is always sent.
    Raises `Fatal` for a name that leads to nothing.
    """
    found: list[Path] = []
    passed: list[Path] = []
    for argument in arguments:
        matches = [Path(argument)]
        if argument != STANDARD_INPUT and not matches[0].exists():
            matches = [Path(match) for match in sorted(glob.glob(argument, recursive=True))]  # noqa: PTH207 - also absolute
        if not matches:
            raise Fatal(Exit.NO_INPUT, f"{argument}: no such file or folder")
        for path in matches:
            if not path.is_dir():
                found.append(path)
                continue
            inside = sorted(file for file in path.rglob("*") if file.is_file() and not _hidden(file, path))
            known = [file for file in inside if file.suffix.lower() in CONTENT_TYPES.keys() | LINES]
            if not known:
                endings = ", ".join((*CONTENT_TYPES, *sorted(LINES)))
                raise Fatal(Exit.NO_INPUT, f"{path}: no file in this folder ends in {endings}")
            found += known
            passed += [file for file in inside if file not in set(known)]
    return found, passed


def read(files: Iterable[Path], manner: Manner) -> Iterator[Message | Refused | None]:
    """Read the releases one after the other. `None` says that the next one may be long in coming.

    Raises `Fatal` when a file cannot be read.
    """
    for path in files:
        try:
            if str(path) == STANDARD_INPUT:
                yield from _standard_input(manner)
            elif manner.lines or path.suffix.lower() in LINES:
                with path.open("rb") as file:
                    for number, line in enumerate(file, start=1):
                        yield from _line(f"{path}:{number}", line, manner)
            else:
                yield _file(path, manner)
        except OSError as exc:
            raise Fatal(Exit.NO_INPUT, f"{path} cannot be read: {exc.strerror}") from exc


def kill(identifier: str, topic: str) -> Message:
    """The message that kills a release everywhere: its key, and nothing."""
    return Message(topic, tidy_line(identifier).encode(), None, ())


def content_id(data: bytes) -> str:
    """The id of a release that came without one: the same bytes are the same release, as the formats have it."""
    return ID_PREFIX + hashlib.sha256(data).hexdigest()


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _file(path: Path, manner: Manner) -> Message | Refused:
    size = path.stat().st_size
    if size > manner.most_bytes:  # before it fills the memory
        return Refused(str(path), size, manner.most_bytes)
    # A file without an id is the release of its path: corrected and sent again, it is a new event of the same release.
    return _message(str(path), path.read_bytes(), CONTENT_TYPES.get(path.suffix.lower(), ""), manner, path)


def _standard_input(manner: Manner) -> Iterator[Message | Refused | None]:
    source = cast(BufferedReader, sys.stdin.buffer)
    if not manner.lines:
        yield _message("standard input", source.read(), "", manner)
        return
    rest = b""
    number = count(1)
    while chunk := source.read1(_CHUNK_BYTES):  # what there is by now: whoever writes may pause after it
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield from _line(f"standard input:{next(number)}", line, manner)
        yield None
    yield from _line(f"standard input:{next(number)}", rest, manner)


def _line(name: str, line: bytes, manner: Manner) -> Iterator[Message | Refused]:
    if line.strip():
        yield _message(name, line.rstrip(b"\r\n"), "application/json", manner)


def _message(name: str, data: bytes, content_type: str, manner: Manner, path: Path | None = None) -> Message | Refused:
    content_type = manner.content_type or content_type
    headers: Headers = ()
    if content_type:
        headers += (("content-type", content_type.encode()),)
    if manner.source:
        headers += (("newsmill.source", manner.source.encode()),)
    identifier = _own_id(data) if "json" in content_type else ""
    identifier = identifier or (path.absolute().as_uri() if path else content_id(data))
    message = Message(manner.topic, identifier.encode("utf-8", "replace"), data, headers)
    return message if message.size <= manner.most_bytes else Refused(name, message.size, manner.most_bytes)


def _own_id(data: bytes) -> str:
    """The id that a JSON release says; none where it does not, or is broken: the worker finds that out."""
    try:
        fields = loads(decode(data, None).encode())
    except Unprocessable:
        return ""
    named = (fields.get(name) for name in ("id", *ALIASES["id"])) if isinstance(fields, dict) else ()
    return next((tidy_line(value) for value in named if isinstance(value, str)), "")
