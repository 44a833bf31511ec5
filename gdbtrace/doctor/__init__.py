"""What this machine's QEMU, gdb and capstone can do: probed, not looked up by version."""
