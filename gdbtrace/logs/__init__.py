"""Logs of executed instructions that are read as traces: QEMU's execlog plugin and ``-d cpu,exec``, and our own."""

from gdbtrace.logs.reader import LogReader, is_log

__all__ = ["LogReader", "is_log"]
