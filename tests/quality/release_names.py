"""Names marked by hand in sixty releases of the shared corpus, four a language, which nobody had tuned to then.

`release_names.tsv` holds no text, only offsets into the `text` of `corpus/unlabelled/releases.jsonl.gz`:

    ar-008  open            75  1425  6fd4e9eb2613      read from here to there; the hash is of what stands there
    ar-008  PERSON          123  137                    a name, where it first stands

What was read is the body that `strip_boilerplate` left, of long ones the first paragraphs; it is tagged as it was read,
whatever that stage does today. The first two releases of a language are `open`: their errors may be looked at. The
other two are `closed`: they tell what the open ones cannot, for as long as nobody looks at what is wrong in them.

Marked as in `corpus/dev`: each surface string once, without titles, forms of address, Arabic clitics and Korean
particles, with case endings; the longest name, and none within it. Clubs, teams, media, social networks, brands and
parties are organisations, so is what a body is called for short (`Tribunal`, `la Ville`, `Parliament`); buildings and
streets are places; the kind of a place is counted in where Thai and Vietnamese write it before its name. Products,
events, prizes, laws, works and adjectives are none.
"""

import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from streams.records import CleanRelease

HALVES: Final = ("open", "closed")

MARKS: Final = Path(__file__).with_suffix(".tsv")


class MarkedRelease(NamedTuple):
    """A release to tag, and the surface strings that were marked in its body, by type."""

    half: str
    release: CleanRelease
    names: dict[str, set[str]]


def marked_releases(shared: Path) -> Iterator[MarkedRelease]:
    """Read the marked releases; raises `ValueError` where a text is not the one that was marked."""
    marks: defaultdict[str, list[_Mark]] = defaultdict(list)
    for line in MARKS.read_text(encoding="utf-8").splitlines():
        identifier, kind, start, end, *digest = line.split("\t")
        marks[identifier].append(_Mark(kind, int(start), int(end), *digest))
    corpus = shared / "corpus" / "unlabelled" / "releases.jsonl.gz"
    with gzip.open(corpus, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            if record["id"] in marks:
                yield _marked(record, marks.pop(record["id"]))
    if marks:
        raise ValueError(f"{corpus}: no {', '.join(marks)}")


class _Mark(NamedTuple):
    kind: str
    start: int
    end: int
    digest: str = ""


def _marked(record: dict[str, str], marks: list[_Mark]) -> MarkedRelease:
    read = []
    names: dict[str, set[str]] = {kind: set() for kind in ("PERSON", "ORGANISATION", "PLACE", "TICKER")}
    for kind, start, end, digest in marks:
        surface = record["text"][start:end]
        if kind in names:
            names[kind].add(surface)
        elif hashlib.sha256(surface.encode()).hexdigest().startswith(digest):
            read.append(surface)
        else:
            raise ValueError(f"{record['id']}: not the text that was marked, {start} to {end}")
    body = "\n".join(read)
    release = CleanRelease(id=record["id"], language=record["lang"], title=record["title"], body=body)
    return MarkedRelease(marks[0].kind, release, names)
