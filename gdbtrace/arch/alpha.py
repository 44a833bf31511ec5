"""Alpha, 64 bit.

References: Alpha Architecture Handbook, version 4, chapters 3 and 4 and appendix C; QEMU's ``target/alpha/translate.c``
and ``gdbstub.c``, ``linux-user/alpha/cpu_loop.c``. capstone has no decoder: what an instruction touches is read from
its encoding here, its text comes from objdump.
"""

from __future__ import annotations

from collections.abc import Callable

from gdbtrace.arch import branches, nondeterminism
from gdbtrace.arch.instruction_word import sign_extended
from gdbtrace.arch.linux import SPARC_SIGNALS
from gdbtrace.arch.model import (
    AccessKind,
    Arch,
    Behaviour,
    Disassembled,
    ElfIdentity,
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
    "v0",
    *(f"t{i}" for i in range(8)),
    *(f"s{i}" for i in range(6)),
    "fp",
    *(f"a{i}" for i in range(6)),
    *(f"t{i}" for i in range(8, 12)),
    *("ra", "t12", "at", "gp", "sp", "zero"),
)
"""By register number, as gdb names them."""
FLOATS = tuple(f"f{i}" for i in range(31))
"""f31 reads as zero and is not in the stub."""

ZERO = 31
ADDRESS_MASK = 0xFFFF_FFFF_FFFF_FFFF


def _written(number: int) -> tuple[str, ...]:
    """The general register that an instruction writes; r31 keeps its zero."""
    return () if number == ZERO else (GENERAL[number],)


def _floats(*numbers: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(FLOATS[number] for number in numbers if number != ZERO))


def _spans(kinds: tuple[AccessKind, ...], size: int, base: int, displacement: int, mask: int) -> SpanFunction:
    name = GENERAL[base]

    def spans(registers: Registers) -> tuple[Span, ...]:
        address = (registers[name] + displacement) & mask
        return tuple(Span(kind, address, size) for kind in kinds)

    return spans


# --- Memory format (handbook, 3.3.1): opcode -> size, whether the register is a float one --------------------------

_LDQ_U, _STQ_U = 0x0B, 0x0F
_LOADS: dict[int, tuple[int, bool]] = {
    0x0A: (1, False),  # ldbu
    _LDQ_U: (8, False),
    0x0C: (2, False),  # ldwu
    0x20: (4, True),  # ldf
    0x21: (8, True),  # ldg
    0x22: (4, True),  # lds
    0x23: (8, True),  # ldt
    0x28: (4, False),  # ldl
    0x29: (8, False),  # ldq
    0x2A: (4, False),  # ldl_l
    0x2B: (8, False),  # ldq_l
}
_STORES: dict[int, tuple[int, bool]] = {
    0x0D: (2, False),  # stw
    0x0E: (1, False),  # stb
    _STQ_U: (8, False),
    0x24: (4, True),  # stf
    0x25: (8, True),  # stg
    0x26: (4, True),  # sts
    0x27: (8, True),  # stt
    0x2C: (4, False),  # stl
    0x2D: (8, False),  # stq
}
_LOCKED = frozenset({0x2A, 0x2B})
_STORE_CONDITIONAL = {0x2E: 4, 0x2F: 8}
"""stl_c, stq_c."""


def _behaviour_of_memory(word: int) -> Behaviour | None:
    opcode, ra, rb = word >> 26, word >> 21 & 31, word >> 16 & 31
    displacement = sign_extended(word, 16)
    # 4.2.3: the unaligned forms clear the low three bits of the address.
    mask = ADDRESS_MASK & ~7 if opcode in (_LDQ_U, _STQ_U) else ADDRESS_MASK
    if opcode in _LOADS:
        if ra == ZERO:
            return Behaviour()  # ldq_u: unop; the others are prefetches, which QEMU leaves out
        size, is_float = _LOADS[opcode]
        spans = _spans((AccessKind.LOAD,), size, rb, displacement, mask)
        rule = StepRule.LOAD_EXCLUSIVE if opcode in _LOCKED else StepRule.PLAIN
        return Behaviour(rule, spans, _floats(ra) if is_float else _written(ra))
    if opcode in _STORES:
        size, is_float = _STORES[opcode]
        spans = _spans((AccessKind.STORE,), size, rb, displacement, mask)
        return Behaviour(spans=spans, implied=_floats(ra) if is_float else ())
    if opcode in _STORE_CONDITIONAL:
        # QEMU performs it as a compare-and-swap with the value that was loaded: a load and a store.
        spans = _spans((AccessKind.LOAD, AccessKind.STORE), _STORE_CONDITIONAL[opcode], rb, displacement, mask)
        return Behaviour(StepRule.STORE_EXCLUSIVE, spans, _written(ra), has_stored=_has_stored(ra))
    return None


def _has_stored(number: int) -> Callable[[Registers], bool] | None:
    """The register becomes one on success; r31 does not tell."""
    if number == ZERO:
        return None
    name = GENERAL[number]
    return lambda registers: bool(registers[name])


# --- The other formats ----------------------------------------------------------------------------------------------

_CALLSYS = 0x83
_PAL: dict[int, Behaviour] = {
    _CALLSYS: Behaviour(StepRule.SYSTEM_CALL, implied=("v0", "a3")),
    0x9E: Behaviour(implied=("v0", "unique")),  # rduniq
    0x9F: Behaviour(implied=("unique",)),  # wruniq
}
"""PALcode calls of user mode under Linux; the others trap, or change nothing that is seen (imb)."""

_MISC_WRITING_RA = frozenset({0xC000, 0xE000, 0xF000})
"""rpcc, rc, rs."""
_FTOIS, _FTOIT = 0x78, 0x70


def _behaviour_of_square_root_or_move(word: int) -> Behaviour:
    """Opcode 0x14: ITOFx takes its operand from an integer register, the square roots from a float one."""
    fb, fc = word >> 16 & 31, word & 31
    if word >> 5 & 0xF == 4:
        return Behaviour(implied=_floats(fc))
    return Behaviour(implied=(*_floats(fb, fc), "fpcr"))


def _behaviour_of_float_operate(word: int) -> Behaviour:
    """Opcodes 0x15 to 0x17 (handbook, table C-2): arithmetic rounds as fpcr says and sets its exception bits."""
    opcode, function = word >> 26, word >> 5 & 0x7FF
    names = _floats(word >> 21 & 31, word >> 16 & 31, word & 31)
    if opcode == 0x17 and function < 0x030 and function not in (0x024, 0x025):
        return Behaviour(implied=names)  # cvtlq, cpys and its kin, fcmov
    return Behaviour(implied=(*names, "fpcr"))


def _behaviour_of(disassembled: Disassembled) -> Behaviour:
    word = int.from_bytes(disassembled.data, "little")
    opcode, ra, rc = word >> 26, word >> 21 & 31, word & 31
    match opcode:
        case 0x00:
            return _PAL.get(word & 0x3FF_FFFF, Behaviour())
        case 0x08 | 0x09 | 0x1A | 0x30 | 0x34:  # lda, ldah, jmp and its kin, br, bsr
            return Behaviour(implied=_written(ra))
        case 0x10 | 0x11 | 0x12 | 0x13:  # integer operate
            return Behaviour(implied=_written(rc))
        case 0x14:
            return _behaviour_of_square_root_or_move(word)
        case 0x15 | 0x16 | 0x17:
            return _behaviour_of_float_operate(word)
        case 0x18:
            return Behaviour(implied=_written(ra) if word & 0xFFFF in _MISC_WRITING_RA else ())
        case 0x1C:  # count and sign-extension, multimedia, ftois and ftoit
            moved = _floats(ra) if word >> 5 & 0x7F in (_FTOIS, _FTOIT) else ()
            return Behaviour(implied=(*moved, *_written(rc)))
        case 0x31 | 0x32 | 0x33 | 0x35 | 0x36 | 0x37:  # float branches
            return Behaviour(implied=_floats(ra))
    return _behaviour_of_memory(word) or Behaviour()


# --- Architecture ---------------------------------------------------------------------------------------------------

ALPHA = Arch(
    name="alpha",
    bits=64,
    byte_order="little",
    elf=ElfIdentity("36902", 64, "little"),  # 0x9026, what Linux has always used; pyelftools knows the official 41
    frame_architecture=34,
    frame_machine=0x30,  # EV6
    pc="pc",
    sp="sp",
    registers=(
        *(Register(name, 64) for name in GENERAL),
        Register("pc", 64, Group.CONTROL),
        *(Register(name, 64, Group.FLOAT) for name in FLOATS),
        Register("fpcr", 64, Group.FLOAT),
        Register("unique", 64, Group.SYSTEM),
    ),
    modes=(
        Mode(
            *(None, None, 0, (4,)),
            objdump=Objdump(("alpha-linux-gnu-objdump",), machine=0x9026),
        ),
    ),
    branch_of=branches.ALPHA,
    nondeterministic=nondeterminism.ALPHA,
    behaviour_of=_behaviour_of,
    system_calls=SystemCalls(
        number="v0",
        result="v0",
        arguments=("a0", "a1", "a2", "a3", "a4", "a5"),
        # arch/alpha/kernel/syscalls/syscall.tbl
        names={
            37: "kill",
            58: "readlink",
            59: "execve",
            71: "mmap",
            103: "sigreturn",
            156: "sigaction",
            218: "signal",
            312: "clone",
            351: "rt_sigreturn",
            352: "rt_sigaction",
            381: "tkill",
            424: "tgkill",
            460: "readlinkat",
            511: "getrandom",
            513: "execveat",
        },
        signals=SPARC_SIGNALS,
    ),
    aliases={},
    builtin_layout=tuple(StubRegister(name, 64) for name in (*GENERAL, *FLOATS, "fpcr", "pc", "unused", "unique")),
    gdb_architecture="alpha",
)
