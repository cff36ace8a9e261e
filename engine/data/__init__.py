"""Data sets: where they come from, what may be done with them, and how to have their files."""

from engine.data.fetching import checksum, fetch, held
from engine.data.registry import DataFile, DataSource, source, sources

__all__ = ["DataFile", "DataSource", "checksum", "fetch", "held", "source", "sources"]
