"""QEMU's own view of a run, from a plugin, and how a trace is compared with it."""
