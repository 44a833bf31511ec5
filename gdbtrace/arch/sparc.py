"""SPARC: 64-bit (V9), 32-bit with V9 instructions (V8+), and 32-bit (V8).

References: The SPARC Architecture Manual, version 8 and version 9; Oracle SPARC Architecture 2011 (UA2011) for VIS and
the address space identifiers; QEMU's ``target/sparc/gdbstub.c`` for the layouts, ``translate.c`` (``get_asi``) for
which instructions and ASIs exist in user mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, NamedTuple

import capstone

from gdbtrace.arch import branches, nondeterminism
from gdbtrace.arch.instruction_word import sign_extended
from gdbtrace.arch.linux import SPARC_SIGNALS
from gdbtrace.arch.model import (
    AccessKind,
    AddressKind,
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
    SpanElsewhere,
    SpanFunction,
    StepRule,
    StubRegister,
    SystemCalls,
)
from gdbtrace.arch.system.sparc import V8_SYSTEM, V9_SYSTEM

GENERAL = (
    *(f"g{i}" for i in range(8)),
    *(f"o{i}" for i in range(6)),
    "sp",
    "o7",
    *(f"l{i}" for i in range(8)),
    *(f"i{i}" for i in range(6)),
    "fp",
    "i7",
)
"""By register number; o6 and i6 under the names that gdb, capstone and rizin give them."""

WINDOWED = GENERAL[8:]
"""What ``save`` and ``restore`` put another window's registers into."""

SINGLES = tuple(f"f{i}" for i in range(32))
UPPER_DOUBLES = tuple(f"f{i}" for i in range(32, 64, 2))

# QEMU packs V9's "state" as gdb wants it: ccr << 32 | asi << 24 | pstate << 8 | cwp.
STATE_ASI_SHIFT = 24
STATE_AM = 1 << 8 + 3
_MASK_32 = (1 << 32) - 1


# --- Address space identifiers (UA2011, table 10-1; QEMU, target/sparc/asi.h) ---------------------


@dataclass(frozen=True, slots=True)
class AddressSpaces:
    """What the alternate-space instructions of one architecture do with an ASI."""

    plain: frozenset[int]
    """Ordinary memory, at the instruction's own width."""
    twin: frozenset[int] = frozenset()
    """``ldda``/``stda`` move 16 bytes (ldtxa)."""
    block: frozenset[int] = frozenset()
    """``lddfa``/``stdfa`` move 64 bytes."""
    short: Mapping[int, int] | None = None
    """``lddfa``/``stdfa`` move this many bytes."""
    kinds: Mapping[int, AddressKind] = field(default_factory=dict)
    """What an address in them is of, if not plain data."""
    read_only: frozenset[int] = frozenset()
    """Stores fault."""
    high_bits: Mapping[int, int] = field(default_factory=dict)
    """What is added to the address."""
    # Any other ASI reaches registers of the processor, or traps: no memory. V9's partial stores (0xc0 to 0xcd) are
    # illegal instructions in QEMU 7.2 and so among them.


def _with_little_endian(*identifiers: int) -> frozenset[int]:
    """V9: bit 3 set is the same space, little-endian."""
    return frozenset(identifiers) | {identifier | 8 for identifier in identifiers}


V9_SPACES = AddressSpaces(
    # Nucleus, as-if-user primary and secondary; primary, secondary, and both without fault. A no-fault load of an
    # unmapped address touches nothing, which only the memory map knows.
    plain=_with_little_endian(0x04, 0x10, 0x11, 0x80, 0x81, 0x82, 0x83),
    twin=_with_little_endian(0x22, 0x23, 0x24, 0x27, 0xE2, 0xE3),
    block=_with_little_endian(0x16, 0x17, 0x70, 0x71, 0xF0, 0xF1) | {0xE0, 0xE1},
    short={0xD0: 1, 0xD1: 1, 0xD8: 1, 0xD9: 1, 0xD2: 2, 0xD3: 2, 0xDA: 2, 0xDB: 2},
)
V9_SYSTEM_SPACES = replace(
    V9_SPACES,
    plain=V9_SPACES.plain | _with_little_endian(0x14, 0x15),
    twin=V9_SPACES.twin | _with_little_endian(0x26, 0x34),
    kinds={
        **dict.fromkeys(_with_little_endian(0x14, 0x15, 0x26, 0x34), AddressKind.PHYSICAL),
        **dict.fromkeys(_with_little_endian(0x04, 0x24, 0x27), AddressKind.NUCLEUS),
        **dict.fromkeys(_with_little_endian(0x10, 0x16, 0x22, 0x70, 0x82), AddressKind.PRIMARY),
        **dict.fromkeys(_with_little_endian(0x11, 0x17, 0x23, 0x71, 0x81, 0x83, 0xE3, 0xF1), AddressKind.SECONDARY),
        **dict.fromkeys((0xD1, 0xD3, 0xD9, 0xDB, 0xE1), AddressKind.SECONDARY),
    },
)

# The reference MMU's assignments (V8 manual, appendix I): user and supervisor, instruction and data.
V8_SPACES = AddressSpaces(plain=frozenset({0x08, 0x09, 0x0A, 0x0B}))
# As QEMU has them: nothing reads user instructions. 0x20 to 0x2f pass the MMU by, with four more bits of address; 0x1c
# does so on a LEON3.
V8_SYSTEM_SPACES = AddressSpaces(
    plain=frozenset({0x09, 0x0A, 0x0B, 0x1C, *range(0x20, 0x30)}),
    kinds={0x09: AddressKind.CODE, **dict.fromkeys((0x1C, *range(0x20, 0x30)), AddressKind.PHYSICAL)},
    read_only=frozenset({0x09}),
    high_bits={0x20 + high: high << 32 for high in range(1, 16)},
)
V8_MMU_SPACES = frozenset({0x02, 0x03, 0x04, 0x18, 0x19})
"""Stores to them change how addresses are translated; 0x02 has the MBus controller copy memory."""
V9_MMU_SPACES = frozenset({0x21, *range(0x30, 0x40), 0x45, *range(0x50, 0x60)}) - {0x34, 0x3C}


# --- Loads and stores (op = 3), by op3 ------------------------------------------------------------

_L: tuple[AccessKind, ...] = (AccessKind.LOAD,)
_S: tuple[AccessKind, ...] = (AccessKind.STORE,)
# Compare-and-swap included: QEMU stores on a mismatch too (the old value), as it does for a failing one.
_LS: tuple[AccessKind, ...] = (AccessKind.LOAD, AccessKind.STORE)

Target = Literal["int", "float", "fsr", "cas"]


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One load or store instruction."""

    kinds: tuple[AccessKind, ...]
    size: int
    alternate: bool = False
    target: Target = "int"
    even: bool = False
    """An odd rd is an illegal instruction."""


COMMON_MEMORY: dict[int, MemoryRow] = {
    0x00: MemoryRow(_L, 4),  # ld, lduw
    0x01: MemoryRow(_L, 1),  # ldub
    0x02: MemoryRow(_L, 2),  # lduh
    0x03: MemoryRow(_L, 8, even=True),  # ldd
    0x04: MemoryRow(_S, 4),  # st, stw
    0x05: MemoryRow(_S, 1),  # stb
    0x06: MemoryRow(_S, 2),  # sth
    0x07: MemoryRow(_S, 8, even=True),  # std
    0x09: MemoryRow(_L, 1),  # ldsb
    0x0A: MemoryRow(_L, 2),  # ldsh
    0x0D: MemoryRow(_LS, 1),  # ldstub
    0x0F: MemoryRow(_LS, 4),  # swap
    0x10: MemoryRow(_L, 4, alternate=True),  # lda, lduwa
    0x11: MemoryRow(_L, 1, alternate=True),  # lduba
    0x12: MemoryRow(_L, 2, alternate=True),  # lduha
    0x13: MemoryRow(_L, 8, alternate=True, even=True),  # ldda, ldtwa, ldtxa
    0x14: MemoryRow(_S, 4, alternate=True),  # sta, stwa
    0x15: MemoryRow(_S, 1, alternate=True),  # stba
    0x16: MemoryRow(_S, 2, alternate=True),  # stha
    0x17: MemoryRow(_S, 8, alternate=True, even=True),  # stda
    0x19: MemoryRow(_L, 1, alternate=True),  # ldsba
    0x1A: MemoryRow(_L, 2, alternate=True),  # ldsha
    0x1D: MemoryRow(_LS, 1, alternate=True),  # ldstuba
    0x1F: MemoryRow(_LS, 4, alternate=True),  # swapa
    0x20: MemoryRow(_L, 4, target="float"),  # ldf
    0x21: MemoryRow(_L, 4, target="fsr"),  # ldfsr
    0x22: MemoryRow(_L, 16, target="float"),  # ldqf
    0x23: MemoryRow(_L, 8, target="float"),  # lddf
    0x24: MemoryRow(_S, 4, target="float"),  # stf
    0x25: MemoryRow(_S, 4, target="fsr"),  # stfsr
    0x27: MemoryRow(_S, 8, target="float"),  # stdf
    0x3C: MemoryRow(_LS, 4, alternate=True, target="cas"),  # casa (V9, LEON3)
}

V9_MEMORY: dict[int, MemoryRow] = COMMON_MEMORY | {
    # Not here: prefetch (0x2d) and prefetcha (0x3d), which touch nothing.
    0x08: MemoryRow(_L, 4),  # ldsw
    0x0B: MemoryRow(_L, 8),  # ldx
    0x0E: MemoryRow(_S, 8),  # stx
    0x18: MemoryRow(_L, 4, alternate=True),  # ldswa
    0x1B: MemoryRow(_L, 8, alternate=True),  # ldxa
    0x1E: MemoryRow(_S, 8, alternate=True),  # stxa
    0x26: MemoryRow(_S, 16, target="float"),  # stqf
    0x30: MemoryRow(_L, 4, alternate=True, target="float"),  # ldfa
    0x32: MemoryRow(_L, 16, alternate=True, target="float"),  # ldqfa
    0x33: MemoryRow(_L, 8, alternate=True, target="float"),  # lddfa
    0x34: MemoryRow(_S, 4, alternate=True, target="float"),  # stfa
    0x36: MemoryRow(_S, 16, alternate=True, target="float"),  # stqfa
    0x37: MemoryRow(_S, 8, alternate=True, target="float"),  # stdfa
    0x3E: MemoryRow(_LS, 8, alternate=True, target="cas"),  # casxa
}


# --- Floating point and VIS (op = 2), by opf ------------------------------------------------------


def _operand_sizes(rows: str) -> dict[int, str]:
    """``"SSD 69 8d"`` -> opf 0x69 and 0x8d read two singles and write a double; ``-`` is no float register."""
    table: dict[int, str] = {}
    for row in rows.splitlines():
        sizes, *opcodes = row.split()
        table.update((int(opcode, 16), sizes) for opcode in opcodes)
    return table


# V9 manual, tables 37 and 38; letters are rs1, rs2, rd.
FPOP1 = _operand_sizes(
    """\
-SS 01 05 09 29 c4 d1
-DD 02 06 0a 2a 82 88
-QQ 03 07 0b 2b
SSS 41 45 49 4d
DDD 42 46 4a 4e
QQQ 43 47 4b 4f
SSD 69
DDQ 6e
-SD 81 c8 c9
-QD 83 cb
-DS 84 c6 d2
-DQ 8c ce
-QS c7 d3
-SQ cc cd"""
)
FPOP2_COMPARES = _operand_sizes("SS- 51 55\nDD- 52 56\nQQ- 53 57")
# UA2011, chapter 7 (VIS 1 and 2); 0x60 to 0x7f are the logical operations, odd ones single.
VIS = _operand_sizes(
    """\
DD- 20 22 24 26 28 2a 2c 2e
SDD 31
SSD 33 35 38 39 4b
DDD 36 37 3a 3e 48 4c 50 52 54 56
-DS 3b 3d
-SD 4d
SSS 51 53 55 57"""
) | {opf: "SSS" if opf & 1 else "DDD" for opf in range(0x60, 0x80)}

_FLOAT_SIZE_OF_CONDITIONAL_MOVE = {1: "S", 2: "D", 3: "Q"}


def _float_operand_sizes(op3: int, opf: int) -> str | None:
    """The sizes of rs1, rs2 and rd of a floating-point or VIS instruction; None: it has no float operands."""
    if op3 == 0x34:
        return FPOP1.get(opf)
    if op3 == 0x36:
        return VIS.get(opf)
    if opf in FPOP2_COMPARES:
        return FPOP2_COMPARES[opf]
    # V9 manual, A.33 and A.34: fmovcc has 1, 2, 3 in the low six bits of opf, fmovr 5, 6, 7 in the low five.
    size = _FLOAT_SIZE_OF_CONDITIONAL_MOVE.get(opf & 0x3F) or _FLOAT_SIZE_OF_CONDITIONAL_MOVE.get((opf & 0x1F) - 4)
    return f"-{size}{size}" if size else None


# --- Architectures --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Variant:
    """In what the three architectures differ."""

    is_v9: bool
    address_mask: int
    spaces: AddressSpaces
    memory: Mapping[int, MemoryRow]
    float_registers: tuple[str, ...]
    """What the stub shows of them."""
    status: str
    """The operand register of the condition codes."""
    fprs: tuple[str, ...]
    asi_of: Callable[[Registers], int] | None
    """The value of the ASI register, where there is one."""
    remembers_asi: bool
    """The stub does not show it."""
    traps: Mapping[int, Behaviour]
    """Software traps after which user-mode QEMU goes on with the next instruction; others raise a signal."""
    y: tuple[str, ...] = ("y",)
    is_system: bool = False
    """As firmware sees it."""


def _float_names(variant: Variant, number: int, size: int) -> tuple[str, ...]:
    """The operand registers of the ``size``-byte float register that the field ``number`` names."""
    if size == 4:
        first, count = number, 1
    else:
        # V9 manual, 5.1.4.1: bit 0 of a double's or quad's number is bit 5 of the register's; V8 ignores it.
        first = (number & 0x1E if size == 8 else number & 0x1C) | ((number & 1) << 5 if variant.is_v9 else 0)
        count = size // 4
    wanted = (f"f{i}" for i in range(first, first + count))
    return tuple(name for name in wanted if name in variant.float_registers)


def _unique(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


class _Place(NamedTuple):
    """An address before it is computed: ``base`` + ``offset`` or ``base`` + ``displacement``."""

    base: str
    offset: str | None
    """The register of an indexed form."""
    displacement: int
    mask: int
    is_masked_by_state: bool
    """PSTATE.AM says whether addresses have 32 bits only."""

    def address(self) -> Callable[[Registers], int]:
        """The address, given the registers."""
        base, offset, displacement, mask, _ = self
        if self.is_masked_by_state:
            return lambda registers: (
                registers[base] + (registers[offset] if offset else displacement)
                & (_MASK_32 if registers["state"] & STATE_AM else mask)
            )
        if offset is None:
            return lambda registers: registers[base] + displacement & mask
        return lambda registers: registers[base] + registers[offset] & mask


def _spans_at(place: _Place, kinds: tuple[AccessKind, ...], size: int) -> SpanFunction:
    """One span of each kind."""
    address_of = place.address()
    if len(kinds) == 2:
        first, second = kinds

        def both(registers: Registers) -> tuple[Span, ...]:
            address = address_of(registers)
            return Span(first, address, size), Span(second, address, size)

        return both
    (kind,) = kinds
    return lambda registers: (Span(kind, address_of(registers), size),)


def _alternate_size(row: MemoryRow, rd: int, asi: int, spaces: AddressSpaces) -> int:
    """How many bytes an alternate-space instruction moves with an ASI; 0: it reaches no memory."""
    if asi in spaces.plain:
        return 0 if asi in spaces.read_only and AccessKind.STORE in row.kinds else row.size
    if asi in spaces.twin and row.size == 8 and row.even:
        return 16
    if row.target == "float" and row.size == 8:
        if asi in spaces.block:
            # UA2011, 7.70: the eight registers must start at one that is a multiple of eight doubles.
            return 0 if rd & 0xE else 64
        if spaces.short is not None:
            return spaces.short.get(asi, 0)
    return 0


def _behaviour_of_memory(variant: Variant, word: int, row: MemoryRow) -> Behaviour:
    rd, rs1, rs2 = word >> 25 & 31, word >> 14 & 31, word & 31
    immediate = bool(word & 1 << 13)
    size = row.size
    if row.even and rd & 1:
        return Behaviour()
    if row.target == "fsr" and variant.is_v9 and rd == 1:
        size = 8  # ldxfsr, stxfsr
    index: str | None = None
    displacement = 0
    if row.target != "cas":  # casa and casxa: the address is rs1 alone, rs2 is what is compared
        if immediate:
            displacement = sign_extended(word, 13)
        elif rs2:
            index = GENERAL[rs2]
    mask = variant.address_mask
    place = _Place(GENERAL[rs1], index, displacement, mask, variant.is_system and variant.is_v9)

    implied = _implied_of_memory(variant, row, rd)
    if not row.alternate:
        return Behaviour(spans=_spans_at(place, row.kinds, size), implied=implied)
    spaces = variant.spaces
    if not variant.is_v9 or not immediate:
        asi = word >> 5 & 0xFF
        size = _alternate_size(row, rd, asi, spaces)
        if size == 64:
            implied = _unique(*implied, *_block_registers(variant, rd))
        if not size:
            if variant.is_system and AccessKind.STORE in row.kinds:
                return _behaviour_of_register_space(variant, word, place, asi)
            return Behaviour(implied=implied)
        function = _in_space(_spans_at(place, row.kinds, size), spaces, asi)
        return Behaviour(spans=function, implied=implied)
    # The ASI is in the register %asi.
    asi_of = variant.asi_of
    assert asi_of is not None
    sizes = tuple(_alternate_size(row, rd, asi, spaces) for asi in range(256))
    by_size = {size: _spans_at(place, row.kinds, size) if size else None for size in set(sizes)}
    functions = tuple(
        None if (of_size := by_size[size]) is None else _in_space(of_size, spaces, asi)
        for asi, size in enumerate(sizes)
    )

    def by_asi(registers: Registers) -> tuple[Span, ...]:
        function = functions[asi_of(registers)]
        return tuple(function(registers)) if function else ()

    if 64 in by_size:
        implied = _unique(*implied, *_block_registers(variant, rd))
    # stxa is what writes the MMU's registers; which space it is for is not known yet.
    is_system = variant.is_system and word >> 19 & 0x3F == _STXA
    return Behaviour(spans=by_asi, implied=implied, is_system=is_system)


_STXA = 0x1E
_V8_CONTEXT_REGISTER = 2
"""Its number (V8 manual, appendix H)."""
_SUPERVISOR = 1 << 7
"""PSR.S"""


def _behaviour_of_register_space(variant: Variant, word: int, place: _Place, asi: int) -> Behaviour:
    """A store to a space that is no memory, by firmware."""
    if variant.is_v9:
        return Behaviour(is_system=asi in V9_MMU_SPACES)
    address, source = place.address(), GENERAL[word >> 25 & 31]
    match asi, word >> 19 & 0x3F:
        case (0x17, 0x14):  # SuperSPARC's block copy by sta, from the address in rd
            return Behaviour(
                spans=lambda registers: (
                    Span(AccessKind.LOAD, registers[source] & -4, 32),
                    Span(AccessKind.STORE, address(registers) & -4, 32),
                )
            )
        case (0x1F, 0x17):  # its block fill by stda: the doubleword four times
            return Behaviour(spans=lambda registers: (Span(AccessKind.STORE, address(registers) & -8, 32),))
        case (0x04 | 0x19, 0x14):  # sta to the registers of the MMU, and of LEON3's

            def context(before: Registers) -> int:
                is_context = address(before) >> 8 & 0x1F == _V8_CONTEXT_REGISTER
                return before[source if is_context and before["psr"] & _SUPERVISOR else "context"]

            return Behaviour(StepRule.REMEMBER, remembers=("context", context), is_system=True)
    return Behaviour(is_system=asi in V8_MMU_SPACES)


def _in_space(function: SpanFunction, spaces: AddressSpaces, asi: int) -> SpanFunction:
    """The same spans in an alternate space."""
    kind, high = spaces.kinds.get(asi), spaces.high_bits.get(asi, 0)
    if kind is None:
        return function
    return lambda registers: tuple(
        SpanElsewhere(span._replace(address=high | span.address), kind) for span in function(registers)
    )


def _block_registers(variant: Variant, rd: int) -> tuple[str, ...]:
    """The eight doubles of a block load or store."""
    first = rd & 0x1E | (rd & 1) << 5
    return tuple(f"f{i}" for i in range(first, first + 16) if f"f{i}" in variant.float_registers)


def _implied_of_memory(variant: Variant, row: MemoryRow, rd: int) -> tuple[str, ...]:
    if row.target == "fsr":
        return ("fsr",)
    if row.target == "float":
        fprs = variant.fprs if AccessKind.LOAD in row.kinds else ()
        return _unique(*_float_names(variant, rd, row.size), *fprs)
    if AccessKind.LOAD not in row.kinds:
        return ()
    return (*_written(rd), *(_written(rd + 1) if row.even else ()))


def _written(number: int) -> tuple[str, ...]:
    """The general register that an instruction writes; g0 keeps its zero."""
    return (GENERAL[number],) if number else ()


def _behaviour_of_float(variant: Variant, word: int, op3: int) -> Behaviour:
    sizes = _float_operand_sizes(op3, word >> 5 & 0x1FF)
    if sizes is None:
        # VIS instructions on integer registers; siam and the unknown ones.
        return Behaviour(implied=_written(word >> 25 & 31) if op3 == 0x36 else ())
    names: list[str] = []
    for size, shift in zip(sizes, (14, 0, 25), strict=True):
        if size != "-":
            names += _float_names(variant, word >> shift & 31, {"S": 4, "D": 8, "Q": 16}[size])
    if op3 == 0x36 and sizes[2] == "-":
        names += _written(word >> 25 & 31)  # fcmp* of VIS write an integer register
    return Behaviour(implied=_unique(*names, "fsr", *variant.fprs))


# V8 manual, tables F-2 and F-3: those that write y. mulscc and the divisions read it too.
_WRITES_Y = frozenset({0x0A, 0x0B, 0x1A, 0x1B, 0x24, 0x0E, 0x0F, 0x1E, 0x1F})


# Read and write instructions of V8's system registers, in both directions.
_V8_SYSTEM_REGISTERS = {0x2A: ("wim",), 0x2B: ("tbr",), 0x32: ("wim",), 0x33: ("tbr",)}
# wrasr, wrpsr (V9: saved), wrwim (wrpr), wrtbr (wrhpr), flush: the field rd is an opcode or another kind of register.
_RD_IS_NOT_A_REGISTER = frozenset({0x30, 0x31, 0x32, 0x33, 0x3B})
_WRPR, _WRHPR, _DONE_RETRY = 0x32, 0x33, 0x3E
_SYSTEM_STATE = frozenset({5, 6, 7})
"""What ``wrpr`` writes that decides how addresses are translated and where traps go: tba, pstate, tl."""
_POWER_DOWN = 0x13
"""LEON3: ``wr %asr19`` waits for an interrupt."""


def _behaviour_of_arithmetic(variant: Variant, word: int) -> Behaviour:
    op3 = word >> 19 & 0x3F
    if op3 in (0x34, 0x35) or (op3 == 0x36 and variant.is_v9):
        return _behaviour_of_float(variant, word, op3)
    if op3 == 0x3A:
        return _behaviour_of_trap(variant, word)
    if op3 in (0x3C, 0x3D) or (op3 == 0x39 and variant.is_v9):
        # save, restore, return (rett on V8: privileged). The spill or fill that may come of it is the kernel's work:
        # its accesses are no part of the instruction, and neither QEMU's plugin interface nor its stub shows them.
        written = () if op3 == 0x39 else _written(word >> 25 & 31)
        return Behaviour(StepRule.RUN, implied=_unique(*written, *WINDOWED))
    if op3 == 0x2B and variant.is_v9:
        return Behaviour(StepRule.RUN)  # flushw
    if op3 == 0x30 and word >> 25 & 31 == 3 and variant.remembers_asi:
        return Behaviour(StepRule.REMEMBER, remembers=("asi", partial(_written_to_state_register, word)))
    rd = word >> 25 & 31
    written = () if op3 in _RD_IS_NOT_A_REGISTER else _written(rd)
    implied = _unique(*written, *_implied_of_arithmetic(variant, word, op3))
    if variant.is_system and variant.is_v9:
        is_system = op3 in (_WRHPR, _DONE_RETRY) or (op3 == _WRPR and rd in _SYSTEM_STATE)
        return Behaviour(implied=implied, is_system=is_system)
    if variant.is_system and op3 == 0x30 and rd == _POWER_DOWN:
        return Behaviour(StepRule.HALT)
    return Behaviour(implied=implied)


def _written_to_state_register(word: int, registers: Registers) -> int:
    """What ``wrasr`` writes, cut to the eight bits of %asi: rs1 xor rs2 or a constant (V9 manual, A.62)."""
    first = registers[GENERAL[word >> 14 & 31]]
    return (first ^ (word if word & 1 << 13 else registers[GENERAL[word & 31]])) & 0xFF


def _behaviour_of_trap(variant: Variant, word: int) -> Behaviour:
    """Tcc. Whether its condition holds or not, the step rules' breakpoint is at the next pc."""
    if not word >> 25 & 15:
        return Behaviour()  # trap never
    if word >> 14 & 31 or not word & 1 << 13:
        return Behaviour(StepRule.SYSTEM_CALL)  # the number is in a register, and what else would it be
    # QEMU's linux-user/sparc/cpu_loop.c. Its own traps are not system calls: %g1 is no number there.
    return variant.traps.get(word & 0x7F, Behaviour())


def _restored_pc(registers: Registers) -> int:
    """Where ``ta 0x6f`` goes on: the pc in the context at %o0 (``struct target_ucontext`` of QEMU's sparc/signal.c)."""
    return int.from_bytes(registers.read_memory(registers["o0"] + 0x28, 8), "big")


def _implied_of_arithmetic(variant: Variant, word: int, op3: int) -> tuple[str, ...]:
    if op3 in _WRITES_Y:
        return variant.y
    if op3 == 0x28:  # rdasr
        return _state_register(variant, word >> 14 & 31)
    if op3 == 0x30:  # wrasr
        return _state_register(variant, word >> 25 & 31)
    if variant.is_v9:
        # movcc: with bit 18 clear it looks at the float condition codes.
        return ("fsr",) if op3 == 0x2C and not word & 1 << 18 else ()
    return _V8_SYSTEM_REGISTERS.get(op3, ())


def _state_register(variant: Variant, number: int) -> tuple[str, ...]:
    """The operand registers behind an ancillary state register (V9 manual, 5.2.11)."""
    if number == 0:
        return variant.y
    if not variant.is_v9:
        return ()
    return {2: (variant.status,), 3: (variant.status,), 6: variant.fprs}.get(number, ())


def _behaviour_of(variant: Variant, disassembled: Disassembled) -> Behaviour:
    word = int.from_bytes(disassembled.data, "big")
    match word >> 30:
        case 0:  # branches; fbfcc, fbpfcc read the float condition codes
            return Behaviour(implied=("fsr",) if word >> 22 & 7 in (5, 6) else ())
        case 1:
            return Behaviour(implied=("o7",))  # call
        case 2:
            return _behaviour_of_arithmetic(variant, word)
    row = variant.memory.get(word >> 19 & 0x3F)
    return Behaviour() if row is None else _behaviour_of_memory(variant, word, row)


def _aliases(variant: Variant) -> dict[str, tuple[str, ...]]:
    """capstone's condition-code registers, and float registers that the stub does not show."""
    hidden = (name for name in (*SINGLES, *UPPER_DOUBLES) if name not in variant.float_registers)
    return {
        "icc": (variant.status,),
        "xcc": (variant.status,),
        **{f"fcc{i}": ("fsr",) for i in range(4)},
        **dict.fromkeys(hidden, ()),
    }


# Linux: %g1, %o0 to %o5; exit 1, exit_group 188 (arch/sparc/kernel/syscalls/syscall.tbl).
SYSTEM_CALLS = SystemCalls(
    signals=SPARC_SIGNALS,
    number="g1",
    result="o0",
    arguments=("o0", "o1", "o2", "o3", "o4", "o5"),
    names={
        48: "signal",
        56: "mmap2",
        58: "readlink",
        59: "execve",
        37: "kill",
        187: "tkill",
        211: "tgkill",
        71: "mmap",
        101: "rt_sigreturn",
        102: "rt_sigaction",
        198: "sigaction",
        216: "sigreturn",
        217: "clone",
        294: "readlinkat",
        347: "getrandom",
        350: "execveat",
    },
)

# 3 flushes the register windows. 64 bit: 0x6e stores the context, 0x6f loads one (longjmp).
TRAPS_64 = {
    0x6D: Behaviour(StepRule.SYSTEM_CALL),
    0x03: Behaviour(StepRule.RUN),
    0x6E: Behaviour(StepRule.RUN),
    0x6F: Behaviour(StepRule.RUN, resumes_at=_restored_pc),
}
TRAPS_32 = {0x10: Behaviour(StepRule.SYSTEM_CALL), 0x03: Behaviour(StepRule.RUN)}

# capstone does not know ldd, std, the alternate spaces, prefetch, and more.
_OBJDUMPS = ("sparc64-linux-gnu-objdump",)
V9_MODE = Mode(
    *(None, capstone.CS_ARCH_SPARC, capstone.CS_MODE_BIG_ENDIAN | capstone.CS_MODE_V9, (4,)),
    objdump=Objdump(_OBJDUMPS, machine=43),
)
V8PLUS_MODE = replace(V9_MODE, objdump=Objdump(_OBJDUMPS, machine=18, flags=0x100))
V8_MODE = Mode(
    *(None, capstone.CS_ARCH_SPARC, capstone.CS_MODE_BIG_ENDIAN, (4,)), objdump=Objdump(_OBJDUMPS, machine=2)
)

V9 = Variant(
    is_v9=True,
    address_mask=(1 << 64) - 1,
    spaces=V9_SPACES,
    memory=V9_MEMORY,
    float_registers=SINGLES + UPPER_DOUBLES,
    status="state",
    fprs=("fprs",),
    asi_of=lambda registers: registers["state"] >> STATE_ASI_SHIFT & 0xFF,
    remembers_asi=False,
    traps=TRAPS_64,
)
# QEMU's 32-bit stub shows a V9 processor as a V8 one: the upper halves of the integer registers, f32 to f62, xcc (psr
# has icc), asi and fprs are not in its ``g`` packet, so a frame cannot list them. What is written to %asi is
# remembered.
V8PLUS = Variant(
    is_v9=True,
    address_mask=(1 << 32) - 1,
    spaces=V9_SPACES,
    memory=V9_MEMORY,
    float_registers=SINGLES,
    status="psr",
    fprs=(),
    asi_of=lambda registers: registers["asi"],
    remembers_asi=True,
    traps=TRAPS_32,
)
V8 = Variant(
    is_v9=False,
    address_mask=(1 << 32) - 1,
    spaces=V8_SPACES,
    memory=COMMON_MEMORY,
    float_registers=SINGLES,
    status="psr",
    fprs=(),
    asi_of=None,
    remembers_asi=False,
    traps=TRAPS_32,
)


def _layout(*runs: tuple[tuple[str, ...], int]) -> tuple[StubRegister, ...]:
    return tuple(StubRegister(name, bits) for names, bits in runs for name in names)


LAYOUT_64 = _layout((GENERAL, 64), (SINGLES, 32), (UPPER_DOUBLES, 64), (("pc", "npc", "state", "fsr", "fprs", "y"), 64))
LAYOUT_32 = _layout((GENERAL, 32), (SINGLES, 32), (("y", "psr", "wim", "tbr", "pc", "npc", "fsr", "csr"), 32))

REGISTERS_64 = (
    *(Register(name, 64) for name in GENERAL),
    Register("pc", 64, Group.CONTROL),
    Register("npc", 64, Group.CONTROL),
    Register("y", 64, Group.CONTROL),
    Register("state", 64, Group.STATUS),
    Register("fsr", 64, Group.FLOAT),
    Register("fprs", 64, Group.FLOAT),
    *(Register(name, 32, Group.FLOAT) for name in SINGLES),
    *(Register(name, 64, Group.FLOAT) for name in UPPER_DOUBLES),
)
REGISTERS_32 = (
    *(Register(name, 32) for name in GENERAL),
    Register("pc", 32, Group.CONTROL),
    Register("npc", 32, Group.CONTROL),
    Register("y", 32, Group.CONTROL),
    Register("psr", 32, Group.STATUS),
    Register("fsr", 32, Group.FLOAT),
    *(Register(name, 32, Group.FLOAT) for name in SINGLES),
    *(Register(name, 32, Group.SYSTEM) for name in ("wim", "tbr", "csr")),
)

SPARC64 = Arch(
    name="sparc64",
    bits=64,
    byte_order="big",
    elf=ElfIdentity("EM_SPARCV9", 64, "big"),
    frame_architecture=6,
    frame_machine=7,  # v9; QEMU's plugin writes 10 (v9b), which BAP's reader does not know
    pc="pc",
    sp="sp",
    registers=REGISTERS_64,
    modes=(V9_MODE,),
    branch_of=branches.SPARC,
    nondeterministic=nondeterminism.SPARC_V9,
    behaviour_of=lambda disassembled: _behaviour_of(V9, disassembled),
    system_calls=SYSTEM_CALLS,
    aliases=_aliases(V9),
    zeroes=frozenset({"g0"}),
    builtin_layout=LAYOUT_64,
    next_pc="npc",
    gdb_architecture="sparc:v9",
)

SPARC32PLUS = Arch(
    name="sparc32plus",
    bits=32,
    byte_order="big",
    elf=ElfIdentity("EM_SPARC32PLUS", 32, "big"),
    frame_architecture=6,
    frame_machine=4,
    pc="pc",
    sp="sp",
    registers=REGISTERS_32,
    modes=(V8PLUS_MODE,),
    branch_of=branches.SPARC,
    structure_return=4,
    nondeterministic=nondeterminism.SPARC_V9,
    behaviour_of=lambda disassembled: _behaviour_of(V8PLUS, disassembled),
    system_calls=SYSTEM_CALLS,
    aliases=_aliases(V8PLUS),
    zeroes=frozenset({"g0"}),
    builtin_layout=LAYOUT_32,
    next_pc="npc",
    gdb_architecture="sparc:v8plus",
    # linux-user starts a V9 processor with ASI_PRIMARY_NOFAULT.
    remembered={"asi": 0x82},
)

SPARC = Arch(
    name="sparc",
    bits=32,
    byte_order="big",
    elf=ElfIdentity("EM_SPARC", 32, "big"),
    frame_architecture=6,
    frame_machine=1,
    pc="pc",
    sp="sp",
    registers=REGISTERS_32,
    modes=(V8_MODE,),
    branch_of=branches.SPARC,
    structure_return=4,
    nondeterministic=nondeterminism.SPARC_V8,
    behaviour_of=lambda disassembled: _behaviour_of(V8, disassembled),
    system_calls=SYSTEM_CALLS,
    aliases=_aliases(V8),
    zeroes=frozenset({"g0"}),
    builtin_layout=LAYOUT_32,
    next_pc="npc",
    gdb_architecture="sparc",
)

SPARC_MACHINE = replace(
    SPARC,
    behaviour_of=partial(_behaviour_of, replace(V8, spaces=V8_SYSTEM_SPACES, is_system=True)),
    remembered={"context": 0},
    system=V8_SYSTEM,
)
SPARC64_MACHINE = replace(
    SPARC64,
    behaviour_of=partial(_behaviour_of, replace(V9, spaces=V9_SYSTEM_SPACES, is_system=True)),
    system=V9_SYSTEM,
)
