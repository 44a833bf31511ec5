"""The version, for packaging and for the meta frame of traces."""

__version__ = "0.1.0"
