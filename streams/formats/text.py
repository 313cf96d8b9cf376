"""Plain text: the Kafka case, most often one paragraph a line and nothing else to go by."""

import re

from streams.records import RawRelease
from streams.text.charset import decode

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def read_text(data: bytes, charset: str | None) -> RawRelease:
    """Read text as it stands. The first line is not taken for the title: the boilerplate stage has better evidence."""
    return RawRelease(content_type="text/plain", text=tidy(decode(data, charset)))


def tidy(text: str) -> str:
    """Make line ends `\\n` and drop control characters but tab and newline; change nothing else."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def tidy_line(text: str) -> str:
    """Tidy what is one line by its nature, a title or an id: white space is single blanks."""
    return " ".join(tidy(text).split())
