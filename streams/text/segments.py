"""Segments: stretches of a text that lie side by side and cover it."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from streams.records import Segment


def line_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of every line, its "\\n" included, so that the spans cover the text exactly."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield start, end
        start = end


def covers(segments: Iterable[Segment], text: str) -> bool:
    """Say whether the segments hold every character of the text exactly once, in order."""
    spans = [(segment.start, segment.end) for segment in segments]
    if not spans:
        return not text
    meets = all(left[1] == right[0] for left, right in pairwise(spans))
    return meets and spans[0][0] == 0 and spans[-1][1] == len(text) and all(start < end for start, end in spans)
