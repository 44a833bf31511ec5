"""The GDB remote serial protocol, from both ends.

``packet`` frames and reads packets, ``description`` turns a target description into a register layout, ``client``
talks to a stub, ``server`` is one.  Reference: the gdb manual, appendix "GDB Remote Serial Protocol", and QEMU's
``gdbstub/``.
"""
