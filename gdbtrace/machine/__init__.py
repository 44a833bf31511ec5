"""QEMU: finding it, starting it, ending it."""
