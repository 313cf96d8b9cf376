"""`newsmill demo`."""


def demo() -> None:
    """."""
    raise NotImplementedError
