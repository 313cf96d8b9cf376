"""`newsmill inspect`."""


def inspect() -> None:
    """."""
    raise NotImplementedError
