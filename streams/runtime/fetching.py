"""Records whose header names are not UTF-8: aiokafka raises on them, and their partition would stand still for ever.

Kafka does not check header names, and clients in C can send any bytes. Java's consumer replaces what it cannot read;
so do we, with escapes. Only such a batch is read again, by aiokafka's Python parser; all others go the fast way.
"""

from collections.abc import Iterator
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record import default_records, memory_records

# Private or final classes of aiokafka: typed as what they are to us, something to stand in for.
_fetcher: Any = fetcher
_Strict: Any = fetcher.PartitionRecords
_FastRecords: Any = memory_records.MemoryRecords
_SlowRecords: Any = memory_records._MemoryRecordsPy
_SlowBatch: Any = default_records._DefaultRecordBatchPy


def tolerate_header_names() -> None:
    """Make aiokafka's fetchers of this process read on past such records. Does nothing the second time."""
    _fetcher.MemoryRecords = _Records
    _fetcher.PartitionRecords = _PartitionRecords


class _Records(_FastRecords):  # type: ignore[misc]
    """Keeps the bytes, to be read again."""

    data: bytes

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class _PartitionRecords(_Strict):  # type: ignore[misc]
    _records: Any

    def _unpack_records(self) -> Iterator[Any]:
        try:
            yield from super()._unpack_records()
        except UnicodeDecodeError:
            # From the start of what was fetched, less what was given out: aiokafka itself would skip that only as far
            # as the last whole batch, because at a batch's end it puts the position there.
            position = self.next_fetch_offset
            self._records = _TolerantRecords(self._records.data)
            yield from (record for record in super()._unpack_records() if record.offset >= position)


class _TolerantRecords(_SlowRecords):  # type: ignore[misc]
    def next_batch(self) -> Any:
        data = self._next_slice
        batch = super().next_batch()
        # Formats before 2 have no headers.
        return _TolerantBatch(data) if data is not None and data[self.MAGIC_OFFSET] >= 2 else batch


class _TolerantBatch(_SlowBatch):  # type: ignore[misc]
    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        if not isinstance(self._buffer, _TolerantBytes):
            self._buffer = _TolerantBytes(self._buffer)


class _TolerantBytes(bytearray):
    """Bytes whose slices decode whatever they hold."""

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        found = super().__getitem__(index)
        return _TolerantBytes(found) if isinstance(index, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return bytes(self).decode(encoding, errors)
