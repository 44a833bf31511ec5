"""The vocabulary of an instruction set: what every architecture table is written in.

Nothing here does I/O, and nothing here knows a particular instruction set.  A family's module (``sparc.py``,
``mips.py``, ...) fills an :class:`Arch` with facts; the tracer and the recorder read them.

Two sets of register names exist and are kept apart:

* *stub registers* are what QEMU's gdbstub transfers: the registers of the target description, or of
  :attr:`Arch.builtin_layout` where QEMU sends none.  :class:`Registers` and every function over it use these names.
* *operand registers* (:class:`Register`) are what a trace lists: the names and widths that the consumers of bap-frame
  traces take.  Each is a run of bits of one stub register.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Literal, NamedTuple, Protocol

from gdbtrace.arch.linux import SIGNALS

ByteOrder = Literal["little", "big"]


class Group(Enum):
    """What a register is for, which decides when a frame lists it."""

    GENERAL = "general"
    """Integer and address registers: always in the pre list."""
    CONTROL = "control"
    """Program counters, link and loop registers, segment selectors: always in the pre list."""
    STATUS = "status"
    """Condition codes and the like, which many instructions write without naming: always in both lists."""
    FLOAT = "float"
    """Listed where an instruction names, implies or changes it."""
    VECTOR = "vector"
    """Listed where an instruction names, implies or changes it."""
    SYSTEM = "system"
    """Listed where an instruction names or changes it, and with ``--registers full``."""
    COUNTER = "counter"
    """Ticks by itself (time, cycle, instret, ...): listed only where an instruction names it."""


@dataclass(frozen=True, slots=True)
class Register:
    """One operand register: ``bits`` bits of the stub register ``source``, from bit ``shift`` up."""

    name: str
    bits: int
    """Width in the trace; wider than the source means zero-extended."""
    group: Group = Group.GENERAL
    source: str = ""
    """The stub register that holds it; empty means the one of the same name."""
    shift: int = 0

    @property
    def stub_name(self) -> str:
        """The stub register that holds this one."""
        return self.source or self.name


class StubRegister(NamedTuple):
    """One register as the stub transfers it; order and widths are those of the ``g`` packet."""

    name: str
    bits: int


class Registers(Protocol):
    """The values of the stub registers at one stop, as unsigned integers."""

    def __getitem__(self, name: str, /) -> int: ...

    def read_memory(self, address: int, size: int, /) -> bytes:
        """Guest memory at the same stop, for what an instruction touches depending on what it finds there.

        Rare (s390x EXECUTE and string instructions): a round trip each.

        :raise KeyError: the stub cannot read it.
        """
        ...


class AccessKind(IntEnum):
    """The direction of a memory access."""

    LOAD = 0
    STORE = 1


class Span(NamedTuple):
    """A run of bytes that one instruction touches in one direction."""

    kind: AccessKind
    address: int
    """Virtual address, already cut to the guest's address width."""
    size: int
    """In bytes; 0 is allowed and means nothing is touched."""


SpanFunction = Callable[[Registers], Sequence[Span]]
"""Which memory an instruction touches, given the registers before it runs, in the order of the accesses."""


class StepRule(Enum):
    """How an instruction must be stepped so that it becomes exactly one frame (``tracer/rules.py`` does it)."""

    PLAIN = "plain"
    """One step packet executes it."""
    SYSTEM_CALL = "system call"
    """A raw step may swallow the instruction after it: run to where it returns."""
    RUN = "run"
    """A raw step may swallow the instruction after it: run to that one. SPARC ``save``, ``restore``, ``return`` and
    ``flushw``, when QEMU spills or fills a window; x86 ``pause``, Arm ``yield`` and ``wfe``, after which QEMU leaves
    its loop without a stop; what QEMU does in the kernel's stead without a system call."""
    ANNULLING = "annulling"
    """MIPS branch-likely: one that is not taken may stop at its slot, which is not executed."""
    EXECUTE = "execute"
    """s390x EXECUTE: a raw step may stop at the instruction itself with nothing done yet."""
    LOAD_EXCLUSIVE = "load exclusive"
    """Opens an exclusive sequence (load-reserve, load-linked)."""
    STORE_EXCLUSIVE = "store exclusive"
    """Closes an exclusive sequence; fails for ever if each instruction before it was stepped, on some targets."""
    CLEAR_EXCLUSIVE = "clear exclusive"
    """Gives the exclusive monitor up."""
    BREAKPOINT = "breakpoint"
    """Raises SIGTRAP, which looks like the end of a step: ``int3``, ``brk``, a trap whose condition holds."""
    NULLIFYING = "nullifying"
    """May nullify the instruction after it, at which there is one more stop then (HPPA)."""
    REMEMBER = "remember"
    """Writes a register that the stub does not show; what is written is remembered."""
    REPEAT = "repeat"
    """x86 string instruction with a repeat prefix: one step is one iteration."""


@dataclass(frozen=True, slots=True)
class Objdump:
    """How binutils' or LLVM's objdump disassembles what capstone cannot."""

    programs: tuple[str, ...]
    """Their names, the preferred first."""
    machine: int
    """``e_machine`` of the ELF file to give them."""
    flags: int = 0
    """``e_flags`` of it."""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mode:
    """An instruction-set state: how to size and disassemble what is at the program counter."""

    name: str | None
    """What ``std_frame.mode`` says (``arm:t32``); None leaves the field out."""
    capstone_arch: int | None
    """None: capstone has no decoder."""
    capstone_mode: int
    instruction_bytes: tuple[int, ...]
    """The sizes an instruction may have, ascending."""
    size_of_undecoded: Callable[[bytes], int] | None = None
    """The size that the encoding itself gives an instruction that capstone does not know; None: the smallest."""
    objdump: Objdump | None = None
    """Where an instruction's text comes from if capstone has no decoder."""
    size_of: Callable[[bytes], int] | None = None
    """The size that the encoding itself gives any instruction, where capstone's is not to be relied on."""


@dataclass(frozen=True, slots=True)
class Disassembled:
    """An instruction's bytes and what capstone said of them."""

    address: int
    data: bytes
    """Exactly the instruction, in memory order."""
    mode: Mode
    mnemonic: str
    """Empty where capstone has no decoder for these bytes."""
    operand_text: str
    capstone: object | None
    """The ``capstone.CsInsn`` with details, for families whose encoding we do not read ourselves (x86)."""

    @property
    def text(self) -> str:
        """The instruction as a disassembler prints it."""
        return f"{self.mnemonic} {self.operand_text}".strip() or f".byte 0x{self.data.hex()}"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a family's table says an instruction does, beyond the registers its text names."""

    rule: StepRule = StepRule.PLAIN
    spans: SpanFunction | None = None
    """None: it touches no memory."""
    implied: tuple[str, ...] = ()
    """Operand registers it may read or write without naming them (FLOAT, VECTOR, SYSTEM ones above all)."""
    implied_at: Callable[[Registers], tuple[str, ...]] | None = None
    """More of them, given the registers before it: those that an s390x EXECUTE's target names."""
    annuls: Callable[[Registers], bool] | None = None
    """For :attr:`StepRule.ANNULLING`: whether, given the registers before it, its delay slot is not executed."""
    has_stored: Callable[[Registers], bool] | None = None
    """For :attr:`StepRule.STORE_EXCLUSIVE`: whether, given the registers after it, it succeeded; if not, it touched
    nothing. None: no register says."""
    cancelled: Callable[[Registers], Sequence[int]] | None = None
    """The indices of those of ``spans`` that did not happen after all, given the registers after it (Hexagon, whose
    packets compute predicates and use them); None: all happened."""
    system_call: int | None = None
    """For :attr:`StepRule.SYSTEM_CALL`: the number, where the instruction itself has it."""
    resumes_at: Callable[[Registers], int] | None = None
    """For :attr:`StepRule.RUN` and :attr:`StepRule.SYSTEM_CALL`: where it goes on; None means the next instruction."""
    nullifies: Callable[[Registers], bool] | None = None
    """For :attr:`StepRule.NULLIFYING`: whether, given the registers after it, the next instruction is nullified."""
    always_traps: bool = False
    """For :attr:`StepRule.BREAKPOINT`: True: it traps, and the program counter may be behind it; False: it has trapped
    if the program counter is still at it."""
    remembers: tuple[str, Callable[[Registers], int]] | None = None
    """For :attr:`StepRule.REMEMBER`: the register of :attr:`Arch.remembered`, and its value after the instruction."""
    spans_known: bool = True
    """False: nobody can say which memory it touches."""


class EntryPoint(NamedTuple):
    """An address in the kernel's own page at which QEMU does the kernel's work without any code."""

    name: str
    """What a log shows instead of an instruction's text."""
    behaviour: Behaviour


KNOWN_SYSTEM_CALLS = frozenset(
    {"getrandom", "sigreturn", "rt_sigreturn", "execve", "execveat", "sigaction", "rt_sigaction", "signal", "mmap"}
    | {"mmap2", "clone", "kill", "tkill", "tgkill"}
)
"""System calls after which the tracer has something to do, by their Linux names."""


@dataclass(frozen=True, slots=True)
class SystemCalls:
    """The system call convention of Linux on this architecture (syscall(2))."""

    number: str
    """Stub register that holds the number."""
    result: str
    """Stub register that the result comes back in."""
    arguments: tuple[str, ...]
    """Stub registers of the arguments, in order."""
    names: Mapping[int, str]
    """Number -> name, of those calls that a tracer must know: :data:`KNOWN_SYSTEM_CALLS`."""
    stack_arguments: int | None = None
    """Where arguments beyond the registers are, in bytes from the stack pointer; None: all six are in registers."""
    signals: Mapping[str, int] = field(default_factory=lambda: SIGNALS)
    """Signal name -> number."""
    handler_offset: int = 0
    """Where ``struct sigaction`` has the handler, in bytes."""
    code_address: Callable[[Registers, int], int] | None = None
    """The address of a function's first instruction, given a pointer to the function, where that is not the same."""


@dataclass(frozen=True, slots=True)
class ElfIdentity:
    """What an ELF header must say for a program to be of an architecture."""

    machine: str
    """``e_machine`` as pyelftools names it (``EM_SPARCV9``)."""
    bits: Literal[32, 64]
    byte_order: ByteOrder
    other_abis: tuple[tuple[int, str], ...] = ()
    """Bits of ``e_flags`` that make it a program of an ABI that is not supported, and what that is called."""


@dataclass(frozen=True, slots=True)
class Arch:
    """One architecture: a table of facts."""

    name: str
    """What ``--arch`` takes, which is also QEMU's target name."""
    bits: Literal[32, 64]
    byte_order: ByteOrder
    elf: ElfIdentity
    frame_architecture: int
    """bap-frame's ``frame_architecture`` number."""
    frame_machine: int
    """bap-frame's ``frame_machine`` number."""
    pc: str
    """Stub register of the program counter."""
    sp: str
    """Stub register of the stack pointer."""
    registers: tuple[Register, ...]
    """Operand registers, in the order in which frames list them. What the stub has beyond them is SYSTEM."""
    modes: tuple[Mode, ...]
    """The first is the mode that a target starts in."""
    behaviour_of: Callable[[Disassembled], Behaviour]
    system_calls: SystemCalls
    aliases: Mapping[str, tuple[str, ...]]
    """Register names as capstone prints them -> operand registers; a name missing here stands for itself."""
    builtin_layout: tuple[StubRegister, ...] = ()
    """The ``g`` packet, for targets of which QEMU sends no description."""
    next_pc: str | None = None
    """Stub register of the address of the instruction after this one, where the architecture has one (SPARC)."""
    privilege_bits: int = 0
    """Low bits of ``pc`` and ``next_pc`` as the stub sends them that are the privilege level, not part of the address
    (HPPA). They are cleared when they come from the stub."""
    entry_points: Mapping[int, EntryPoint] = field(default_factory=dict)
    """Where a program jumps to for the kernel's services: one frame each, without bytes."""
    mode_of: Callable[[Registers], Mode] | None = None
    """The mode at a stop; None: always the first."""
    gdb_architecture: str | None = None
    """gdb's ``set architecture`` name; None: gdb does not know it, use the rsp engine."""
    fault_address: str | None = None
    """Stub register with the address that the latest page fault was at, where the stub shows one (x86)."""
    least_qemu: tuple[int, int] | None = None
    """The first release of QEMU whose stub can be used; None: any that Debian 12 or later has."""
    remembered: Mapping[str, int] = field(default_factory=dict)
    """Registers that the stub does not show and the tracer keeps, by name -> their values when a program starts."""
    write_overrun: int = 0
    """Bytes behind the last register of ``g`` that QEMU takes for it when it is written (``G``): they repeat it."""
    piece_bytes: Mapping[str, int] = field(default_factory=dict)
    """Stub registers outside ``g`` that a big-endian stub sends in pieces of this many bytes, the lowest one first."""
    unknown_operands: str = ""
    """What cannot be said about memory operands, for ``gdbtrace archs``; empty: all is known."""

    def source_of(self, register: Register, available: Container[str]) -> str | None:
        """The stub register to take an operand register from, or None if the stub does not have it.

        A target without the wider register of the table has the operand register itself (AArch64 without SVE: ``v0``,
        not ``z0``).
        """
        for name in (register.stub_name, register.name):
            if name in available:
                return name
        return None

    @property
    def address_mask(self) -> int:
        """All the bits an address may have."""
        return (1 << self.bits) - 1

    @property
    def qemu_user(self) -> str:
        """The user-mode emulator's program name."""
        return f"qemu-{self.name}"


__all__ = [
    "KNOWN_SYSTEM_CALLS",
    "AccessKind",
    "Arch",
    "Behaviour",
    "ByteOrder",
    "Disassembled",
    "ElfIdentity",
    "EntryPoint",
    "Group",
    "Mode",
    "Objdump",
    "Register",
    "Registers",
    "Span",
    "SpanFunction",
    "StepRule",
    "StubRegister",
    "SystemCalls",
]
