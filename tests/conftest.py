"""Fixtures for all tests."""

import signal

pytest_plugins = ["tests.support.brokers"]


def pytest_configure() -> None:
    """Let Ctrl-C reach the commands under test: what a shell starts in the background ignores it, children and all."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
