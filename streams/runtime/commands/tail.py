"""`newsmill tail`."""


def tail() -> None:
    """."""
    raise NotImplementedError
