"""What the tracer does around the guest's system calls: tell of them, pin what differs from run to run, learn from it.

The stepper executes the call itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from gdbtrace.arch.model import Arch
from gdbtrace.stub.client import StubClient
from gdbtrace.tracer.instruction_cache import KnownInstruction
from gdbtrace.tracer.live_registers import LiveRegisters
from gdbtrace.tracer.modules import Modules
from gdbtrace.tracer.signals import SignalHandlers
from gdbtrace.tracer.step_record import RecordSink, SystemCallMade

_MOST_ARGUMENTS = 6
"""Of a Linux system call."""
_CLONE_THREAD = 0x10000
_OWN_LINK = b"/proc/self/exe\0"
_LINKS = {"readlink": 0, "readlinkat": 1}
"""System calls that say where a link leads -> which argument the link is; the buffer and its size follow."""


class OwnPath(NamedTuple):
    """What ``/proc/self/exe`` leads to (proc(5)): a statically linked glibc asks at its start."""

    real: bytes
    told: bytes
    """What the guest reads instead, which must lead there, too."""


class SystemCall(NamedTuple):
    """A system call that the guest makes."""

    name: str
    """Of those in :data:`~gdbtrace.arch.model.KNOWN_SYSTEM_CALLS`; empty for all others."""
    number: int
    arguments: tuple[int, ...]
    overwritten: bytes = b""
    """What was where it writes the guest's own path."""

    @property
    def is_return_from_signal(self) -> bool:
        """Whether it goes back to what a signal interrupted."""
        return self.name in ("sigreturn", "rt_sigreturn")

    @property
    def sent_signal(self) -> int | None:
        """The signal that it sends to a process or thread."""
        at = {"kill": 1, "tkill": 1, "tgkill": 2}.get(self.name)
        return None if at is None else self.arguments[at]

    @property
    def is_replacing_the_program(self) -> bool:
        """Whether, if it succeeds, there is nothing left to trace."""
        return self.name in ("execve", "execveat")

    @property
    def is_creating_a_thread(self) -> bool:
        """Whether there may be one thread more afterwards (clone(2); on s390x the flags are the second argument)."""
        return self.name == "clone" and any(argument & _CLONE_THREAD for argument in self.arguments[:2])


class SystemCalls:
    """The system calls of one guest.

    :param modules: None: nobody knows which files the guest has mapped.
    :param is_pinned: whether random bytes are replaced.
    :param own_path: what the guest is told of where it is; None: the truth.
    """

    def __init__(
        self,
        arch: Arch,
        client: StubClient,
        registers: LiveRegisters,
        modules: Modules | None,
        *,
        is_pinned: bool,
        own_path: OwnPath | None = None,
    ) -> None:
        self._arch = arch
        self._client = client
        self._registers = registers
        self._modules = modules
        self._own_path = own_path
        self._random = random.Random(0)
        self.signals = SignalHandlers(arch, from_start=True)
        """The guest's signal handlers."""
        self._effects: Mapping[str, Callable[[SystemCall, int, RecordSink], None]] = {
            **({"getrandom": self._pin_random_bytes} if is_pinned else {}),
            **({} if own_path is None else dict.fromkeys(_LINKS, self._pin_own_path)),
            "mmap": self._note_module,
            "mmap2": self._note_module,
            "rt_sigaction": self._learn_handler,
            "sigaction": self._learn_handler,
            "signal": self._learn_handler,
        }

    def begin(self, sink: RecordSink, *, is_fresh: bool) -> None:
        """Before the first step: what can be said of the guest as it is.

        :param is_fresh: it has not executed anything yet.
        """
        self.signals = SignalHandlers(self._arch, from_start=is_fresh)
        for module in self._modules.at_start() if self._modules is not None else ():
            sink.note(module)

    def about_to_be_made(self, known: KnownInstruction, thread: int, sink: RecordSink) -> SystemCall:
        """Tell of the call whose instruction is the next one."""
        calls, registers = self._arch.system_calls, self._registers
        number = registers[calls.number] if known.behaviour.system_call is None else known.behaviour.system_call
        call = SystemCall(calls.names.get(number, ""), number, self._arguments())
        sink.note(SystemCallMade(registers[self._arch.pc], thread, number, call.arguments))
        # It may sleep: what is done so far must not wait in a buffer for it.
        sink.flush()
        return call._replace(overwritten=self._to_be_overwritten(call))

    def has_returned(self, call: SystemCall, sink: RecordSink) -> bool:
        """Do what the call makes us do; the guest is stopped where it returned to.

        :return: whether it succeeded; True also if nobody needs to know.
        """
        effect = self._effects.get(call.name)
        if effect is None and call.sent_signal is None:
            return True
        registers = self._registers
        before, registers.raw = registers.raw, self._client.read_registers()
        result = registers[self._arch.system_calls.result]
        if effect is not None:
            effect(call, result, sink)
        registers.raw = before
        return not result

    def is_sending(self, call: SystemCall, signal: int) -> bool:
        """Whether the call sends a signal, which gdb numbers so."""
        return call.sent_signal is not None and call.sent_signal == self.signals.number_of(signal)

    def _arguments(self) -> tuple[int, ...]:
        calls, registers = self._arch.system_calls, self._registers
        values = [registers[name] for name in calls.arguments]
        if calls.stack_arguments is not None:
            size = self._arch.bits // 8
            for index in range(_MOST_ARGUMENTS - len(values)):
                data = self._client.read_memory(registers[self._arch.sp] + calls.stack_arguments + index * size, size)
                values.append(int.from_bytes(data or b"", self._arch.byte_order))
        return tuple(value - (value >> 63 << 64) for value in values)

    def _pin_random_bytes(self, call: SystemCall, result: int, sink: RecordSink) -> None:
        """Replace the bytes by ones that are the same in every run."""
        address, size = call.arguments[:2]
        if 0 < result <= size:
            # Any bytes will do as random ones; these differ from call to call, and nothing more is asked of them.
            self._client.write_memory(address & self._arch.address_mask, self._random.randbytes(result))

    def _to_be_overwritten(self, call: SystemCall) -> bytes:
        """What is where a call will write the guest's own path; empty: it will not."""
        if self._own_path is None or call.name not in _LINKS:
            return b""
        path, buffer, size = call.arguments[_LINKS[call.name] :][:3]
        if size <= 0 or self._client.read_memory(path & self._arch.address_mask, len(_OWN_LINK)) != _OWN_LINK:
            return b""
        return self._client.read_memory(buffer & self._arch.address_mask, min(size, len(self._own_path.real))) or b""

    def _pin_own_path(self, call: SystemCall, result: int, sink: RecordSink) -> None:
        """Tell the guest a path of itself that is the same wherever it is."""
        before = call.overwritten
        if self._own_path is None or not before or result != len(before):
            return
        _, buffer, size = call.arguments[_LINKS[call.name] :][:3]
        buffer &= self._arch.address_mask
        if self._client.read_memory(buffer, result) == self._own_path.real[:result]:
            told = self._own_path.told[:size]
            self._client.write_memory(buffer, told + before[len(told) :])
            self._registers.write(self._arch.system_calls.result, len(told))

    def _learn_handler(self, call: SystemCall, result: int, sink: RecordSink) -> None:
        if not result or call.name == "signal":
            self.signals.set_action(call.name, call.arguments, self._registers)

    def _note_module(self, call: SystemCall, result: int, sink: RecordSink) -> None:
        if self._modules is not None and (module := self._modules.mapped_at(result)) is not None:
            sink.note(module)
