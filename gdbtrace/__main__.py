"""``python -m gdbtrace``: the command line."""

from gdbtrace.cli import entry_point

entry_point()
