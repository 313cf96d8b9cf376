"""Newsmill: raw releases in, language, clean body and entities out, on Kafka."""

from importlib.metadata import version

__version__ = version("newsmill")
