"""QEMU: starting it, what its guest says, ending it."""
