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
from dataclasses import dataclass, field, replace
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


class CoreRegisters(Protocol):
    """The values of the stub registers that came with one stop, as unsigned integers."""

    def __getitem__(self, name: str, /) -> int: ...


class StateBefore(CoreRegisters, Protocol):
    """The core registers before an instruction, and the instruction."""

    @property
    def instruction(self) -> bytes:
        """Its bytes, in memory order; none where they cannot be read."""
        ...


class Registers(CoreRegisters, Protocol):
    """The values of the stub registers at one stop, as unsigned integers."""

    def __contains__(self, name: object, /) -> bool:
        """Whether this CPU has a register."""
        ...

    def anew(self, name: str, /) -> int:
        """A register that the stub does not send at each stop, read again: an exception has changed it."""
        ...

    def read_under(self, name: str, other: str, value: int, /) -> int:
        """A register that the stub shows only while another one, ``other``, has this value: a banked one, by the mode.

        Rare (a store to another mode's stack): the other one is changed, and put back.
        """
        ...

    def read_memory(self, address: int, size: int, /) -> bytes:
        """Guest memory at the same stop, for what an instruction touches depending on what it finds there.

        Rare (s390x EXECUTE and string instructions): a round trip each.

        :raise KeyError: the stub cannot read it.
        """
        ...

    def read_physical(self, address: int, size: int, /) -> bytes:
        """Guest memory by physical address, as firmware has it.

        :raise KeyError: it is neither RAM nor ROM.
        """
        ...

    def read_kept(self, address: int, size: int, /) -> bytes:
        """The same, but as it was when it was read first, unless an instruction has stored something there since: what
        an exception has stored is not seen. Costs nothing mostly.

        :raise KeyError: it is neither RAM nor ROM.
        """
        ...


class AccessKind(IntEnum):
    """The direction of a memory access."""

    LOAD = 0
    STORE = 1


class AddressKind(Enum):
    """What an address is of, where not all addresses are translated alike."""

    CODE = "code"
    DATA = "data"
    """What plain loads and stores touch."""
    PRIMARY = "primary"
    """Data of the program's address space, whichever is the current one."""
    SECONDARY = "secondary"
    """Data of another address space, which an instruction has asked for: a SPARC's secondary context."""
    NUCLEUS = "nucleus"
    """Data of the kernel's own address space, whichever is the current one."""
    PHYSICAL = "physical"
    """It is not translated."""


class Span(NamedTuple):
    """A run of bytes that one instruction touches in one direction."""

    kind: AccessKind
    address: int
    """Virtual address, already cut to the guest's address width."""
    size: int
    """In bytes; 0 is allowed and means nothing is touched."""

    @property
    def space(self) -> AddressKind:
        """What the address is of."""
        return AddressKind.DATA


class SpanElsewhere(Span):
    """A run of addresses that are not plain data's."""

    _space: AddressKind

    def __new__(cls, span: Span, space: AddressKind) -> SpanElsewhere:
        """The same run in another space."""
        self = super().__new__(cls, *span)
        self._space = space
        return self

    @property
    def space(self) -> AddressKind:
        """See :class:`Span`."""
        return self._space


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
    ``flushw``, when QEMU spills or fills a window; what QEMU does in the kernel's stead without a system call."""
    YIELD = "yield"
    """Does nothing but let another processor go on (x86 ``pause``, Arm ``yield`` and ``wfe``): QEMU leaves its loop
    without a stop, and a raw step executes the next instruction as well."""
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
    TRAPPING = "trapping"
    """May trap in a way that ends no step of QEMU's, which goes on into the handler (TriCore): run to whichever comes
    first, the handler or the next instruction."""
    HALT = "halt"
    """May stop the processor until an interrupt comes (``wfi``, ``hlt``, ``wait``, ``sleep``) or for good (a call of
    the machine's own firmware)."""
    UNTRAPPED = "untrapped"
    """x86: a processor's own single step does not end behind it, or shows in what it does. An emulator's does not
    differ from any other."""
    LOAD_STATE = "load state"
    """s390x LPSW and LPSWE: a raw step executes the instruction that they go to as well, unless they halt."""


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
    operations_of: Callable[[str], tuple[str, ...]] | None = None
    """The mnemonics in the text of an instruction that is several (a packet); None: it is one, its first word."""


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
    """Where an instruction's text comes from if capstone has no decoder, or does not decode it."""
    size_of: Callable[[bytes], int] | None = None
    """The size that the encoding itself gives any instruction, where capstone's is not to be relied on."""
    kept_from_capstone: Callable[[bytes], bool] | None = None
    """Instructions on which capstone ends the process instead of decoding them."""


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


class Branch(NamedTuple):
    """An instruction that may go elsewhere than to the next one: a branch, a call, a return, a system call."""

    delay_slots: int
    """How many instructions behind it are executed before it goes there, if it does; where they are annulled, fewer."""
    is_computed: bool
    """Where it goes is not in the instruction: it may be a return."""
    is_call: bool = False
    """It is a call, whatever it writes (x86, which pushes offsets in segments); else what writes the address behind
    itself is one."""


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
    """For :attr:`StepRule.RUN`, :attr:`StepRule.TRAPPING` and :attr:`StepRule.SYSTEM_CALL`: where it goes on; None: at
    the next instruction."""
    advances: Callable[[Registers], Mapping[str, int]] | None = None
    """For :attr:`StepRule.YIELD`: what it does beside going on to the next instruction, stub register -> value (Thumb's
    ITSTATE). None: nothing."""
    traps_at: Callable[[Registers], Sequence[int]] | None = None
    """For :attr:`StepRule.TRAPPING`: where the traps that it may end in are handled, given the registers before it;
    empty: it cannot trap."""
    goes_to: Callable[[Registers], Sequence[int]] | None = None
    """For :attr:`StepRule.LOAD_STATE`: where it may go, given the registers before it; nowhere: it halts."""
    nullifies: Callable[[Registers], bool] | None = None
    """For :attr:`StepRule.NULLIFYING`: whether, given the registers after it, the next instruction is nullified."""
    traps_behind: bool = False
    """The program counter of its trap is that of the next instruction, and gdbserver puts it back, as gdb wants it of
    breakpoints."""
    always_traps: bool = False
    """For :attr:`StepRule.BREAKPOINT`: True: it traps, and the program counter may be behind it; False: it has trapped
    if the program counter is still at it."""
    remembers: tuple[str, Callable[[Registers], int]] | None = None
    """For :attr:`StepRule.REMEMBER`: the register of :attr:`Arch.remembered`, and its value after the instruction."""
    spans_known: bool = True
    """False: nobody can say which memory it touches."""
    is_system: bool = False
    """It may change how addresses are translated, what is mapped where, or what an exception does: nothing that is
    known of those survives it. Programs have no such instructions."""
    reloads: bool = False
    """It may change registers that only the monitor shows (:attr:`SystemLevel.monitored`), and nothing else that
    :attr:`is_system` stands for."""
    may_stay: bool = False
    """It may leave all registers as they are, the program counter among them: a jump to itself."""
    rearranges: Callable[[Registers], bool] | None = None
    """Whether, given the registers after it, it may have had a device move itself or memory (x86 ``out``): what is
    mapped where is found out anew. None: it has nothing to do with devices, or only as loads and stores have."""


class EntryPoint(NamedTuple):
    """An address in the kernel's own page at which QEMU does the kernel's work without any code."""

    name: str
    """What a log shows instead of an instruction's text."""
    behaviour: Behaviour


KNOWN_SYSTEM_CALLS = frozenset(
    {"getrandom", "sigreturn", "rt_sigreturn", "execve", "execveat", "sigaction", "rt_sigaction", "signal", "mmap"}
    | {"mmap2", "clone", "kill", "tkill", "tgkill", "readlink", "readlinkat"}
)
"""System calls before or after which the tracer has something to do, by their Linux names."""


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


class Taken(NamedTuple):
    """An exception or interrupt that a processor has just taken."""

    number: int
    """As the architecture itself numbers them (docs/firmware.md)."""
    is_interrupt: bool = False
    """Asynchronous: the instruction that it interrupted has not begun, unless it is one that waits for interrupts."""
    returns_to: int | None = None
    """For an interrupt where an instruction waits for them: the address that the handler returns to, which tells
    whether the wait had begun. None: it had."""
    found: Mapping[str, int] | None = None
    """For an interrupt: core registers as it found them, where the instruction before it is done and has changed more
    than the program counter: a wait has begun, or ``following`` was taken at another one's handler."""
    is_executed: bool = False
    """The instruction that raised it is done, and what it changed is its own doing (a SPARC trap that is taken in the
    delay slot, say); else what has changed is the exception's entry."""
    refused: int | None = None
    """The address of the access that an instruction which is not done was refused: those before it have happened. None:
    none has."""
    following: Taken | None = None
    """Another one, taken before the first instruction of this one's handler."""


NOT_BEGUN = Taken(-1, is_interrupt=True)
"""No exception, and nothing else either: the step has ended before its instruction began."""

MonitorCommand = Callable[[str], str]
"""Performs a command of QEMU's monitor and returns what it printed."""


@dataclass(frozen=True, slots=True)
class SystemLevel:
    """What firmware sees of an architecture and a program does not."""

    taken: Callable[[StateBefore, Registers], Taken | None]
    """Which exception a step ended in, if any, given the registers before and after it."""
    physical: Callable[[Registers, int, AddressKind], int | None]
    """The physical address of a virtual one, where the registers alone say it (no translation, a fixed window); None:
    it is translated."""
    translate: Callable[[MonitorCommand, Registers, int, AddressKind], int | None] | None = None
    """The physical address of one that is translated, or None if it is not mapped; None: ``gva2gpa`` says it."""
    address_space: str = ""
    """Stub register, or one of ``monitored``, that tells one address space from another; empty, or not on this CPU:
    there is only one."""
    monitored: Mapping[str, str] = field(default_factory=dict)
    """Registers that the stub does not show and QEMU's monitor does: name -> regular expression for what the command
    prints, whose only group is the value in hexadecimal, or in decimal if the group is named so."""
    printed_by: Mapping[str, str] = field(default_factory=dict)
    """The monitor's commands that show those of ``monitored`` which ``info registers`` does not."""
    derived: Mapping[str, Callable[[MonitorCommand, Registers], int]] = field(default_factory=dict)
    """Registers that neither shows, and how to find out. They are found out again after whatever is ``is_system``, and
    after each exception."""
    ambient: tuple[str, ...] = ()
    """Those of ``monitored`` that every frame lists."""
    noted: tuple[str, ...] = ()
    """Of ``monitored``, those that ``taken`` compares: it finds them in the registers before the step too. They change
    by exceptions and by instructions that are ``is_system`` alone."""
    code_base: str = ""
    """Register to add to the program counter for the address of the instruction (x86's code segment)."""
    code_mask: int = -1
    """What that sum is cut to."""
    turned: tuple[str, int] | None = None
    """Register, and the bits of it that are set where QEMU's stub sends all registers little-endian, in place of the
    architecture's big-endian order, because the processor has been switched (``ppc_maybe_bswap_register`` of QEMU's
    target/ppc/gdbstub.c)."""
    has_empty_steps: bool = False
    """A step may end before its instruction has begun, without an exception: QEMU's x86 stops after it has looked
    whether the interrupt controller has something for the processor (``CPU_INTERRUPT_POLL``)."""
    masked_step: int = 7
    """QEMU's single-step flags with interrupts off: 1, single-step; 2, no interrupts; 4, no timers."""
    waiting_step: int | None = None
    """The same for the step of a wait, where one that ends without the interrupt would go on at random; None: the same
    flags."""
    is_woken: Callable[[Registers], bool] | None = None
    """Whether a halted vCPU has been sent an interrupt that it will wake up for; None: the registers do not say."""
    is_waiting: Callable[[Registers], bool] | None = None
    """Whether a processor executes nothing until an interrupt comes, where an exception may put it into such a state
    (s390x: the wait bit of the PSW); None: only an instruction can."""


class UndefinedBits(NamedTuple):
    """Bits of registers whose values after an instruction the architecture's manual leaves undefined."""

    instructions: str
    """Glob of the instructions' texts or mnemonics."""
    bits: Mapping[str, int]
    """Operand register -> the bits, as a mask."""


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
    core_numbers: int = 0
    """How many numbers QEMU keeps for the first feature of its description, where that has fewer registers and the
    next one does not say where it begins (PowerPC without an FPU)."""
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
    gdb_settings: tuple[str, ...] = ()
    """What else gdb must be told, of ``set``'s, to see the registers whole where no program says it."""
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
    system: SystemLevel | None = None
    """None: programs only."""
    branch_of: Callable[[Disassembled], Branch | None] = lambda disassembled: None
    """What is said of an instruction that may go elsewhere than to the next one; None: it never does, but by an
    exception."""
    structure_return: int = 0
    """Bytes behind its call that a function which returns a structure skips, where it does: SPARC's ``unimp`` (System V
    ABI, SPARC supplement, "Functions Returning Structures or Unions")."""
    may_branch: Callable[[Disassembled], Branch | None] = lambda disassembled: None
    """The same on those processors that have a branch where others have another instruction, and nothing tells which
    the processor is."""
    moves: Callable[[Disassembled], bool] = lambda disassembled: True
    """Whether an instruction with one register and one memory operand moves the value between them as it is: then the
    register has what a device was sent or gave."""
    zeroes: frozenset[str] = frozenset()
    """capstone's names of registers that are always zero."""
    nondeterministic: tuple[str, ...] = ()
    """Globs of the texts or mnemonics of instructions whose results differ from run to run: clocks, counters of what
    happens beside the program, random numbers (``nondeterminism.py``)."""
    undefined: tuple[UndefinedBits, ...] = ()
    """What instructions leave undefined, so that implementations differ; of those whose glob matches one, the first
    counts (``undefined.py``)."""
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

    def with_stub_registers(self, bits: Mapping[str, int]) -> Arch:
        """Also with the registers of a stub that the table does not have, by their own names.

        Firmware names system registers that a program cannot, and which there are depends on the CPU.

        :param bits: stub register -> width.
        """
        covered = {register.stub_name for register in self.registers} | {register.name for register in self.registers}
        more = (Register(name, width, Group.SYSTEM) for name, width in bits.items() if name not in covered)
        return replace(self, registers=(*self.registers, *more))

    @property
    def program_counters(self) -> frozenset[str]:
        """Names of the operand registers that say where the program goes on. Not every table has them: the operands of
        those that are only the stub's have its names."""
        counters = {self.pc, self.next_pc or self.pc}
        return frozenset(counters.union(each.name for each in self.registers if each.stub_name in counters))

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
    "NOT_BEGUN",
    "AccessKind",
    "AddressKind",
    "Arch",
    "Behaviour",
    "Branch",
    "ByteOrder",
    "CoreRegisters",
    "Disassembled",
    "ElfIdentity",
    "EntryPoint",
    "Group",
    "Mode",
    "MonitorCommand",
    "Objdump",
    "Register",
    "Registers",
    "Span",
    "SpanElsewhere",
    "SpanFunction",
    "StateBefore",
    "StepRule",
    "StubRegister",
    "SystemCalls",
    "SystemLevel",
    "Taken",
    "UndefinedBits",
]
