"""The process on the wire: it owns QEMU's stub, steps, and is a stub itself to one client.

``stepper`` is the loop, ``rules`` how each kind of instruction is stepped, ``instruction_cache`` what is known of the
code, ``live_registers`` what an address is computed from.  ``guest`` is what the loop asks of what it steps, and
``linux_guest`` answers for a process: with ``system_calls``, ``signals``, ``modules``, and ``threads``, which are held
by ``ptrace``.  ``step_record`` is what goes to the recorder, ``__main__`` the program, ``process`` how it is started,
``client`` our own client of it.
"""
