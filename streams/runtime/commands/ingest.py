"""`newsmill ingest`."""


def ingest() -> None:
    """."""
    raise NotImplementedError
