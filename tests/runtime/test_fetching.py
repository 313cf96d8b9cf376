"""Header names that are no UTF-8, through aiokafka's own record classes."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from streams.runtime import fetching

TP = TopicPartition("t", 0)

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}

ODD = b"\xff\xfea"
"""A header name that is no UTF-8."""


@pytest.fixture(autouse=True)
def _patched() -> None:
    fetching.tolerate_header_names()


class _Name(str):
    """A header name that is sent as these bytes, as clients in C do."""

    __slots__ = ("raw",)
    raw: bytes

    def encode(self, *_: Any) -> bytes:
        return self.raw


def batch(offset: int, *names: bytes, codec: str = "none") -> bytes:
    """A batch of the present format with a record for each name, from this offset on."""
    builder = _DefaultRecordBatchBuilderPy(2, CODECS[codec], 0, -1, -1, 0, 1 << 20)
    for number, name in enumerate(names):
        header = _Name("name")
        header.raw = name
        builder.append(number, 1_700_000_000_000, b"k", b"v%d" % (offset + number), [(header, b"x")])
    data = bytearray(builder.build())
    data[:8] = offset.to_bytes(8, "big")  # the broker's, and outside the checksum
    return bytes(data)


def old_batch(offset: int) -> bytes:
    """A record of the format before headers."""
    builder = LegacyRecordBatchBuilder(magic=1, compression_type=0, batch_size=1 << 20)
    builder.append(offset, timestamp=1_700_000_000_000, key=b"k", value=b"v%d" % offset)
    return bytes(builder.build())


def fetched(data: bytes, position: int = 0) -> Iterator[Any]:
    """As the consumer reads what a broker answered."""
    records: Any = fetcher
    return iter(records.PartitionRecords(TP, records.MemoryRecords(data), [], position, None, None, True, 0))


def seen(records: Iterator[Any]) -> list[tuple[int, bytes | None, Sequence[tuple[str, bytes]]]]:
    return [(record.offset, record.value, record.headers) for record in records]


def test_aiokafka_by_itself_stops_at_such_a_name() -> None:
    """When this fails after an upgrade, the whole module can go."""
    strict = fetching._Strict(TP, fetching._FastRecords(batch(0, b"a", ODD)), [], 0, None, None, True, 0)
    assert next(strict).offset == 0
    with pytest.raises(UnicodeDecodeError):
        next(strict)


@pytest.mark.parametrize("codec", CODECS)
def test_such_a_name_is_read_with_escapes_and_its_neighbours_as_they_are(codec: str) -> None:
    assert seen(fetched(batch(0, "ü".encode(), ODD, b"b", codec=codec))) == [
        (0, b"v0", (("ü", b"x"),)),
        (1, b"v1", (("\\xff\\xfea", b"x"),)),
        (2, b"v2", (("b", b"x"),)),
    ]


def test_batches_before_and_behind_it_are_read_once_each() -> None:
    data = batch(0, b"a", b"b") + batch(2, ODD) + batch(3, b"c", ODD) + batch(5, b"d")
    assert [offset for offset, *_ in seen(fetched(data))] == list(range(6))


def test_records_of_its_own_batch_that_were_given_out_are_not_given_out_again() -> None:
    data = batch(0, b"a") + batch(1, b"b", ODD)
    assert [offset for offset, *_ in seen(fetched(data))] == [0, 1, 2]


def test_what_is_below_the_position_is_not_given_out() -> None:
    assert [offset for offset, *_ in seen(fetched(batch(0, ODD, b"a", ODD), position=2))] == [2]


def test_the_format_before_headers_is_left_to_aiokafka() -> None:
    (record,) = fetching._TolerantRecords(old_batch(4)).next_batch()
    assert (record.offset, record.value) == (4, b"v4")


def test_checksums_are_checked_as_before() -> None:
    data = bytearray(batch(0, ODD))
    data[-1] ^= 1
    with pytest.raises(CorruptRecordException):
        next(fetched(bytes(data)))


def test_ordinary_batches_go_the_fast_way() -> None:
    records = fetched(batch(0, b"a", b"b"))
    list(records)
    assert isinstance(records._records, fetching._FastRecords)  # type: ignore[attr-defined]


def test_asked_twice_it_changes_nothing_more() -> None:
    before: Any = fetcher
    classes = before.MemoryRecords, before.PartitionRecords
    fetching.tolerate_header_names()
    assert (before.MemoryRecords, before.PartitionRecords) == classes


@given(
    st.lists(st.lists(st.binary(max_size=6), min_size=1, max_size=4), min_size=1, max_size=4),
    st.sampled_from(list(CODECS)),
)
@example_settings(max_examples=60, deadline=None)
def test_any_bytes_are_a_name(batches: list[list[bytes]], codec: str) -> None:
    data, offset = b"", 0
    for names in batches:
        data += batch(offset, *names, codec=codec)
        offset += len(names)
    texts = [name.decode("utf-8", "backslashreplace") for each in batches for name in each]
    assert seen(fetched(data)) == [(n, b"v%d" % n, ((text, b"x"),)) for n, text in enumerate(texts)]
