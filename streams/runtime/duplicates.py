"""Which events were sent before: for the count of them, not for dropping any."""

from collections import OrderedDict

REMEMBERED = 20_000
"""Ids per hop, some 100 bytes each: what a worker sends in the time that a rebalance or an outage makes it do again."""


class Recent:
    """The `ce_id`s of the latest events, by their hashes."""

    def __init__(self) -> None:
        self._seen: OrderedDict[int, None] = OrderedDict()

    def again(self, ce_id: str) -> bool:
        """Take note of an id; returns whether it is among those already."""
        if not ce_id:
            return False
        key = hash(ce_id)
        if key in self._seen:
            self._seen.move_to_end(key)
            return True
        self._seen[key] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return False
