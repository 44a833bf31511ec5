"""32-bit Arm of both byte orders, A32 and T32 (Thumb), as QEMU 7.2 runs it: base instructions, VFP and Advanced SIMD.

"Arm ARM" is DDI 0487 (Armv8-A); F3 and F4 have the encoding diagrams that the patterns below copy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import capstone

from gdbtrace.arch import branches, nondeterminism
from gdbtrace.arch.instruction_word import Access, Builder, Row, behaviour_by_rows, row, run_of
from gdbtrace.arch.linux import I386_CALLS
from gdbtrace.arch.model import (
    AccessKind,
    Arch,
    Behaviour,
    ByteOrder,
    Disassembled,
    ElfIdentity,
    Group,
    Mode,
    Register,
    Registers,
    Span,
    SpanFunction,
    StepRule,
    SystemCalls,
)
from gdbtrace.arch.system.arm import (
    A_PROFILE,
    CONTEXT_REGISTERS,
    COPROCESSOR_15,
    COPROCESSOR_15_OF_64_BITS,
    TRANSLATING,
    WAIT,
)
from gdbtrace.arch.system.arm_m import M_PROFILE

_LOAD, _STORE = AccessKind.LOAD, AccessKind.STORE
_R = (*(f"r{n}" for n in range(13)), "sp", "lr", "pc")
_D = tuple(f"d{n}" for n in range(32))
_SP, _PC = 13, 15
_ALL_32 = (1 << 32) - 1


def _size_of_t32(byte_order: ByteOrder, data: bytes) -> int:
    """A first halfword of 0b11101, 0b11110 or 0b11111 in its top five bits begins a 32-bit one (Arm ARM, F3.1)."""
    return 4 if int.from_bytes(data[:2], byte_order) >> 11 in (0b11101, 0b11110, 0b11111) else 2


def _modes(byte_order: ByteOrder, suffix: str) -> tuple[Mode, Mode]:
    """A32 and T32, with instructions in that byte order."""
    options = capstone.CS_MODE_V8 | (capstone.CS_MODE_BIG_ENDIAN if byte_order == "big" else 0)
    return (
        Mode(f"arm:a32{suffix}", capstone.CS_ARCH_ARM, capstone.CS_MODE_ARM | options, (4,)),
        Mode(
            f"arm:t32{suffix}",
            capstone.CS_ARCH_ARM,
            capstone.CS_MODE_THUMB | options,
            (2, 4),
            partial(_size_of_t32, byte_order),
        ),
    )


_A32, _T32 = _modes("little", "")
_A32_BE32, _T32_BE32 = _modes("big", ":be32")
"""Images of the legacy format BE32 (``--be32``, up to Armv6), whose instructions are big-endian like their data; BE8's
are little-endian.  A name of their own, since a trace's header does not say how to read them."""

_T32_M = replace(_T32, capstone_mode=_T32.capstone_mode | capstone.CS_MODE_MCLASS)
"""The M profile's."""
_A32_MODES = (_A32, _A32_BE32)

# ---- conditions -----------------------------------------------------------------------------------------------------


def _passing(condition: int) -> int:
    """Bit ``NZCV`` of the result: whether the condition holds for these values of the four flags (Arm ARM F1.3)."""
    passing = 0
    for flags in range(16):
        n, z, c, v = (bool(flags >> bit & 1) for bit in (3, 2, 1, 0))
        holds = (z, c, n, v, c and not z, n == v, n == v and not z, True)[condition >> 1]
        # The odd ones are the negations, but for 1111, which is "always" too.
        passing |= (holds != (condition & 1 == 1 and condition != 15)) << flags
    return passing


_PASSING = tuple(_passing(condition) for condition in range(16))
_ALWAYS = 14

_IT_ACTIVE = 0x06000C00
"""ITSTATE's bits 3:0, which lie in the status register's bits 26:25 and 11:10; not zero within an IT block."""


_IT = 0x0600FC00
"""All of ITSTATE."""


def _status_name(registers: Registers) -> str:
    """An M-profile CPU has xpsr, with the flags and ITSTATE in the same bits."""
    try:
        registers["cpsr"]
    except KeyError:
        return "xpsr"
    return "cpsr"


def _status(registers: Registers) -> int:
    """The flags and ITSTATE."""
    try:
        return registers["cpsr"]
    except KeyError:
        return registers["xpsr"]


def _if_a32(condition: int, spans: SpanFunction) -> SpanFunction:
    """``spans`` where the condition of an A32 instruction holds."""
    if condition >= _ALWAYS:
        return spans
    passing = _PASSING[condition]

    def conditional(registers: Registers) -> Sequence[Span]:
        return spans(registers) if passing >> (registers["cpsr"] >> 28) & 1 else ()

    return conditional


def _if_t32(spans: SpanFunction) -> SpanFunction:
    """``spans`` unless within an IT block whose condition (ITSTATE's bits 7:4, the status's 15:12) does not hold."""

    def conditional(registers: Registers) -> Sequence[Span]:
        flags = _status(registers)
        if flags & _IT_ACTIVE and not _PASSING[flags >> 12 & 15] >> (flags >> 28) & 1:
            return ()
        return spans(registers)

    return conditional


# ---- addresses ------------------------------------------------------------------------------------------------------


def _from_base(number: int, pc: int, offset: int, accesses: tuple[Access, ...]) -> SpanFunction:
    """Accesses from register ``number`` plus ``offset``; as a base, the program counter is word-aligned."""
    plan = tuple((access.kind, offset + access.displacement, access.size) for access in accesses)
    if number == _PC:
        aligned = pc & ~3
        fixed = tuple(Span(kind, aligned + displacement & _ALL_32, size) for kind, displacement, size in plan)
        return lambda registers: fixed
    base = _R[number]
    if len(plan) == 1:
        [(kind, displacement, size)] = plan

        def one(registers: Registers) -> Sequence[Span]:
            return (Span(kind, registers[base] + displacement & _ALL_32, size),)

        return one

    def several(registers: Registers) -> Sequence[Span]:
        start = registers[base]
        return [Span(kind, start + displacement & _ALL_32, size) for kind, displacement, size in plan]

    return several


_Shift = Callable[[int, Registers], int]


def _shift_of(kind: int, amount: int) -> _Shift:
    """The shift of an index register, from its type (bits 6:5) and amount (Arm ARM F2.3, DecodeImmShift)."""
    if kind == 0b00:
        return lambda value, registers: value << amount
    if kind == 0b01:
        return lambda value, registers: value >> (amount or 32)
    if kind == 0b10:
        return lambda value, registers: (value ^ 1 << 31) - (1 << 31) >> (amount or 32)
    if amount:
        return lambda value, registers: value >> amount | value << 32 - amount & _ALL_32
    # RRX: the carry flag enters at the top.
    return lambda value, registers: value >> 1 | (registers["cpsr"] >> 29 & 1) << 31


def _from_index(number: int, pc: int, index: int, sign: int, shift: _Shift, access: Access) -> SpanFunction:
    kind, size, index_name = access.kind, access.size, _R[index]
    if number == _PC:

        def from_pc(registers: Registers) -> Sequence[Span]:
            return (Span(kind, pc + sign * shift(registers[index_name], registers) & _ALL_32, size),)

        return from_pc
    base = _R[number]

    def spans(registers: Registers) -> Sequence[Span]:
        address = registers[base] + sign * shift(registers[index_name], registers)
        return (Span(kind, address & _ALL_32, size),)

    return spans


def _unshifted(value: int, registers: Registers) -> int:
    return value


# ---- instructions ---------------------------------------------------------------------------------------------------


# Those that build a Behaviour take the word and what reading the program counter gives there, the address plus 8 in A32
# and 4 in T32; they give the spans as if the condition held.


def _touch(
    number: int, pc: int, offset: int, accesses: tuple[Access, ...], rule: StepRule = StepRule.PLAIN
) -> Behaviour:
    return Behaviour(rule=rule, spans=_from_base(number, pc, offset, accesses))


def _kind(word: int, bit: int = 20) -> AccessKind:
    """The direction of an instruction whose ``bit`` is 1 in a load."""
    return _LOAD if word >> bit & 1 else _STORE


def _rn(word: int) -> int:
    return word >> 16 & 15


def _signed_by_u(word: int, offset: int) -> int:
    """``offset`` with the sign that U (bit 23) gives it."""
    return offset if word >> 23 & 1 else -offset


def _is_post_indexed(word: int) -> bool:
    """P (bit 24) is 0: the offset is only added to the base afterwards."""
    return not word >> 24 & 1


def _multiple(word: int, pc: int) -> Behaviour:
    """LDM, STM (with and without user registers)."""
    count = (word & 0xFFFF).bit_count()
    before, up = word >> 24 & 1, word >> 23 & 1
    lowest = 4 * before if up else -4 * count + 4 * (1 - before)
    return _touch(_rn(word), pc, lowest, run_of(_kind(word), 4, count))


def _vector_multiple(word: int, pc: int) -> Behaviour | None:
    """VLDR, VSTR, VLDM, VSTM (also FLDMX, FSTMX, whose odd count stands for a word that is not accessed)."""
    before, up, writes_back = word >> 24 & 1, word >> 23 & 1, word >> 21 & 1
    log2, immediate, kind = word >> 8 & 3, word & 0xFF, _kind(word)
    if before and not writes_back:
        offset = _signed_by_u(word, immediate * (2 if log2 == 1 else 4))
        return _touch(_rn(word), pc, offset, run_of(kind, 1 << log2))
    if before == up or log2 < 2:
        return None  # VMOV between two core registers and vector registers, or undefined
    accesses = run_of(kind, 1 << log2, immediate >> log2 - 2)
    behaviour = _touch(_rn(word), pc, 0 if up else -4 * immediate, accesses)
    # capstone prints it as vpush or vpop, without the stack pointer.
    return replace(behaviour, implied=("sp",)) if _rn(word) == _SP else behaviour


_EXCLUSIVE_RULE = {_LOAD: StepRule.LOAD_EXCLUSIVE, _STORE: StepRule.STORE_EXCLUSIVE}


def _exclusive(number: int, pc: int, offset: int, kind: AccessKind, size: int, status: int) -> Behaviour:
    """Whether an exclusive store succeeds, only its status register, number ``status``, says.

    QEMU makes it a compare-and-swap with the value that the load read: a load and a store.
    """
    accesses = run_of(_LOAD, size) + (run_of(_STORE, size) if kind is _STORE else ())
    touched = _touch(number, pc, offset, accesses, _EXCLUSIVE_RULE[kind])
    if kind is _LOAD:
        return touched
    name = _R[status]
    return replace(touched, has_stored=lambda registers: not registers[name])


def _vector_structures(word: int, pc: int) -> Behaviour | None:
    """VLD1 to VLD4, VST1 to VST4 of multiple structures: all registers are one run of bytes."""
    count = _STRUCTURE_REGISTERS.get(word >> 8 & 15)
    return None if count is None else _touch(_rn(word), pc, 0, run_of(_kind(word, 21), 8 * count))


_STRUCTURE_REGISTERS = {
    **{0b0111: 1, 0b1010: 2, 0b0110: 3, 0b0010: 4},  # VLD1
    **{0b1000: 2, 0b1001: 2, 0b0011: 4},  # VLD2
    **{0b0100: 3, 0b0101: 3, 0b0000: 4, 0b0001: 4},  # VLD3, VLD4
}
"""Type (bits 11:8) -> doubleword registers."""


def _vector_structure(word: int, pc: int) -> Behaviour:
    """The same of a single structure, to one lane or (size 11) to all lanes."""
    elements, log2 = (word >> 8 & 3) + 1, word >> 10 & 3
    if log2 == 3:
        log2 = min(word >> 6 & 3, 2)
    return _touch(_rn(word), pc, 0, run_of(_kind(word, 21), 1 << log2, elements))


def _call(word: int, pc: int) -> Behaviour:
    return Behaviour(implied=("lr",))


def _system_call(word: int, pc: int) -> Behaviour:
    return Behaviour(rule=StepRule.SYSTEM_CALL)


def _breakpoint(word: int, pc: int) -> Behaviour:
    """BKPT, and the UDFs that are Linux's breakpoints (``arm_break_hook`` of its arch/arm/kernel/ptrace.c)."""
    return Behaviour(rule=StepRule.BREAKPOINT)


def _clear_exclusive(word: int, pc: int) -> Behaviour:
    return Behaviour(rule=StepRule.CLEAR_EXCLUSIVE)


def _yield(word: int, pc: int) -> Behaviour:
    """YIELD, WFE (``DISAS_YIELD``, ``DISAS_WFE`` of QEMU's target/arm/translate.c)."""
    return Behaviour(rule=StepRule.YIELD, advances=_next_of_it_block)


def _next_of_it_block(registers: Registers) -> dict[str, int]:
    """ITSTATE after an instruction of an IT block (Arm ARM F1.2.2, ``ITAdvance``)."""
    status = _status(registers)
    if not status & _IT_ACTIVE:
        return {}
    state = status >> 8 & 0xFC | status >> 25 & 3
    state = state & 0xE0 | state << 1 & 0x1F if state & 7 else 0
    return {_status_name(registers): status & ~_IT | (state & 0xFC) << 8 | (state & 3) << 25}


def _nothing(word: int, pc: int) -> None:
    return None


def _store_return_state(word: int, pc: int) -> Behaviour:
    """SRS stores to the stack of a mode whose sp the stub may not give; privileged."""
    return Behaviour(spans_known=False)


_COPROCESSOR_15 = {
    (0, 9, 13, 0): "PMCCNTR",
    (0, 13, 0, 2): "TPIDRURW",
    (0, 13, 0, 3): "TPIDRURO",
}
"""(opc1, CRn, CRm, opc2) of MRC and MCR p15 -> what the stub calls the register, for those that user code may use."""


def _coprocessor_15(word: int, pc: int) -> Behaviour | None:
    name = _COPROCESSOR_15.get((word >> 21 & 7, word >> 16 & 15, word & 15, word >> 5 & 7))
    return None if name is None else Behaviour(implied=(name,))


# ---- A32 ------------------------------------------------------------------------------------------------------------


def _a32_swap(word: int, pc: int) -> Behaviour:
    """SWP, SWPB, which capstone does not decode."""
    size = 1 if word >> 22 & 1 else 4
    behaviour = _touch(_rn(word), pc, 0, run_of(_LOAD, size) + run_of(_STORE, size))
    return replace(behaviour, implied=(_R[word >> 12 & 15],))


_A32_EXCLUSIVE_SIZES = (4, 8, 1, 2)


def _a32_exclusive(word: int, pc: int) -> Behaviour:
    """LDREX, STREX, LDAEX, STLEX and, with bit 9 clear, LDA and STL; of all sizes."""
    kind, size = _kind(word), _A32_EXCLUSIVE_SIZES[word >> 21 & 3]
    if not word >> 9 & 1:
        return _touch(_rn(word), pc, 0, run_of(kind, size))
    return _exclusive(_rn(word), pc, 0, kind, size, word >> 12 & 15)


_A32_EXTRA = {
    (0, 0b01): (Access(_STORE, 0, 2),),
    (1, 0b01): (Access(_LOAD, 0, 2),),
    (0, 0b10): run_of(_LOAD, 4, 2),
    (1, 0b10): (Access(_LOAD, 0, 1),),
    (0, 0b11): run_of(_STORE, 4, 2),
    (1, 0b11): (Access(_LOAD, 0, 2),),
}
"""Bit 20 and bits 6:5 -> STRH, LDRH, LDRD, LDRSB, STRD, LDRSH."""


def _a32_extra(word: int, pc: int) -> Behaviour:
    accesses = _A32_EXTRA[word >> 20 & 1, word >> 5 & 3]
    if _is_post_indexed(word):
        return _touch(_rn(word), pc, 0, accesses)
    if word >> 22 & 1:
        return _touch(_rn(word), pc, _signed_by_u(word, word >> 4 & 0xF0 | word & 15), accesses)
    # One span for a pair: with an index it is computed once.
    whole = Access(accesses[0].kind, 0, sum(access.size for access in accesses))
    sign = _signed_by_u(word, 1)
    return Behaviour(spans=_from_index(_rn(word), pc, word & 15, sign, _unshifted, whole))


def _a32_word_or_byte(word: int) -> Access:
    return Access(_kind(word), 0, 1 if word >> 22 & 1 else 4)


def _a32_immediate(word: int, pc: int) -> Behaviour:
    offset = 0 if _is_post_indexed(word) else _signed_by_u(word, word & 0xFFF)
    return _touch(_rn(word), pc, offset, (_a32_word_or_byte(word),))


def _a32_register(word: int, pc: int) -> Behaviour:
    access = _a32_word_or_byte(word)
    if _is_post_indexed(word):
        return _touch(_rn(word), pc, 0, (access,))
    shift = _shift_of(word >> 5 & 3, word >> 7 & 31)
    return Behaviour(spans=_from_index(_rn(word), pc, word & 15, _signed_by_u(word, 1), shift, access))


def _a32_return_from_exception(word: int, pc: int) -> Behaviour:
    before, up = word >> 24 & 1, word >> 23 & 1
    return _touch(_rn(word), pc, 4 * before if up else -4 - 4 * before, run_of(_LOAD, 4, 2))


# ---- T32 ------------------------------------------------------------------------------------------------------------


def _t16_literal(word: int, pc: int) -> Behaviour:
    return _touch(_PC, pc, (word & 0xFF) * 4, run_of(_LOAD, 4))


_T16_BY_REGISTER = (
    *(Access(_STORE, 0, size) for size in (4, 2, 1)),
    *(Access(_LOAD, 0, size) for size in (1, 4, 2, 1, 2)),
)
"""Bits 11:9: STR, STRH, STRB, LDRSB, LDR, LDRH, LDRB, LDRSH."""


def _t16_register(word: int, pc: int) -> Behaviour:
    access = _T16_BY_REGISTER[word >> 9 & 7]
    return Behaviour(spans=_from_index(word >> 3 & 7, pc, word >> 6 & 7, 1, _unshifted, access))


def _t16_immediate(size: int, word: int, pc: int) -> Behaviour:
    return _touch(word >> 3 & 7, pc, (word >> 6 & 31) * size, run_of(_kind(word, 11), size))


def _t16_stack(word: int, pc: int) -> Behaviour:
    return _touch(_SP, pc, (word & 0xFF) * 4, run_of(_kind(word, 11), 4))


def _t16_push(word: int, pc: int) -> Behaviour:
    count = (word & 0x1FF).bit_count()
    return replace(_touch(_SP, pc, -4 * count, run_of(_STORE, 4, count)), implied=("sp",))


def _t16_pop(word: int, pc: int) -> Behaviour:
    return replace(_touch(_SP, pc, 0, run_of(_LOAD, 4, (word & 0x1FF).bit_count())), implied=("sp",))


def _t16_multiple(word: int, pc: int) -> Behaviour:
    return _touch(word >> 8 & 7, pc, 0, run_of(_kind(word, 11), 4, (word & 0xFF).bit_count()))


def _t32_dual(word: int, pc: int) -> Behaviour:
    offset = 0 if _is_post_indexed(word) else _signed_by_u(word, (word & 0xFF) * 4)
    return _touch(_rn(word), pc, offset, run_of(_kind(word), 4, 2))


def _t32_exclusive_word(word: int, pc: int) -> Behaviour:
    return _exclusive(_rn(word), pc, (word & 0xFF) * 4, _kind(word), 4, word >> 8 & 15)


def _t32_exclusive(word: int, pc: int) -> Behaviour:
    return _exclusive(_rn(word), pc, 0, _kind(word), 1 << (word >> 4 & 3), word & 15)


def _t32_ordered(word: int, pc: int) -> Behaviour:
    """LDA, STL of all sizes."""
    return _touch(_rn(word), pc, 0, run_of(_kind(word), 1 << (word >> 4 & 3)))


def _t32_table_branch(word: int, pc: int) -> Behaviour:
    """TBB, TBH."""
    log2 = word >> 4 & 1
    shift = _shift_of(0, log2)
    return Behaviour(spans=_from_index(_rn(word), pc, word & 15, 1, shift, Access(_LOAD, 0, 1 << log2)))


def _t32_single(word: int) -> Access | None:
    """The access of a load or store of one register; None for a hint (PLD, PLDW, PLI: Rt is 1111) or undefined."""
    log2 = word >> 21 & 3
    if log2 == 3 or (log2 < 2 and word >> 20 & 1 and word >> 12 & 15 == _PC):
        return None
    return Access(_kind(word), 0, 1 << log2)


def _t32_literal(word: int, pc: int) -> Behaviour | None:
    access = _t32_single(word)
    return None if access is None else _touch(_PC, pc, _signed_by_u(word, word & 0xFFF), (access,))


def _t32_immediate_12(word: int, pc: int) -> Behaviour | None:
    access = _t32_single(word)
    return None if access is None else _touch(_rn(word), pc, word & 0xFFF, (access,))


def _t32_immediate_8(word: int, pc: int) -> Behaviour | None:
    """P, U, W are bits 10:8; P=1 U=1 W=0 is the unprivileged form."""
    access, immediate = _t32_single(word), word & 0xFF
    if access is None:
        return None
    offset = 0 if not word >> 10 & 1 else immediate if word >> 9 & 1 else -immediate
    return _touch(_rn(word), pc, offset, (access,))


def _t32_register(word: int, pc: int) -> Behaviour | None:
    access, shift = _t32_single(word), _shift_of(0, word >> 4 & 3)
    return None if access is None else Behaviour(spans=_from_index(_rn(word), pc, word & 15, 1, shift, access))


def _t32_return_from_exception(word: int, pc: int) -> Behaviour:
    return _touch(_rn(word), pc, 0 if word >> 24 & 1 else -8, run_of(_LOAD, 4, 2))


# ---- the tables -----------------------------------------------------------------------------------------------------


_A32_UNCONDITIONAL_ROWS = (
    # Arm ARM F4.1.2
    row("1111 0100 0..0 .... .... .... .... ....", _vector_structures),
    row("1111 0100 1..0 .... .... .... .... ....", _vector_structure),
    row("1111 0101 0111 1111 1111 0000 0001 1111", _clear_exclusive),
    row("1111 100. .0.1 .... 0000 1010 0000 0000", _a32_return_from_exception),
    row("1111 100. .1.0 1101 0000 0101 000. ....", _store_return_state),
    row("1111 101. .... .... .... .... .... ....", _call),
    row("1111 .... .... .... .... .... .... ....", _nothing),
)
_A32_CONDITIONAL_ROWS = (
    # Synchronization, extra load/store
    row(".... 0001 0.00 .... .... 0000 1001 ....", _a32_swap),
    row(".... 0001 1... .... .... 111. 1001 ....", _a32_exclusive),
    row(".... 0001 1... .... .... 1100 1001 ....", _a32_exclusive),
    row(".... 000. .... .... .... .... 1011 ....", _a32_extra),
    row(".... 000. .... .... .... .... 11.1 ....", _a32_extra),
    # Word and byte; multiple
    row(".... 010. .... .... .... .... .... ....", _a32_immediate),
    row(".... 011. .... .... .... .... ...0 ....", _a32_register),
    row(".... 100. .... .... .... .... .... ....", _multiple),
    row(".... 110. .... .... .... 101. .... ....", _vector_multiple),
    row(".... 110. .... .... .... 1001 .... ....", _vector_multiple),
    # Others
    row(".... 0011 0010 0000 .... 0000 0000 0001", _yield),
    row(".... 0011 0010 0000 .... 0000 0000 0010", _yield),
    row(".... 1110 .... .... .... 1111 ...1 ....", _coprocessor_15),
    row(".... 1111 .... .... .... .... .... ....", _system_call),
    row(".... 1011 .... .... .... .... .... ....", _call),
    row(".... 0001 0010 1111 1111 1111 0011 ....", _call),
    row(".... 0001 0010 .... .... .... 0111 ....", _breakpoint),
    row(".... 0111 1111 0000 0000 0001 1111 0000", _breakpoint),
)

_A32_ROWS = (*_A32_UNCONDITIONAL_ROWS, *_A32_CONDITIONAL_ROWS)

_T16_ROWS = (
    row("01001 ...........", _t16_literal),
    row("0101 ............", _t16_register),
    row("0110 ............", partial(_t16_immediate, 4)),
    row("0111 ............", partial(_t16_immediate, 1)),
    row("1000 ............", partial(_t16_immediate, 2)),
    row("1001 ............", _t16_stack),
    row("1011010 .........", _t16_push),
    row("1011110 .........", _t16_pop),
    row("10111111 0001 0000", _yield),
    row("10111111 0010 0000", _yield),
    row("1100 ............", _t16_multiple),
    row("11011111 ........", _system_call),
    row("010001111 .......", _call),
    row("10111110 ........", _breakpoint),
    row("1101111000000001", _breakpoint),
)

_T32_ROWS = (
    row("1111 0111 1111 0000 1010 0000 0000 0000", _breakpoint),
    # Multiple
    row("1110 1000 00.1 .... 1100 0000 0000 0000", _t32_return_from_exception),
    row("1110 1001 10.1 .... 1100 0000 0000 0000", _t32_return_from_exception),
    row("1110 1000 00.0 1101 1100 0000 000. ....", _store_return_state),
    row("1110 1001 10.0 1101 1100 0000 000. ....", _store_return_state),
    row("1110 1000 10.. .... .... .... .... ....", _multiple),
    row("1110 1001 00.. .... .... .... .... ....", _multiple),
    # Dual, exclusive, table branch. Armv8-M's SG and TT lie among them.
    row("1110 1001 0111 1111 1110 1001 0111 1111", _nothing),
    row("1110 1001 .1.. .... .... .... .... ....", _t32_dual),
    row("1110 1000 .11. .... .... .... .... ....", _t32_dual),
    row("1110 1000 0100 .... 1111 .... ..00 0000", _nothing),
    row("1110 1000 010. .... .... .... .... ....", _t32_exclusive_word),
    row("1110 1000 1101 .... .... .... 000. ....", _t32_table_branch),
    row("1110 1000 110. .... .... .... 01.. ....", _t32_exclusive),
    row("1110 1000 110. .... .... .... 10.. ....", _t32_ordered),
    row("1110 1000 110. .... .... .... 11.. ....", _t32_exclusive),
    # One register; the vector structures have the place of its signed stores
    row("1111 1001 0..0 .... .... .... .... ....", _vector_structures),
    row("1111 1001 1..0 .... .... .... .... ....", _vector_structure),
    row("1111 100. ...1 1111 .... .... .... ....", _t32_literal),
    row("1111 100. 1... .... .... .... .... ....", _t32_immediate_12),
    row("1111 100. 0... .... .... 1... .... ....", _t32_immediate_8),
    row("1111 100. 0... .... .... 0000 00.. ....", _t32_register),
    # Others
    row("1111 0011 1010 .... 10.0 .000 0000 0001", _yield),
    row("1111 0011 1010 .... 10.0 .000 0000 0010", _yield),
    row("1110 110. .... .... .... 101. .... ....", _vector_multiple),
    row("1110 110. .... .... .... 1001 .... ....", _vector_multiple),
    row("1110 1110 .... .... .... 1111 ...1 ....", _coprocessor_15),
    row("1111 0011 1011 1111 1000 1111 0010 1111", _clear_exclusive),
    row("1111 0... .... .... 11.. .... .... ....", _call),
)


# ---- registers that the text does not name --------------------------------------------------------------------------

_FLOATING_POINT = re.compile(r"v(?!mov|abs|neg|sel).*\.b?f(16|32|64)|vq")
"""Mnemonics of instructions that round, raise floating-point exceptions, or saturate (which sets FPSCR.QC)."""


_COPROCESSOR = ("cdp", "ldc", "mcr", "mrc", "stc")
"""What capstone calls some vector instructions that it does not know."""


def _is_vector(word: int, mode: Mode) -> bool:
    """VFP or Advanced SIMD data processing (of 32 bits)."""
    if word >> 24 & 15 in (0b1100, 0b1110) and word >> 28 == 15:
        return True
    if word >> 24 & 15 == 0b1110:
        return word >> 10 & 3 == 0b10
    return word >> 25 == 0b1111001 if mode in _A32_MODES else word >> 24 & 0b11101111 == 0b11101111


def _implied_by(disassembled: Disassembled, word: int) -> Iterator[str]:
    if disassembled.mnemonic and not disassembled.mnemonic.startswith(_COPROCESSOR):
        if _FLOATING_POINT.match(disassembled.mnemonic):
            yield "fpscr"
    elif len(disassembled.data) == 4 and _is_vector(word, disassembled.mode):
        # capstone knows nothing of it: every register that the encoding may mean, as a single, a double or a quad.
        for top, field in ((22, 12), (7, 16), (5, 0)):
            high, low = word >> top & 1, word >> field & 15
            yield from (_D[low >> 1], _D[high << 4 | low], _D[high << 4 | low | 1])
        yield "fpscr"


@dataclass(frozen=True, slots=True)
class _Decoder:
    """What instructions of one profile do, for programs or for firmware."""

    a32: Sequence[Row]
    t16: Sequence[Row]
    t32: Sequence[Row]

    def behaviour_of(self, disassembled: Disassembled) -> Behaviour:
        """What the encoding says; capstone only tells floating-point and saturating mnemonics from the rest."""
        data, address, mode = disassembled.data, disassembled.address, disassembled.mode
        byte_order: ByteOrder = "big" if mode in (_A32_BE32, _T32_BE32) else "little"
        if mode in _A32_MODES:
            word = int.from_bytes(data, byte_order)
            behaviour = behaviour_by_rows(self.a32, word, address + 8)
            if behaviour.spans is not None:
                behaviour = replace(behaviour, spans=_if_a32(word >> 28, behaviour.spans))
        else:
            word = int.from_bytes(data[:2], byte_order)
            if len(data) == 4:
                word = word << 16 | int.from_bytes(data[2:], byte_order)
            behaviour = behaviour_by_rows(self.t32 if len(data) == 4 else self.t16, word, address + 4)
            if behaviour.spans is not None:
                behaviour = replace(behaviour, spans=_if_t32(behaviour.spans))
        implied = tuple(dict.fromkeys((*behaviour.implied, *_implied_by(disassembled, word))))
        return replace(behaviour, implied=implied) if implied != behaviour.implied else behaviour


behaviour_of = _Decoder(_A32_ROWS, _T16_ROWS, _T32_ROWS).behaviour_of


# ---- registers ------------------------------------------------------------------------------------------------------

_CPSR_T = 1 << 5
_CPSR_MODE = 0x1F


def _mode_of(registers: Registers) -> Mode:
    """The instruction set, from cpsr.T; M-profile CPUs, which have no cpsr, run T32 alone."""
    try:
        return _T32 if registers["cpsr"] & _CPSR_T else _A32
    except KeyError:
        return _T32


_SCTLR_B = 1 << 7


def _mode_of_big_endian(registers: Registers) -> Mode:
    """The same, where SCTLR.B says that QEMU loaded a BE32 image (``target_cpu_copy_regs`` of linux-user/arm)."""
    mode = _mode_of(registers)
    try:
        is_be32 = registers["SCTLR"] & _SCTLR_B
    except KeyError:
        return mode
    if is_be32:
        return _A32_BE32 if mode is _A32 else _T32_BE32
    return mode


_REGISTERS = (
    # No pc: rizin keeps bit 0 of a Thumb target in its own, so a frame's address stands for it.
    *(Register(name, 32) for name in _R[:_PC]),
    # A CPU has one of them: xpsr is the M profile's.
    *(Register(name, 32, Group.STATUS) for name in ("cpsr", "xpsr")),
    *(Register(name, 64, Group.FLOAT) for name in _D),
    Register("fpscr", 32, Group.FLOAT),
    *(Register(name, 32, Group.SYSTEM) for name in ("fpsid", "fpexc", "TPIDRURW", "TPIDRURO")),
    *(Register(name, 32, Group.COUNTER) for name in ("PMCCNTR", *(f"PMEVCNTR{n}" for n in range(6)))),
)

_ALIASES: dict[str, tuple[str, ...]] = {
    "sb": ("r9",),
    "sl": ("r10",),
    "fp": ("r11",),
    "ip": ("r12",),
    "pc": (),
    **dict.fromkeys(("apsr", "apsr_nzcv", "cpsr", "itstate"), ("cpsr", "xpsr")),
    "fpscr_nzcv": ("fpscr",),
    # No storage in the stub of a user-mode guest.
    **dict.fromkeys(("spsr", "fpinst", "fpinst2", "mvfr0", "mvfr1", "mvfr2"), ()),
    **{f"s{n}": (_D[n // 2],) for n in range(32)},
    # The stub's own q registers are the same bits (and QEMU 7.2 describes q10 twice and q11 not at all).
    **{f"q{n}": (_D[2 * n], _D[2 * n + 1]) for n in range(16)},
}

ARM = Arch(
    name="arm",
    bits=32,
    byte_order="little",
    elf=ElfIdentity("EM_ARM", 32, "little"),
    frame_architecture=35,
    frame_machine=0,
    pc="pc",
    sp="sp",
    registers=_REGISTERS,
    modes=(_A32, _T32),
    branch_of=branches.arm,
    nondeterministic=nondeterminism.ARM,
    behaviour_of=behaviour_of,
    system_calls=SystemCalls(
        number="r7",
        result="r0",
        arguments=("r0", "r1", "r2", "r3", "r4", "r5"),
        names={**I386_CALLS, 238: "tkill", 268: "tgkill", 332: "readlinkat", 384: "getrandom", 387: "execveat"},
        # Bit 0 of a pointer to a function says Thumb.
        code_address=lambda registers, pointer: pointer & ~1,
    ),
    aliases=_ALIASES,
    mode_of=_mode_of,
    gdb_architecture="arm",
    unknown_operands="SRS, iWMMXt and M-profile vector (MVE) memory operands",
)

ARMEB = replace(
    ARM,
    name="armeb",
    byte_order="big",
    elf=ElfIdentity("EM_ARM", 32, "big"),
    modes=(_A32, _T32, _A32_BE32, _T32_BE32),
    mode_of=_mode_of_big_endian,
)

# ---- machines -------------------------------------------------------------------------------------------------------


def _wait(word: int, pc: int) -> Behaviour:
    """WFI; HVC and SMC, by which PSCI may switch the processor off."""
    return Behaviour(rule=StepRule.HALT)


def _changing_the_system(build: Builder) -> Builder:
    """The same instructions, which return from an exception."""

    def built(word: int, pc: int) -> Behaviour:
        return replace(build(word, pc) or Behaviour(), is_system=True)

    return built


def _machine_coprocessor_15(word: int, pc: int) -> Behaviour:
    """MRC, MCR."""
    crn = word >> 16 & 15
    encoding = (word >> 21 & 7, crn, word & 15, word >> 5 & 7)
    is_written = not word >> 20 & 1
    if is_written and encoding == WAIT:
        return Behaviour(rule=StepRule.HALT)
    name = COPROCESSOR_15.get(encoding)
    implied = () if name is None else (name, f"{name}_S")
    return Behaviour(implied=implied, is_system=is_written and (crn in TRANSLATING or encoding in CONTEXT_REGISTERS))


def _machine_coprocessor_15_of_64_bits(word: int, pc: int) -> Behaviour:
    """MRRC, MCRR."""
    name = COPROCESSOR_15_OF_64_BITS.get((word >> 4 & 15, word & 15))
    is_written = not word >> 20 & 1
    implied = () if name is None else (name, f"{name}_S")
    return Behaviour(implied=implied, is_system=is_written and word & 15 in TRANSLATING)


def _machine_store_return_state(word: int, pc: int) -> Behaviour:
    """SRS: to the stack of the mode that it names."""
    before, up, mode = word >> 24 & 1, word >> 23 & 1, word & _CPSR_MODE
    is_t32 = word >> 28 == 0b1110
    lowest = (0 if before else -8) if is_t32 else (4 * before if up else -4 - 4 * before)

    def spans(registers: Registers) -> Sequence[Span]:
        status = registers["cpsr"]
        is_own = status & _CPSR_MODE == mode
        stack = registers["sp"] if is_own else registers.read_under("sp", "cpsr", status & ~_CPSR_MODE | mode)
        return [Span(_STORE, stack + lowest + offset & _ALL_32, 4) for offset in (0, 4)]

    return Behaviour(spans=spans)


_T16_WAIT = row("10111111 0011 0000", _wait)
_T32_WAIT = row("1111 0011 1010 .... 10.0 .000 0000 0011", _wait)

_A32_MACHINE_ROWS = (
    row("1111 100. .0.1 .... 0000 1010 0000 0000", _changing_the_system(_a32_return_from_exception)),
    row("1111 100. .1.0 1101 0000 0101 000. ....", _machine_store_return_state),
    *_A32_UNCONDITIONAL_ROWS,
    row(".... 100. .1.1 .... 1... .... .... ....", _changing_the_system(_multiple)),
    row(".... 1110 .... .... .... 1111 ...1 ....", _machine_coprocessor_15),
    row(".... 1100 010. .... .... 1111 .... ....", _machine_coprocessor_15_of_64_bits),
    row(".... 0011 0010 0000 .... 0000 0000 0011", _wait),
    row("1110 0001 0100 .... .... .... 0111 ....", _wait),
    row(".... 0001 0110 0000 0000 0000 0111 ....", _wait),
    *_A32_CONDITIONAL_ROWS,
    # ERET; arithmetic and logic with S that writes the program counter
    row(".... 0001 0110 0000 0000 0000 0110 1110", _changing_the_system(_nothing)),
    row(".... 00.0 ...1 .... 1111 .... .... ....", _changing_the_system(_nothing)),
    row(".... 00.1 1..1 .... 1111 .... .... ....", _changing_the_system(_nothing)),
)
_T32_MACHINE_ROWS = (
    row("1110 1000 00.1 .... 1100 0000 0000 0000", _changing_the_system(_t32_return_from_exception)),
    row("1110 1001 10.1 .... 1100 0000 0000 0000", _changing_the_system(_t32_return_from_exception)),
    row("1110 1000 00.0 1101 1100 0000 000. ....", _machine_store_return_state),
    row("1110 1001 10.0 1101 1100 0000 000. ....", _machine_store_return_state),
    row("1111 0011 1101 .... 1000 1111 .... ....", _changing_the_system(_nothing)),
    row("1110 1110 .... .... .... 1111 ...1 ....", _machine_coprocessor_15),
    row("1110 1100 010. .... .... 1111 .... ....", _machine_coprocessor_15_of_64_bits),
    row("1111 0111 1110 .... 1000 .... .... ....", _wait),
    row("1111 0111 1111 .... 1000 0000 0000 0000", _wait),
    _T32_WAIT,
    *_T32_ROWS,
)


def _system_registers() -> Iterator[Register]:
    """Those that instructions of firmware name, each with its instance of the secure state."""
    known = {register.name for register in _REGISTERS}
    wide = dict.fromkeys(COPROCESSOR_15_OF_64_BITS.values(), 64)
    for name, bits in {**dict.fromkeys(COPROCESSOR_15.values(), 32), **wide}.items():
        for instance in (name, f"{name}_S"):
            if instance not in known:
                yield Register(instance, bits, Group.SYSTEM)


ARM_MACHINE = replace(
    ARM,
    registers=(*_REGISTERS, *_system_registers()),
    behaviour_of=_Decoder(_A32_MACHINE_ROWS, (_T16_WAIT, *_T16_ROWS), _T32_MACHINE_ROWS).behaviour_of,
    unknown_operands="iWMMXt memory operands",
    system=A_PROFILE,
)
"""The A profile in AArch32 state."""

ARM_M = replace(
    ARM,
    name="arm-m",
    modes=(_T32_M,),
    mode_of=None,
    behaviour_of=_Decoder((), (_T16_WAIT, *_T16_ROWS), (_T32_WAIT, *_T32_ROWS)).behaviour_of,
    unknown_operands="M-profile vector (MVE) memory operands",
    system=M_PROFILE,
)
"""Cortex-M, which only firmware is for."""
