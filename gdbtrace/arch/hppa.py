"""HPPA: PA-RISC 1.1 and the 32-bit part of 2.0.

References: PA-RISC 2.0 Architecture (Kane), chapters 6 and 7 and appendix C; QEMU's ``target/hppa/insns.decode``,
``translate.c`` and ``gdbstub.c``, ``linux-user/hppa/cpu_loop.c``. capstone has no decoder: what an instruction touches
is read from its encoding here, its text comes from objdump.

Bits are counted from the low end here; the manual counts them from the high end. An instruction that is nullified is
not executed and has no frame. The kernel's gateway page, which a program branches to for a system call, is not there
under QEMU: what is done at its entry points is one frame without bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

from gdbtrace.arch import branches, nondeterminism
from gdbtrace.arch.linux import HPPA_SIGNALS
from gdbtrace.arch.model import (
    AccessKind,
    Arch,
    Behaviour,
    Disassembled,
    ElfIdentity,
    EntryPoint,
    Group,
    Mode,
    Objdump,
    Register,
    Registers,
    Span,
    SpanFunction,
    StepRule,
    StubRegister,
    SystemCalls,
)

GENERAL = (
    *("zero", "r1", "rp"),
    *(f"r{i}" for i in range(3, 27)),
    *("dp", "ret0", "ret1", "sp", "r31"),
)
"""By register number, as gdb names them but for r0: the stub sends the processor status word in its place."""
FLOATS = (
    *("fpsr", *(f"fpe{i}" for i in range(1, 8))),
    *(f"fr{i}{half}" for i in range(4, 32) for half in ("", "R")),
)
"""Halves of the 32 float registers, the left (high) one first."""
CONTROL_REGISTERS = {
    **{8: "cr8", 9: "cr9", 10: "ccr", 11: "sar", 12: "cr12", 13: "cr13", 15: "eiem", 19: "iir", 20: "isr", 21: "ior"},
    **{22: "ipsw", 24: "cr24", 25: "cr25", 26: "cr26", 27: "cr27", 28: "cr28", 29: "cr29", 30: "cr30"},
}
SPACE_REGISTERS = tuple(f"sr{i}" for i in range(8))

ADDRESS_MASK = 0xFFFF_FFFF
_PRIVILEGE = 3
_LOAD, _STORE = AccessKind.LOAD, AccessKind.STORE


def _written(number: int) -> tuple[str, ...]:
    """The general register that an instruction writes; r0 keeps its zero."""
    return (GENERAL[number],) if number else ()


def _low_sign(field: int, bits: int) -> int:
    """A number whose sign is its lowest bit (manual, appendix C, ``low_sign_ext``)."""
    return (field >> 1) - ((field & 1) << (bits - 1))


# --- Instructions that may nullify the next one -----------------------------------------------------------------

PSW_NULLIFY = 1 << 21
"""PSW[N]."""


def _is_nullifying(registers: Registers) -> bool:
    return bool(registers["flags"] & PSW_NULLIFY)


def _nullifying(may_nullify: int, implied: tuple[str, ...]) -> Behaviour:
    """An instruction with a condition or a ``,n``; without one (0) it is plain."""
    if not may_nullify:
        return Behaviour(implied=implied)
    return Behaviour(StepRule.NULLIFYING, implied=implied, nullifies=_is_nullifying)


# --- Memory ---------------------------------------------------------------------------------------------------------

_NOT, _AFTER, _BEFORE = 0, 1, -1
"""Whether, and when, the base register is modified: the address is the unmodified base, or what it becomes."""


def _modify(is_modifying: int, is_before: int) -> int:
    return (_BEFORE if is_before else _AFTER) if is_modifying else _NOT


def _displaced(kinds: Iterable[AccessKind], size: int, base: int, displacement: int, modify: int) -> SpanFunction:
    name = GENERAL[base]
    offset = 0 if modify == _AFTER else displacement
    directions = tuple(kinds)

    def spans(registers: Registers) -> tuple[Span, ...]:
        address = (_general(registers, name) + offset) & ADDRESS_MASK
        return tuple(Span(kind, address, size) for kind in directions)

    return spans


def _indexed(kinds: Iterable[AccessKind], size: int, base: int, index: int, shift: int, modify: int) -> SpanFunction:
    if modify == _AFTER or not index:
        return _displaced(kinds, size, base, 0, _NOT)
    base_name, index_name = GENERAL[base], GENERAL[index]
    directions = tuple(kinds)

    def spans(registers: Registers) -> tuple[Span, ...]:
        address = (_general(registers, base_name) + (registers[index_name] << shift)) & ADDRESS_MASK
        return tuple(Span(kind, address, size) for kind in directions)

    return spans


def _general(registers: Registers, name: str) -> int:
    return 0 if name == "zero" else registers[name]


def _halves(number: int, size: int) -> tuple[str, ...]:
    """Names of a float register: number and, in bit 5, which half."""
    if size == 8:
        return FLOATS[2 * (number & 31) : 2 * (number & 31) + 2]
    return (FLOATS[2 * (number & 31) + (number >> 5)],)


def _store_bytes(base: int, displacement: int, modify: int, *, is_end: int) -> SpanFunction:
    """stby: from the address to the end of its word, or from the beginning of its word to before the address."""
    name = GENERAL[base]
    offset = 0 if modify else displacement

    def spans(registers: Registers) -> tuple[Span, ...]:
        address = (_general(registers, name) + offset) & ADDRESS_MASK
        within = address & 3
        if is_end:
            return (Span(_STORE, address - within, within),)
        return (Span(_STORE, address, 4 - within),)

    return spans


# Minor opcodes of 0x03 (manual, table C-8), which has bits 9 to 6: -> directions, size. lda and sta are privileged.
_SHORT: dict[int, tuple[tuple[AccessKind, ...], int]] = {
    0x0: ((_LOAD,), 1),
    0x1: ((_LOAD,), 2),
    0x2: ((_LOAD,), 4),
    0x6: ((_LOAD,), 4),  # ldwa
    0x7: ((_LOAD, _STORE), 4),  # ldcw
    0x8: ((_STORE,), 1),
    0x9: ((_STORE,), 2),
    0xA: ((_STORE,), 4),
    0xE: ((_STORE,), 4),  # stwa
}
_STBY = 0xC


def _behaviour_of_short(word: int) -> Behaviour:
    """Integer loads and stores with an index or a short displacement."""
    base, minor, target = word >> 21 & 31, word >> 6 & 15, word & 31
    is_short, a, m = word >> 12 & 1, word >> 13 & 1, word >> 5 & 1
    written_base = _written(base) if m else ()
    if minor == _STBY and is_short:
        spans = _store_bytes(base, _low_sign(target, 5), m, is_end=a)
        return Behaviour(spans=spans, implied=written_base)
    row = _SHORT.get(minor)
    if row is None:
        return Behaviour()
    kinds, size = row
    is_load = kinds[0] is _LOAD
    written = (*(_written(target) if is_load else ()), *written_base)
    if is_short:
        displacement = _low_sign(word >> 16 & 31 if is_load else target, 5)
        return Behaviour(spans=_displaced(kinds, size, base, displacement, _modify(m, a)), implied=written)
    if not is_load:
        return Behaviour()  # a store has no index
    shift = size.bit_length() - 1 if a else 0
    return Behaviour(spans=_indexed(kinds, size, base, word >> 16 & 31, shift, _modify(m, 0)), implied=written)


def _behaviour_of_float_short(word: int, size: int) -> Behaviour:
    """cldw, cstw, cldd, cstd: float loads and stores with an index or a short displacement."""
    base, x = word >> 21 & 31, word >> 16 & 31
    is_short, a, m = word >> 12 & 1, word >> 13 & 1, word >> 5 & 1
    kinds = (_STORE,) if word >> 9 & 1 else (_LOAD,)
    names = (*_halves(word & 31 | (word >> 1 & 32 if size == 4 else 0), size), *(_written(base) if m else ()))
    if is_short:
        return Behaviour(spans=_displaced(kinds, size, base, _low_sign(x, 5), _modify(m, a)), implied=names)
    shift = size.bit_length() - 1 if a else 0
    return Behaviour(spans=_indexed(kinds, size, base, x, shift, _modify(m, 0)), implied=names)


# Opcode -> directions and size of loads and stores with a displacement of 14 bits.
_LONG: dict[int, tuple[AccessKind, int]] = {
    0x10: (_LOAD, 1),
    0x11: (_LOAD, 2),
    0x12: (_LOAD, 4),
    0x13: (_LOAD, 4),  # ldw,m
    0x18: (_STORE, 1),
    0x19: (_STORE, 2),
    0x1A: (_STORE, 4),
    0x1B: (_STORE, 4),  # stw,m
}


def _behaviour_of_long(word: int, opcode: int) -> Behaviour:
    kind, size = _LONG[opcode]
    base, displacement = word >> 21 & 31, _low_sign(word & 0x3FFF, 14)
    # The forms that modify do it before the access if the displacement is negative (manual, "LDW", "STW").
    modify = _modify(opcode in (0x13, 0x1B), displacement < 0)
    written = (*(_written(word >> 16 & 31) if kind is _LOAD else ()), *(_written(base) if modify else ()))
    return Behaviour(spans=_displaced((kind,), size, base, displacement, modify), implied=written)


def _behaviour_of_word_displaced(word: int, opcode: int) -> Behaviour:
    """Opcodes 0x16, 0x17, 0x1e, 0x1f: fldw, fstw, and ldw, stw that modify the other way round than 0x13 and 0x1b."""
    base, register = word >> 21 & 31, word >> 16 & 31
    kind = _LOAD if opcode < 0x18 else _STORE
    displacement = _low_sign(word >> 2 & 0xFFE | word & 1, 12) << 2
    if not opcode & 1:
        modify = _modify(1, word >> 2 & 1)
    elif word >> 1 & 3 == 2:
        modify = _modify(1, displacement >= 0)
        written = (*(_written(register) if kind is _LOAD else ()), *_written(base))
        return Behaviour(spans=_displaced((kind,), 4, base, displacement, modify), implied=written)
    elif word >> 2 & 1:
        return Behaviour()
    else:
        modify = _NOT
    names = (*_halves(register | word << 4 & 32, 4), *(_written(base) if modify else ()))
    return Behaviour(spans=_displaced((kind,), 4, base, displacement, modify), implied=names)


def _behaviour_of_double_displaced(word: int, opcode: int) -> Behaviour:
    """Opcodes 0x14 and 0x1c: fldd, fstd; ldd and std are for 64-bit processors."""
    if not word >> 1 & 1:
        return Behaviour()
    base = word >> 21 & 31
    displacement = _low_sign(word >> 3 & 0x7FE | word & 1, 11) << 3
    modify = _modify(word >> 3 & 1, word >> 2 & 1)
    names = (*_halves(word >> 16 & 31, 8), *(_written(base) if modify else ()))
    kind = _LOAD if opcode < 0x18 else _STORE
    return Behaviour(spans=_displaced((kind,), 8, base, displacement, modify), implied=names)


# --- System control and memory management -----------------------------------------------------------------------


def _control_register(number: int) -> tuple[str, ...]:
    return (CONTROL_REGISTERS[number],) if number in CONTROL_REGISTERS else ()


def _space_register(word: int) -> str:
    """The three-bit field, whose lowest bit is the highest of the number (appendix C, ``assemble_3``)."""
    return SPACE_REGISTERS[word >> 14 & 3 | word >> 11 & 4]


def _behaviour_of_system(word: int) -> Behaviour:
    """Opcode 0x00 (manual, table C-2)."""
    t = _written(word & 31)
    match word >> 5 & 0xFF:
        case 0xA5 | 0x6B | 0x73:  # mfia, ssm, rsm
            return Behaviour(implied=t)
        case 0x85:  # ldsid
            return Behaviour(implied=(*t, *SPACE_REGISTERS))
        case 0x45:  # mfctl
            return Behaviour(implied=(*t, *_control_register(word >> 21 & 31)))
        case 0x25:  # mfsp
            return Behaviour(implied=(*t, _space_register(word)))
        case 0xC2:  # mtctl
            return Behaviour(implied=_control_register(word >> 21 & 31))
        case 0xC6:  # mtsarcm
            return Behaviour(implied=("sar",))
        case 0xC1:  # mtsp
            return Behaviour(implied=(_space_register(word),))
    return Behaviour()


def _behaviour_of_memory_management(word: int) -> Behaviour:
    """Opcode 0x01 (manual, table C-4): probes, and cache operations, of which those with ``,m`` modify the base."""
    if word >> 7 & 0x3F == 0b100011 or word >> 6 & 0xFF in (0x4D, 0x4C):  # probe, lpa, lci
        return Behaviour(implied=_written(word & 31))
    return Behaviour(implied=_written(word >> 21 & 31) if word >> 5 & 1 else ())


# --- Arithmetic, shifts ---------------------------------------------------------------------------------------------


def _behaviour_of_shift(word: int, opcode: int) -> Behaviour:
    """Opcodes 0x34 (shifts and extractions) and 0x35 (deposits)."""
    kind = word >> 10 & 7
    if opcode == 0x35:
        written, is_by_sar = word >> 21, not kind & 2
    elif kind & 4:
        written, is_by_sar = word >> 16, not kind & 2
    else:
        written, is_by_sar = word, not kind & 2
    return _nullifying(word >> 13 & 7, (*_written(written & 31), *(("sar",) if is_by_sar else ())))


# --- Branches -------------------------------------------------------------------------------------------------------

# Compare (and add, and move) and branch: opcode -> shift of the field of the register that is written.
_CONDITIONAL: dict[int, int | None] = {
    **dict.fromkeys((0x20, 0x21, 0x22, 0x23, 0x27, 0x2F, 0x3B), None),  # cmpb, cmpib
    **dict.fromkeys((0x28, 0x29, 0x2A, 0x2B), 21),  # addb, addib
    **dict.fromkeys((0x30, 0x31), None),  # bb
    **dict.fromkeys((0x32, 0x33), 21),  # movb, movib
}
_BRANCH_EXTERNAL, _BRANCH_AND_LINK_EXTERNAL = 0x38, 0x39


def _behaviour_of_branch(word: int, opcode: int) -> Behaviour:
    is_nullifying = word >> 1 & 1
    if opcode in _CONDITIONAL:
        shift = _CONDITIONAL[opcode]
        written = _written(word >> shift & 31) if shift is not None else ()
        return _nullifying(is_nullifying, (*written, *(("sar",) if opcode == 0x30 else ())))
    if opcode == _BRANCH_EXTERNAL:
        return _nullifying(is_nullifying, (_space_register(word),))
    if opcode == _BRANCH_AND_LINK_EXTERNAL:
        return _nullifying(is_nullifying, ("r31", "sr0", _space_register(word)))
    match word >> 13 & 7:
        case 0 | 1 | 2:  # b,l, b,gate, blr
            return _nullifying(is_nullifying, _written(word >> 21 & 31))
        case 5 | 7:  # b,l with a long displacement, bve,l
            return _nullifying(is_nullifying, ("rp",))
    return _nullifying(is_nullifying, ())  # bv, bve


# --- Floating point -------------------------------------------------------------------------------------------------


def _behaviour_of_float_operation(word: int, opcode: int) -> Behaviour:
    """Opcodes 0x0c and 0x0e (manual, 6, "Floating-point operation instructions"); 0x0e names halves."""
    first, second, target = word >> 21 & 31, word >> 16 & 31, word & 31
    if opcode == 0x0E:
        first |= word >> 2 & 32
        second |= word >> 7 & 32
        target |= word >> 1 & 32
    kind, minor = word >> 9 & 3, word >> 13 & 7
    # Bit 11 is the format's low bit: 0 single, 1 double. Opcode 0x0e has that bit alone.
    size = 8 if word >> 11 & 1 else 4
    match kind:
        case 1:  # conversions: source in bits 12 and 11, destination in bits 14 and 13
            target_size = 8 if word >> 13 & 1 else 4
            return Behaviour(implied=_unique("fpsr", _halves(first, size), _halves(target, target_size)))
        case 2:  # comparisons and the test
            if opcode == 0x0C and word >> 5 & 1:
                return _nullifying(1, ("fpsr",))
            return Behaviour(implied=_unique("fpsr", _halves(first, size), _halves(second, size)))
        case 3 if opcode == 0x0E and minor == 2 and word >> 8 & 1:  # xmpyu
            return Behaviour(implied=_unique("", _halves(first, 4), _halves(second, 4), _halves(target, 8)))
        case 3:
            return Behaviour(
                implied=_unique("fpsr", _halves(first, size), _halves(second, size), _halves(target, size))
            )
    return Behaviour(implied=_unique("fpsr", _halves(first, size), _halves(target, size)))


def _behaviour_of_multiply_and_add(word: int) -> Behaviour:
    """fmpyadd, fmpysub: two operations at once; single ones name registers 16 to 31 and their right halves."""
    size = 4 if word >> 5 & 1 else 8
    fields = [word >> shift & 31 for shift in (21, 16, 0, 11, 6)]
    if size == 4:
        fields = [(field & 16) << 1 | 16 | field & 15 for field in fields]
    return Behaviour(implied=_unique("fpsr", *(_halves(field, size) for field in fields)))


def _behaviour_of_fused(word: int) -> Behaviour:
    """fmpyfadd, fmpynfadd (2.0)."""
    size = 8 if word >> 11 & 1 else 4
    third = word >> 11 & 0x1C | word >> 9 & 3 | word >> 3 & 32
    fields = (
        *(word >> 21 & 31 | word >> 2 & 32, word >> 16 & 31 | word >> 7 & 32),
        *(third, word & 31 | word >> 1 & 32),
    )
    return Behaviour(implied=_unique("fpsr", *(_halves(field, size) for field in fields)))


def _unique(status: str, *names: tuple[str, ...]) -> tuple[str, ...]:
    flat = [name for group in names for name in group]
    return tuple(dict.fromkeys([*flat, *([status] if status else [])]))


# --- The whole ------------------------------------------------------------------------------------------------------


def _behaviour_of(disassembled: Disassembled) -> Behaviour:
    word = int.from_bytes(disassembled.data, "big")
    opcode = word >> 26
    match opcode:
        case 0x00:
            return _behaviour_of_system(word)
        case 0x01:
            return _behaviour_of_memory_management(word)
        case 0x02:  # arithmetic and logical
            return _nullifying(word >> 12 & 15, _written(word & 31))
        case 0x03:
            return _behaviour_of_short(word)
        case 0x06 | 0x26:
            return _behaviour_of_multiply_and_add(word)
        case 0x08:  # ldil
            return Behaviour(implied=_written(word >> 21 & 31))
        case 0x09 | 0x0B:
            return _behaviour_of_float_short(word, 4 if opcode == 0x09 else 8)
        case 0x0A:  # addil
            return Behaviour(implied=("r1",))
        case 0x0C | 0x0E:
            return _behaviour_of_float_operation(word, opcode)
        case 0x0D:  # ldo
            return Behaviour(implied=_written(word >> 16 & 31))
        case 0x14 | 0x1C:
            return _behaviour_of_double_displaced(word, opcode)
        case 0x16 | 0x17 | 0x1E | 0x1F:
            return _behaviour_of_word_displaced(word, opcode)
        case 0x24 | 0x25 | 0x2C | 0x2D:  # cmpiclr, subi, addi
            return _nullifying(word >> 12 & 15, _written(word >> 16 & 31))
        case 0x2E:
            return _behaviour_of_fused(word)
        case 0x34 | 0x35:
            return _behaviour_of_shift(word, opcode)
    if opcode in _LONG:
        return _behaviour_of_long(word, opcode)
    if opcode in _CONDITIONAL or opcode in (_BRANCH_EXTERNAL, _BRANCH_AND_LINK_EXTERNAL, 0x3A):
        return _behaviour_of_branch(word, opcode)
    return Behaviour()


# --- The gateway page (QEMU's linux-user/hppa/cpu_loop.c, and do_page_zero of its translate.c) ----------------------


def _return_address(registers: Registers) -> int:
    return registers["r31"] & ~_PRIVILEGE


_SWAP_WORD, _SWAP = 0, 2
"""Light-weight system calls: compare and swap a word; and 1 << r23 bytes, where the values are in memory."""


def _light_weight_spans(registers: Registers) -> tuple[Span, ...]:
    """The store happens if the memory has the expected value."""
    address, old, new = registers["r26"], registers["r25"], registers["r24"]
    match registers["r20"]:
        case 0:
            if address & 3:
                return ()
            spans = [Span(_LOAD, address, 4)]
            expected = old.to_bytes(4, "big")
            size = 4
        case 2 if registers["r23"] < 4:
            size = 1 << registers["r23"]
            if (address | old | new) & (size - 1):
                return ()
            spans = [Span(_LOAD, old, size), Span(_LOAD, new, size), Span(_LOAD, address, size)]
            expected = registers.read_memory(old, size)
        case _:
            return ()
    if registers.read_memory(address, size) == expected:
        spans.append(Span(_STORE, address, size))
    return tuple(spans)


ENTRY_POINTS = {
    0xB0: EntryPoint(
        "light-weight system call",
        Behaviour(StepRule.RUN, _light_weight_spans, ("ret0", "r21"), resumes_at=_return_address),
    ),
    0xE0: EntryPoint("set thread pointer", Behaviour(StepRule.RUN, implied=("cr27",), resumes_at=_return_address)),
    0x100: EntryPoint("system call", Behaviour(StepRule.SYSTEM_CALL, implied=("ret0",), resumes_at=_return_address)),
}


def _entry_of_function(registers: Registers, pointer: int) -> int:
    """A pointer with bit 1 set is to a descriptor, which begins with the code's address."""
    if not pointer & 2:
        return pointer
    return int.from_bytes(registers.read_memory(pointer & ~_PRIVILEGE, 4), "big") & ~_PRIVILEGE


# --- Architecture ---------------------------------------------------------------------------------------------------

# gdb's names of what QEMU sends (hppa_cpu_gdb_read_register); gdb takes cr27 to cr30 for what they are on HP-UX.
_LAYOUT = (
    *("flags", *GENERAL[1:], "sar", "pcoqh", "pcsqh", "pcoqt", "pcsqt", "eiem", "iir", "isr", "ior", "ipsw", "goto"),
    *("sr4", "sr0", "sr1", "sr2", "sr3", "sr5", "sr6", "sr7", "cr0", "cr8", "cr9", "ccr", "cr12", "cr13"),
    *("cr24", "cr25", "cr26", "mpsfu_high", "mpsfu_low", "mpsfu_ovflo", "pad"),
    *FLOATS,
)
_SYSTEM = (
    *("pcsqh", "pcsqt", *SPACE_REGISTERS, "eiem", "iir", "isr", "ior", "ipsw", "cr0", "cr8", "cr9", "ccr", "cr12"),
    *("cr13", "cr24", "cr25", "cr26"),
)

HPPA = Arch(
    name="hppa",
    bits=32,
    byte_order="big",
    elf=ElfIdentity("EM_PARISC", 32, "big"),
    frame_architecture=25,
    frame_machine=0,
    pc="pcoqh",
    sp="sp",
    registers=(
        *(Register(name, 32) for name in GENERAL[1:]),
        Register("pcoqh", 32, Group.CONTROL),
        Register("pcoqt", 32, Group.CONTROL),
        Register("sar", 32, Group.CONTROL),
        Register("flags", 32, Group.STATUS),
        *(Register(name, 32, Group.FLOAT) for name in FLOATS),
        *(Register(name, 32, Group.SYSTEM) for name in _SYSTEM),
        *(
            Register(name, 32, Group.SYSTEM, source)
            for name, source in zip(
                ("cr27", "cr28", "cr29", "cr30"), ("mpsfu_high", "mpsfu_low", "mpsfu_ovflo", "pad"), strict=True
            )
        ),
    ),
    # e_flags: PA-RISC 2.0, so that objdump knows all instructions.
    modes=(Mode(*(None, None, 0, (4,)), objdump=Objdump(("hppa-linux-gnu-objdump",), machine=15, flags=0x214)),),
    branch_of=branches.HPPA,
    nondeterministic=nondeterminism.HPPA,
    behaviour_of=_behaviour_of,
    system_calls=SystemCalls(
        number="r20",
        result="ret0",
        arguments=("r26", "r25", "r24", "r23", "r22", "r21"),
        # arch/parisc/kernel/syscalls/syscall.tbl
        names={
            11: "execve",
            37: "kill",
            48: "signal",
            85: "readlink",
            89: "mmap2",
            90: "mmap",
            120: "clone",
            173: "rt_sigreturn",
            174: "rt_sigaction",
            208: "tkill",
            259: "tgkill",
            285: "readlinkat",
            339: "getrandom",
            342: "execveat",
        },
        signals=HPPA_SIGNALS,
        code_address=_entry_of_function,
    ),
    aliases={},
    builtin_layout=tuple(StubRegister(name, 32) for name in _LAYOUT),
    next_pc="pcoqt",
    privilege_bits=_PRIVILEGE,
    entry_points=ENTRY_POINTS,
    gdb_architecture="hppa1.0",
)
