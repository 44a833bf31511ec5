"""gdb, driven by pygdbmi."""
