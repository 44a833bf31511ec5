"""AArch64 (Arm A64) of both byte orders, as QEMU 7.2 runs it: base instructions, FP/AdvSIMD, LSE atomics, MTE, SVE/SVE2
and SME.

"Arm ARM" is DDI 0487; its section C4.1 has the encoding diagrams that the patterns below copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import capstone

from gdbtrace.arch import branches, nondeterminism
from gdbtrace.arch.instruction_word import Access, Row, behaviour_by_rows, row, run_of, sign_extended
from gdbtrace.arch.linux import GENERIC_CALLS
from gdbtrace.arch.model import (
    AccessKind,
    Arch,
    Behaviour,
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
from gdbtrace.arch.system.aarch64 import AARCH64_LEVEL, SYSTEM_REGISTERS, changes_system

_LOAD, _STORE = AccessKind.LOAD, AccessKind.STORE
_X = tuple(f"x{n}" for n in range(31))
_V = tuple(f"v{n}" for n in range(32))
_Z = tuple(f"z{n}" for n in range(32))
_P = tuple(f"p{n}" for n in range(16))
_FLAGS = ("NF", "ZF", "CF", "VF")

# ---- addresses ------------------------------------------------------------------------------------------------------

_LOW_32 = (1 << 32) - 1
_LOW_48 = (1 << 48) - 1
_LOW_56 = (1 << 56) - 1
_BIT_55 = 1 << 55
_ALL_64 = (1 << 64) - 1


def _untagged(address: int) -> int:
    """The address that is accessed: the tag byte follows bit 55 (Arm ARM D5.1.4, "Address tagging").

    Where tagging is off, a tag that differs from bit 55 faults, so this holds there as well.
    """
    return address | ~_LOW_56 & _ALL_64 if address & _BIT_55 else address & _LOW_56


def _authenticated(pointer: int) -> int:
    """A pointer without the authentication code that LDRAA and LDRAB check: where they do not trap, it was right."""
    return pointer | ~_LOW_48 & _ALL_64 if pointer & _BIT_55 else pointer & _LOW_48


def _base(word: int) -> str:
    """The stub register of the base in bits 9:5; number 31 is the stack pointer."""
    number = word >> 5 & 31
    return "sp" if number == 31 else _X[number]


def _both(size: int) -> tuple[Access, ...]:
    """A load and a store of the same bytes."""
    return Access(_LOAD, 0, size), Access(_STORE, 0, size)


def _from_base(base: str, offset: int, accesses: tuple[Access, ...]) -> SpanFunction:
    if len(accesses) == 1:
        kind, offset, size = accesses[0].kind, offset + accesses[0].displacement, accesses[0].size

        def one(registers: Registers) -> tuple[Span, ...]:
            return (Span(kind, _untagged(registers[base] + offset), size),)

        return one

    plan = tuple((access.kind, offset + access.displacement, access.size) for access in accesses)

    def several(registers: Registers) -> tuple[Span, ...]:
        start = registers[base]
        return tuple([Span(kind, _untagged(start + displacement), size) for kind, displacement, size in plan])

    return several


def _from_index(base: str, index: str, option: int, shift: int, access: Access) -> SpanFunction:
    """Base plus an index register that is extended as bits 15:13 (``option``) say and shifted."""
    kind, size = access.kind, access.size
    if option == 0b010:

        def zero_extended(registers: Registers) -> tuple[Span, ...]:
            return (Span(kind, _untagged(registers[base] + ((registers[index] & _LOW_32) << shift)), size),)

        return zero_extended
    if option == 0b110:

        def signed(registers: Registers) -> tuple[Span, ...]:
            return (Span(kind, _untagged(registers[base] + (sign_extended(registers[index], 32) << shift)), size),)

        return signed

    def whole(registers: Registers) -> tuple[Span, ...]:
        return (Span(kind, _untagged(registers[base] + (registers[index] << shift)), size),)

    return whole


# ---- loads and stores (Arm ARM C4.1, "Loads and Stores") ------------------------------------------------------------


def _touch(base: str, offset: int, accesses: tuple[Access, ...], rule: StepRule = StepRule.PLAIN) -> Behaviour:
    return Behaviour(rule=rule, spans=_from_base(base, offset, accesses))


def _kind(word: int, bit: int = 22) -> AccessKind:
    """The direction of an instruction whose ``bit`` is 1 in a load."""
    return _LOAD if word >> bit & 1 else _STORE


def _indexed_offset(word: int, offset: int) -> int:
    """``offset``, or 0 where bits 11:10 say that it is only added to the base afterwards."""
    return 0 if word >> 10 & 3 == 0b01 else offset


_EXCLUSIVE_RULE = {_LOAD: StepRule.LOAD_EXCLUSIVE, _STORE: StepRule.STORE_EXCLUSIVE}


def _exclusive_of(word: int, size: int, count: int) -> Behaviour:
    """Whether an exclusive store succeeds, only its status register says.

    QEMU makes it a compare-and-swap with the value that the load read: a load and a store.
    """
    kind = _kind(word)
    accesses = run_of(_LOAD, size, count) + (run_of(_STORE, size, count) if kind is _STORE else ())
    touched = _touch(_base(word), 0, accesses, _EXCLUSIVE_RULE[kind])
    status = word >> 16 & 31
    if kind is _LOAD or status == 31:
        return touched
    name = f"x{status}"
    return replace(touched, has_stored=lambda registers: not registers[name] & 0xFFFF_FFFF)


def _exclusive(word: int, address: int) -> Behaviour:
    """LDXR, STXR and their acquire, release forms."""
    return _exclusive_of(word, 1 << (word >> 30), 1)


def _exclusive_pair(word: int, address: int) -> Behaviour:
    return _exclusive_of(word, 4 << (word >> 30 & 1), 2)


def _ordered(word: int, address: int) -> Behaviour:
    """LDAR, STLR, LDLAR, STLLR."""
    return _touch(_base(word), 0, run_of(_kind(word), 1 << (word >> 30)))


def _compare_and_swap(word: int, address: int) -> Behaviour:
    """CAS.  When the comparison fails, the old value is written back: the Arm ARM allows that, and QEMU does it."""
    return _touch(_base(word), 0, _both(1 << (word >> 30)))


def _compare_and_swap_pair(word: int, address: int) -> Behaviour:
    return _touch(_base(word), 0, _both(8 << (word >> 30 & 1)))


def _atomic(word: int, address: int) -> Behaviour:
    """LDADD, LDCLR, LDEOR, LDSET, LDSMAX, LDSMIN, LDUMAX, LDUMIN, SWP (and the ST forms, which discard the value)."""
    return _touch(_base(word), 0, _both(1 << (word >> 30)))


def _load_acquire_rcpc(word: int, address: int) -> Behaviour:
    return _touch(_base(word), 0, run_of(_LOAD, 1 << (word >> 30)))


def _unscaled_ordered(word: int, address: int) -> Behaviour:
    """LDAPUR, STLUR."""
    kind = _STORE if word >> 22 & 3 == 0 else _LOAD
    return _touch(_base(word), sign_extended(word >> 12, 9), run_of(kind, 1 << (word >> 30)))


def _literal(word: int, address: int) -> Behaviour | None:
    """LDR, LDRSW (literal); PRFM (literal) is a hint."""
    opc, is_vector = word >> 30, word >> 26 & 1
    if opc == 3:
        return None
    size = 4 << opc if is_vector else (4, 8, 4)[opc]
    spans = (Span(_LOAD, address + sign_extended(word >> 5, 19) * 4 & _ALL_64, size),)
    return Behaviour(spans=lambda registers: spans)


def _pair(word: int, address: int) -> Behaviour | None:
    opc, is_vector, kind = word >> 30, word >> 26 & 1, _kind(word)
    if opc == 3:
        return None  # unallocated
    # opc 01 of the integer forms is LDPSW, which loads words, and STGP, whose immediate counts tag granules.
    size = 4 << opc if is_vector else (4, 4 if kind is _LOAD else 8, 8)[opc]
    scale = 16 if not is_vector and opc == 1 and kind is _STORE else size
    is_post_indexed = word >> 23 & 3 == 0b01
    offset = 0 if is_post_indexed else sign_extended(word >> 15, 7) * scale
    behaviour = _touch(_base(word), offset, run_of(kind, size, 2))
    # capstone does not decode STGP, which may write its base back.
    return replace(behaviour, implied=(_base(word),)) if scale != size else behaviour


def _single(word: int) -> Access | None:
    """The access of a load or store of one register, from size (31:30), V (26) and opc (23:22); None for PRFM."""
    size, is_vector, opc = word >> 30, word >> 26 & 1, word >> 22 & 3
    if is_vector:
        return Access(_LOAD if opc & 1 else _STORE, 0, 16 if opc & 2 else 1 << size)
    if size == 3 and opc == 2:
        return None
    return Access(_STORE if opc == 0 else _LOAD, 0, 1 << size)


def _unsigned_offset(word: int, address: int) -> Behaviour | None:
    access = _single(word)
    return None if access is None else _touch(_base(word), (word >> 10 & 0xFFF) * access.size, (access,))


def _signed_offset(word: int, address: int) -> Behaviour | None:
    """Unscaled, unprivileged, pre-indexed and post-indexed forms."""
    access = _single(word)
    offset = _indexed_offset(word, sign_extended(word >> 12, 9))
    return None if access is None else _touch(_base(word), offset, (access,))


def _register_offset(word: int, address: int) -> Behaviour | None:
    access, index = _single(word), word >> 16 & 31
    if access is None:
        return None
    if index == 31:
        return _touch(_base(word), 0, (access,))
    shift = access.size.bit_length() - 1 if word >> 12 & 1 else 0
    return Behaviour(spans=_from_index(_base(word), _X[index], word >> 13 & 7, shift, access))


def _authenticated_load(word: int, address: int) -> Behaviour:
    """LDRAA, LDRAB."""
    base, offset = _base(word), sign_extended(word >> 13 & 0x200 | word >> 12 & 0x1FF, 10) * 8

    def spans(registers: Registers) -> tuple[Span, ...]:
        return (Span(_LOAD, _untagged(_authenticated(registers[base]) + offset), 8),)

    return Behaviour(spans=spans)


_STRUCTURE_REGISTERS = {0b0000: 4, 0b0010: 4, 0b0100: 3, 0b0110: 3, 0b0111: 1, 0b1000: 2, 0b1010: 2}
"""AdvSIMD load and store multiple structures: opcode (bits 15:12) -> registers; all of them are one run of bytes."""


def _structures(word: int, address: int) -> Behaviour | None:
    count = _STRUCTURE_REGISTERS.get(word >> 12 & 15)
    size = 16 if word >> 30 & 1 else 8
    return None if count is None else _touch(_base(word), 0, run_of(_kind(word), size * count))


def _structure(word: int, address: int) -> Behaviour:
    """AdvSIMD load and store single structure, to one lane or (opcode 11x) to all."""
    opcode, size = word >> 13 & 7, word >> 10 & 3
    elements = (opcode & 1) * 2 + (word >> 21 & 1) + 1
    element_bytes = (1, 2, 8 if size & 1 else 4, 1 << size)[opcode >> 1]
    return _touch(_base(word), 0, run_of(_kind(word), element_bytes, elements))


def _store_zero_and_tag(word: int, address: int) -> Behaviour:
    """STZG, STZ2G: the tags are not in memory, the zeros are."""
    size = 32 if word >> 23 & 1 else 16
    return _touch(_base(word), _indexed_offset(word, sign_extended(word >> 12, 9) * 16), run_of(_STORE, size))


# QEMU 7.2's cache zero block (DCZID_EL0, which its stub does not give) by main ID register: target/arm/cpu64.c.
_ZERO_BLOCK_A64FX = 256
_ZERO_BLOCK_USER_MAX = 512
_ZERO_BLOCK = 64
_IMPLEMENTER_AND_PART = 0xFF00FFF0
_A64FX = 0x46000010
_QEMU_MAX = 0x00000510


def _zero_block_bytes(registers: Registers) -> int:
    part = registers["MIDR_EL1"] & _IMPLEMENTER_AND_PART
    if part == _A64FX:
        return _ZERO_BLOCK_A64FX
    # `-cpu max` zeroes 512 bytes in user mode and 64 on a machine. User mode is EL0 without an MMU.
    if part == _QEMU_MAX and not registers["cpsr"] & 0b1100 and not registers["SCTLR"] & 1:
        return _ZERO_BLOCK_USER_MAX
    return _ZERO_BLOCK


def _zero_block(word: int, address: int) -> Behaviour | None:
    """DC ZVA, DC GZVA."""
    if word & 31 == 31:
        return None  # address zero: it faults
    base = _X[word & 31]

    def spans(registers: Registers) -> tuple[Span, ...]:
        size = _zero_block_bytes(registers)
        return (Span(_STORE, _untagged(registers[base]) & -size, size),)

    return Behaviour(spans=spans)


# ---- SVE and SME (Arm ARM C4.1, "SVE encodings"; DDI 0616 for SME) -------------------------------------------------

_DTYPE_MEMORY = (0, 0, 0, 0, 2, 1, 1, 1, 1, 1, 2, 2, 0, 0, 0, 3)
"""SVE contiguous loads: dtype (bits 24:21) -> log2 of the bytes that one element takes in memory."""
_DTYPE_ELEMENT = (0, 1, 2, 3, 3, 1, 2, 3, 3, 2, 2, 3, 3, 2, 1, 3)
"""The same, for the bytes that it takes in the vector register."""


def _vector_bytes(registers: Registers) -> int:
    """The current vector length; ``vg`` counts 64-bit granules."""
    return registers["vg"] * 8


def _active_runs(
    kind: AccessKind, start: int, size: int, predicate: int, elements: int, element_log2: int
) -> tuple[Span, ...]:
    """The bytes of the active ones among elements that lie ``size`` bytes apart from ``start`` on, as few spans."""
    spans: list[Span] = []
    first = -1
    for element in range(elements + 1):
        # An element of 2**n bytes is active if the lowest of its 2**n predicate bits is set.
        if element < elements and predicate >> (element << element_log2) & 1:
            if first < 0:
                first = element
        elif first >= 0:
            spans.append(Span(kind, _untagged(start + first * size), (element - first) * size))
            first = -1
    return tuple(spans)


_PAGE_BYTES = 4096


def _until_page_end(spans: tuple[Span, ...], element_bytes: int) -> tuple[Span, ...]:
    """What is left of runs of elements where QEMU may stop early (``sve_ldnfff1_r`` in target/arm/sve_helper.c).

    First-fault and non-fault loads may fail for any reason; QEMU loads the first active element, and of the others
    those in its page.
    """
    left: list[Span] = []
    for kind, address, size in spans:
        end = (spans[0].address | _PAGE_BYTES - 1) + 1
        allowed = max((end - address) // element_bytes, 0 if left else 1) * element_bytes
        if allowed > 0:
            left.append(Span(kind, address, min(size, allowed)))
        if allowed < size:
            break
    return tuple(left)


def _until_page_crossing(spans: list[Span]) -> tuple[Span, ...]:
    """The same for elements with addresses of their own: the first that crosses a page ends it (``sve_ldff1_z``)."""
    for number, span in enumerate(spans):
        if number and (span.address & _PAGE_BYTES - 1) + span.size > _PAGE_BYTES:
            return tuple(spans[:number])
    return tuple(spans)


@dataclass(frozen=True, slots=True)
class _Contiguous:
    """A predicated access to consecutive elements (one span of ``registers`` elements for each predicate bit)."""

    kind: AccessKind
    element_log2: int
    memory_log2: int
    registers: int = 1
    block_bytes: int | None = None
    """Bytes of the vector that are filled from memory; None: the vector length (LD1RQ and LD1RO replicate 16, 32)."""
    may_stop: bool = False
    """A first-fault or non-fault load."""


def _contiguous(form: _Contiguous, word: int, index: int | None, immediate: int = 0) -> Behaviour:
    """``index`` is the number of the index register, or None where the vector-length-scaled ``immediate`` is used."""
    base, predicate = _base(word), _P[word >> 10 & 7]
    index_name = _X[index] if index not in (None, 31) else None
    size = form.registers << form.memory_log2

    def spans(registers: Registers) -> tuple[Span, ...]:
        elements = (form.block_bytes or _vector_bytes(registers)) >> form.element_log2
        start = registers[base] + immediate * elements * size
        if index_name is not None:
            start += registers[index_name] << form.memory_log2
        runs = _active_runs(form.kind, start, size, registers[predicate], elements, form.element_log2)
        return _until_page_end(runs, size) if form.may_stop else runs

    return Behaviour(spans=spans)


def _index(word: int) -> int:
    return word >> 16 & 31


def _immediate_4(word: int) -> int:
    return sign_extended(word >> 16, 4)


def _sve_load(word: int, may_stop: bool = False) -> _Contiguous:
    dtype = word >> 21 & 15
    return _Contiguous(_LOAD, _DTYPE_ELEMENT[dtype], _DTYPE_MEMORY[dtype], may_stop=may_stop)


def _sve_load_by_index(word: int, address: int) -> Behaviour:
    return _contiguous(_sve_load(word), word, _index(word))


def _sve_load_by_immediate(word: int, address: int) -> Behaviour:
    return _contiguous(_sve_load(word), word, None, _immediate_4(word))


def _sve_load_first_fault(word: int, address: int) -> Behaviour:
    return _contiguous(_sve_load(word, may_stop=True), word, _index(word))


def _sve_load_non_fault(word: int, address: int) -> Behaviour:
    return _contiguous(_sve_load(word, may_stop=True), word, None, _immediate_4(word))


def _sve_structures(word: int) -> _Contiguous:
    """LD1..LD4 and ST1..ST4 with as wide elements in memory as in registers; one register is the non-temporal form."""
    size = word >> 23 & 3
    return _Contiguous(_kind_of_sve(word), size, size, (word >> 21 & 3) + 1)


def _kind_of_sve(word: int) -> AccessKind:
    return _STORE if word >> 30 & 1 and word >> 29 & 1 else _LOAD


def _sve_structures_by_index(word: int, address: int) -> Behaviour:
    return _contiguous(_sve_structures(word), word, _index(word))


def _sve_structures_by_immediate(word: int, address: int) -> Behaviour:
    return _contiguous(_sve_structures(word), word, None, _immediate_4(word))


def _sve_replicate(word: int) -> _Contiguous:
    size = word >> 23 & 3
    return _Contiguous(_LOAD, size, size, block_bytes=32 if word >> 21 & 1 else 16)


def _sve_replicate_by_index(word: int, address: int) -> Behaviour:
    return _contiguous(_sve_replicate(word), word, _index(word))


def _sve_replicate_by_immediate(word: int, address: int) -> Behaviour:
    return _contiguous(_sve_replicate(word), word, None, _immediate_4(word))


def _sve_store(word: int) -> _Contiguous:
    return _Contiguous(_STORE, word >> 21 & 3, word >> 23 & 3)


def _sve_store_by_index(word: int, address: int) -> Behaviour:
    return _contiguous(_sve_store(word), word, _index(word))


def _sve_store_by_immediate(word: int, address: int) -> Behaviour:
    return _contiguous(_sve_store(word), word, None, _immediate_4(word))


def _sve_broadcast(word: int, address: int) -> Behaviour:
    """LD1R: one element, if any element of the vector is active."""
    base, predicate = _base(word), _P[word >> 10 & 7]
    dtype = word >> 21 & 0b1100 | word >> 13 & 0b11
    offset, size = (word >> 16 & 63) << _DTYPE_MEMORY[dtype], 1 << _DTYPE_MEMORY[dtype]
    element = 1 << _DTYPE_ELEMENT[dtype]
    # The lowest predicate bit of each element, for the longest vector (256 bytes).
    governing = sum(1 << bit for bit in range(0, 256, element))

    def spans(registers: Registers) -> tuple[Span, ...]:
        in_vector = governing & (1 << _vector_bytes(registers)) - 1
        return (Span(_LOAD, _untagged(registers[base] + offset), size),) if registers[predicate] & in_vector else ()

    return Behaviour(spans=spans)


def _sve_whole(word: int, divisor: int) -> Behaviour:
    """LDR and STR of a whole vector, or of a predicate, which is an eighth of it."""
    base, kind = _base(word), _kind_of_sve(word)
    immediate = sign_extended(word >> 13 & 0x1F8 | word >> 10 & 7, 9)

    def spans(registers: Registers) -> tuple[Span, ...]:
        size = _vector_bytes(registers) // divisor
        return (Span(kind, _untagged(registers[base] + immediate * size), size),)

    return Behaviour(spans=spans)


def _sve_whole_vector(word: int, address: int) -> Behaviour:
    return _sve_whole(word, 1)


def _sve_whole_predicate(word: int, address: int) -> Behaviour:
    return _sve_whole(word, 8)


@dataclass(frozen=True, slots=True)
class _Gather:
    """A gather or scatter: each active element of ``vector`` gives an address."""

    kind: AccessKind
    element_log2: int
    memory_log2: int
    vector: int
    """The number of the vector of addresses or offsets."""
    scalar: str | None
    """The stub register that is added to each."""
    immediate: int = 0
    offset_bits: int = 64
    is_signed: bool = False
    shift: int = 0
    may_stop: bool = False
    """A first-fault load."""


def _gathered(form: _Gather, word: int) -> Behaviour:
    vector, scalar, predicate = _Z[form.vector], form.scalar, _P[word >> 10 & 7]
    element_bits, size = 8 << form.element_log2, 1 << form.memory_log2
    mask = (1 << min(form.offset_bits, element_bits)) - 1
    sign = (mask + 1) // 2 if form.is_signed else 0

    def spans(registers: Registers) -> tuple[Span, ...]:
        active, offsets = registers[predicate], registers[vector]
        start = form.immediate + (registers[scalar] if scalar is not None else 0)
        touched: list[Span] = []
        for element in range(_vector_bytes(registers) >> form.element_log2):
            if active >> (element << form.element_log2) & 1:
                offset = ((offsets >> element * element_bits & mask) ^ sign) - sign
                touched.append(Span(form.kind, _untagged(start + (offset << form.shift)), size))
        return _until_page_crossing(touched) if form.may_stop else tuple(touched)

    return Behaviour(spans=spans)


def _is_first_fault(word: int) -> bool:
    """Gather loads but the non-temporal ones: bit 13."""
    return _kind_of_sve(word) is _LOAD and bool(word >> 13 & 1)


def _gather_element_log2(word: int) -> int:
    """Gathers of 32-bit and of 64-bit elements differ in bit 30."""
    return 3 if word >> 30 & 1 else 2


def _gather_offsets(word: int, element_log2: int, bits: int, is_signed: bool, is_scaled: bool) -> Behaviour:
    size = word >> 23 & 3
    return _gathered(
        _Gather(
            kind=_kind_of_sve(word),
            element_log2=element_log2,
            memory_log2=size,
            vector=word >> 16 & 31,
            scalar=_base(word),
            offset_bits=bits,
            is_signed=is_signed,
            shift=size if is_scaled else 0,
            may_stop=_is_first_fault(word),
        ),
        word,
    )


def _gather_offsets_32(word: int, address: int) -> Behaviour:
    return _gather_offsets(word, _gather_element_log2(word), 32, bool(word >> 22 & 1), bool(word >> 21 & 1))


def _gather_offsets_64(word: int, address: int) -> Behaviour:
    return _gather_offsets(word, 3, 64, False, bool(word >> 21 & 1))


def _scatter_offsets_32(word: int, address: int) -> Behaviour:
    return _gather_offsets(word, 2 if word >> 22 & 1 else 3, 32, bool(word >> 14 & 1), bool(word >> 21 & 1))


def _gather_bases(word: int, element_log2: int) -> Behaviour:
    """A vector of addresses plus an immediate."""
    size = word >> 23 & 3
    form = _Gather(
        kind=_kind_of_sve(word),
        element_log2=element_log2,
        memory_log2=size,
        vector=word >> 5 & 31,
        scalar=None,
        immediate=(word >> 16 & 31) << size,
        may_stop=_is_first_fault(word),
    )
    return _gathered(form, word)


def _gather_immediate(word: int, address: int) -> Behaviour:
    return _gather_bases(word, _gather_element_log2(word))


def _scatter_immediate(word: int, address: int) -> Behaviour:
    return _gather_bases(word, 2 if word >> 21 & 1 else 3)


def _gather_scalar(word: int, element_log2: int) -> Behaviour:
    """SVE2 LDNT1, STNT1: a vector of addresses plus a register."""
    index = word >> 16 & 31
    scalar = None if index == 31 else _X[index]
    behaviour = _gathered(_Gather(_kind_of_sve(word), element_log2, word >> 23 & 3, word >> 5 & 31, scalar), word)
    # capstone prints the register and leaves it out of the operands.
    return behaviour if scalar is None else replace(behaviour, implied=(scalar,))


def _gather_non_temporal(word: int, address: int) -> Behaviour:
    return _gather_scalar(word, _gather_element_log2(word))


def _scatter_non_temporal(word: int, address: int) -> Behaviour:
    return _gather_scalar(word, 2 if word >> 22 & 1 else 3)


def _sme_tile_slice(word: int, address: int) -> Behaviour:
    """LD1, ST1 of a horizontal or vertical slice of a ZA tile; only legal in streaming mode, where ``vg`` counts."""
    size = 4 if word >> 24 & 1 else word >> 22 & 3
    return _contiguous(_Contiguous(_STORE if word >> 21 & 1 else _LOAD, size, size), word, _index(word))


def _streaming_vector_bytes(registers: Registers) -> int:
    """The streaming vector length, also outside streaming mode: the largest power of two up to SMCR's LEN allows."""
    if registers["SVCR"] & 1:
        return _vector_bytes(registers)
    quadwords = (registers["SMCR_EL1"] & 15) + 1
    return 16 << quadwords.bit_length() - 1


def _sme_array_vector(word: int, address: int) -> Behaviour:
    """LDR, STR of a ZA array vector."""
    base, kind, immediate = _base(word), _STORE if word >> 21 & 1 else _LOAD, word & 15

    def spans(registers: Registers) -> tuple[Span, ...]:
        size = _streaming_vector_bytes(registers)
        return (Span(kind, _untagged(registers[base] + immediate * size), size),)

    return Behaviour(spans=spans)


# ---- everything that is not a load or a store ----------------------------------------------------------------------


def _system_call(word: int, address: int) -> Behaviour:
    return Behaviour(rule=StepRule.SYSTEM_CALL)


def _breakpoint(word: int, address: int) -> Behaviour:
    return Behaviour(rule=StepRule.BREAKPOINT, always_traps=True)


def _clear_exclusive(word: int, address: int) -> Behaviour:
    return Behaviour(rule=StepRule.CLEAR_EXCLUSIVE)


def _yield(word: int, address: int) -> Behaviour:
    """YIELD, WFE (``DISAS_YIELD``, ``DISAS_WFE`` of QEMU's target/arm/translate-a64.c)."""
    return Behaviour(rule=StepRule.YIELD)


def _call(word: int, address: int) -> Behaviour:
    return Behaviour(implied=("x30",))


def _modifies_x17(word: int, address: int) -> Behaviour:
    return Behaviour(implied=("x17",))


_STREAMING = (*_V, *_Z, *_P, "ffr", "vg", "fpsr", "SVCR")
"""What entering or leaving streaming mode resets or changes (the ZA array is not in the stub of QEMU 7.2)."""


def _streaming_switch(word: int, address: int) -> Behaviour:
    return Behaviour(implied=_STREAMING)


_SYSTEM_REGISTERS: dict[tuple[int, int, int, int, int], tuple[str, ...]] = {
    (3, 0, 0, 0, 0): ("MIDR_EL1",),
    (3, 0, 0, 0, 5): ("MPIDR_EL1",),
    (3, 0, 0, 0, 6): ("REVIDR_EL1",),
    (3, 0, 0, 4, 0): ("ID_AA64PFR0_EL1",),
    (3, 0, 0, 4, 1): ("ID_AA64PFR1_EL1",),
    (3, 0, 0, 4, 4): ("ID_AA64ZFR0_EL1",),
    (3, 0, 0, 4, 5): ("ID_AA64SMFR0_EL1",),
    (3, 0, 0, 5, 0): ("ID_AA64DFR0_EL1",),
    (3, 0, 0, 5, 1): ("ID_AA64DFR1_EL1",),
    (3, 0, 0, 6, 0): ("ID_AA64ISAR0_EL1",),
    (3, 0, 0, 6, 1): ("ID_AA64ISAR1_EL1",),
    (3, 0, 0, 7, 0): ("ID_AA64MMFR0_EL1",),
    (3, 0, 0, 7, 1): ("ID_AA64MMFR1_EL1",),
    (3, 0, 0, 7, 2): ("ID_AA64MMFR2_EL1",),
    (3, 3, 0, 0, 1): ("CTR_EL0",),
    (3, 3, 4, 2, 2): _STREAMING,
    (3, 3, 4, 4, 0): ("fpcr",),
    (3, 3, 4, 4, 1): ("fpsr",),
    (3, 3, 9, 13, 0): ("PMCCNTR_EL0",),
    (3, 3, 13, 0, 2): ("TPIDR_EL0",),
    (3, 3, 13, 0, 3): ("TPIDRRO_EL0",),
    (3, 3, 13, 0, 5): ("TPIDR2_EL0",),
    (3, 3, 13, 0, 7): ("SCXTNUM_EL0",),
    (3, 3, 14, 0, 0): ("CNTFRQ_EL0",),
}
"""(op0, op1, CRn, CRm, op2) of MRS and MSR -> what the stub calls the register; capstone does not say."""


def _system_register(word: int, address: int) -> Behaviour:
    encoding = (word >> 19 & 3, word >> 16 & 7, word >> 12 & 15, word >> 8 & 15, word >> 5 & 7)
    return Behaviour(implied=_SYSTEM_REGISTERS.get(encoding, ()))


# ---- the table ------------------------------------------------------------------------------------------------------

_ROWS = (
    # Load/store exclusive, ordered, compare and swap: size 001000 o2 L o1 Rs o0 Rt2 Rn Rt
    row(".. 001000 0.0 ..... . ..... ..... .....", _exclusive),
    row("1. 001000 0.1 ..... . ..... ..... .....", _exclusive_pair),
    row("0. 001000 0.1 ..... . 11111 ..... .....", _compare_and_swap_pair),
    row(".. 001000 1.0 ..... . ..... ..... .....", _ordered),
    row(".. 001000 1.1 ..... . 11111 ..... .....", _compare_and_swap),
    # Load register (literal); pairs; LDAPUR and STLUR; tags
    row(".. 011 . 00 ................... .....", _literal),
    row(".. 101 . 0 .. . ....... ..... ..... .....", _pair),
    row(".. 011001 .. 0 ......... 00 ..... .....", _unscaled_ordered),
    row("11 011001 01 1 ......... .1 ..... .....", _store_zero_and_tag),
    row("11 011001 01 1 ......... 10 ..... .....", _store_zero_and_tag),
    row("11 011001 11 1 ......... .1 ..... .....", _store_zero_and_tag),
    row("11 011001 11 1 ......... 10 ..... .....", _store_zero_and_tag),
    # One register
    row(".. 111 . 01 .. ............ ..... .....", _unsigned_offset),
    row(".. 111 . 00 .. 0 ......... .. ..... .....", _signed_offset),
    row(".. 111 . 00 .. 1 ..... ... . 10 ..... .....", _register_offset),
    row("11 111 0 00 .. 1 ......... .1 ..... .....", _authenticated_load),
    row(".. 111 0 00 .. 1 ..... 0 ... 00 ..... .....", _atomic),
    row(".. 111 0 00 .. 1 ..... 1 000 00 ..... .....", _atomic),
    row(".. 111 0 00 10 1 ..... 1 100 00 ..... .....", _load_acquire_rcpc),
    # AdvSIMD structures
    row("0. 001100 0 . 000000 .... .. ..... .....", _structures),
    row("0. 001100 1 . 0 ..... .... .. ..... .....", _structures),
    row("0. 001101 0 . . 00000 ... . .. ..... .....", _structure),
    row("0. 001101 1 . . ..... ... . .. ..... .....", _structure),
    # SVE loads: 32-bit gathers and whole registers (prefetches lie between them)
    row("1000010 110 ...... 000 ... ..... 0 ....", _sve_whole_predicate),
    row("1000010 110 ...... 010 ... ..... .....", _sve_whole_vector),
    row("1000010 00.0 ..... 0.. ... ..... .....", _gather_offsets_32),
    row("1000010 01.. ..... 0.. ... ..... .....", _gather_offsets_32),
    row("1000010 10.. ..... 01. ... ..... .....", _gather_offsets_32),
    row("1000010 ..01 ..... 1.. ... ..... .....", _gather_immediate),
    row("1000010 ..00 ..... 10. ... ..... .....", _gather_non_temporal),
    row("1000010 ..1 ...... 1.. ... ..... .....", _sve_broadcast),
    # 64-bit gathers
    row("1100010 00.0 ..... 0.. ... ..... .....", _gather_offsets_32),
    row("1100010 01.. ..... 0.. ... ..... .....", _gather_offsets_32),
    row("1100010 10.. ..... 0.. ... ..... .....", _gather_offsets_32),
    row("1100010 11.. ..... 01. ... ..... .....", _gather_offsets_32),
    row("1100010 0010 ..... 1.. ... ..... .....", _gather_offsets_64),
    row("1100010 011. ..... 1.. ... ..... .....", _gather_offsets_64),
    row("1100010 101. ..... 1.. ... ..... .....", _gather_offsets_64),
    row("1100010 111. ..... 11. ... ..... .....", _gather_offsets_64),
    row("1100010 ..01 ..... 1.. ... ..... .....", _gather_immediate),
    row("1100010 ..00 ..... 1.0 ... ..... .....", _gather_non_temporal),
    # Contiguous loads
    row("1010010 .... ..... 010 ... ..... .....", _sve_load_by_index),
    row("1010010 .... ..... 011 ... ..... .....", _sve_load_first_fault),
    row("1010010 .... 0.... 101 ... ..... .....", _sve_load_by_immediate),
    row("1010010 .... 1.... 101 ... ..... .....", _sve_load_non_fault),
    row("1010010 .... ..... 110 ... ..... .....", _sve_structures_by_index),
    row("1010010 .... 0.... 111 ... ..... .....", _sve_structures_by_immediate),
    row("1010010 ..0. ..... 000 ... ..... .....", _sve_replicate_by_index),
    row("1010010 ..0. 0.... 001 ... ..... .....", _sve_replicate_by_immediate),
    # SVE stores
    row("1110010 110 ...... 000 ... ..... 0 ....", _sve_whole_predicate),
    row("1110010 110 ...... 010 ... ..... .....", _sve_whole_vector),
    row("1110010 .... ..... 010 ... ..... .....", _sve_store_by_index),
    row("1110010 .... 0.... 111 ... ..... .....", _sve_store_by_immediate),
    row("1110010 .... ..... 011 ... ..... .....", _sve_structures_by_index),
    row("1110010 .... 1.... 111 ... ..... .....", _sve_structures_by_immediate),
    row("1110010 .... ..... 1.0 ... ..... .....", _scatter_offsets_32),
    row("1110010 ..0. ..... 101 ... ..... .....", _gather_offsets_64),
    row("1110010 ..1. ..... 101 ... ..... .....", _scatter_immediate),
    row("1110010 ...0 ..... 001 ... ..... .....", _scatter_non_temporal),
    # SME
    row("1110000 0.. . ..... . .. ... ..... 0 ....", _sme_tile_slice),
    row("1110000 111 . ..... . .. ... ..... 0 ....", _sme_tile_slice),
    row("1110000 100 . 000000 .. 000 ..... 0 ....", _sme_array_vector),
    # System
    row("11010100 000 ................ 000 01", _system_call),
    row("11010100 001 ................ 000 00", _breakpoint),
    row("11010101 00 0 00 011 0010 0000 001 11111", _yield),
    row("11010101 00 0 00 011 0010 0000 010 11111", _yield),
    row("11010101 00 0 00 011 0011 .... 010 11111", _clear_exclusive),
    row("11010101 00 0 00 011 0100 .... 011 11111", _streaming_switch),
    row("11010101 00 0 01 011 0111 0100 001 .....", _zero_block),
    row("11010101 00 0 01 011 0111 0100 100 .....", _zero_block),
    row("11010101 00 . 1. ... .... .... ... .....", _system_register),
    # Calls; hints that sign or authenticate x17 (PACIA1716, ...) or the link register (XPACLRI, PACIASP, ...)
    row("100101 ..........................", _call),
    row("1101011 . 0 . 1 11111 0000 .. ..... .....", _call),
    row("11010101 00 0 00 011 0010 0001 ... 11111", _modifies_x17),
    row("11010101 00 0 00 011 0010 0011 ... 11111", _call),
    row("11010101 00 0 00 011 0010 0000 111 11111", _call),
)


# ---- registers that the text does not name --------------------------------------------------------------------------

_NO_FLOATING_POINT = frozenset({"fmov", "fabs", "fneg", "fcsel", "fdup", "fcpy", "fexpa", "ftssel"})
"""Mnemonics in f that neither round nor raise floating-point exceptions."""
_MORE_FLOATING_POINT = frozenset({"scvtf", "ucvtf", "bfcvt", "bfcvtn", "bfcvtn2", "bfcvtnt", "bfdot", "bfmmla"})
_SATURATING = ("sq", "uq", "suqadd", "usqadd")
_FIRST_FAULT = ("ldff1", "ldnf1", "rdffr", "wrffr", "setffr")
_STATUS_AND_CONTROL = ("fpsr", "fpcr")


def _is_sve(word: int) -> bool:
    return word >> 25 & 0xF == 0b0010 or word >> 25 in (0b1110000, 0b1100000)


def _is_vector(word: int) -> bool:
    """Data processing of the FP and AdvSIMD group."""
    return word >> 25 & 0b0111 == 0b0111


def _register_fields(word: int) -> Iterable[int]:
    """The fields that hold register numbers in the data-processing encodings: Rd, Rn, Rm, Ra."""
    return dict.fromkeys((word & 31, word >> 5 & 31, word >> 16 & 31, word >> 10 & 31))


def _implied_by(disassembled: Disassembled, word: int) -> Iterable[str]:
    mnemonic, is_sve, is_vector = disassembled.mnemonic, _is_sve(word), _is_vector(word)
    if not (is_sve or is_vector):
        return
    if is_sve:
        # The vector length is an input of every SVE instruction.
        yield "vg"
        if mnemonic.startswith(_FIRST_FAULT):
            yield "ffr"
    if not mnemonic:
        # capstone knows nothing of it: every register that the encoding may mean.
        for number in _register_fields(word):
            yield _V[number]
            if is_sve:
                yield _Z[number]
        if is_sve:
            yield from (_P[word & 15], _P[word >> 5 & 15], _P[word >> 10 & 15], _P[word >> 16 & 15])
        yield from _STATUS_AND_CONTROL
    elif mnemonic in _MORE_FLOATING_POINT or (mnemonic.startswith("f") and mnemonic not in _NO_FLOATING_POINT):
        yield from _STATUS_AND_CONTROL
    elif mnemonic.startswith(_SATURATING) and not is_sve:
        # FPSR.QC, which SVE's saturating instructions leave alone.
        yield "fpsr"


def _behaviour_by(rows: Sequence[Row], disassembled: Disassembled) -> Behaviour:
    """What the encoding says; capstone only tells floating-point and saturating mnemonics from the rest."""
    # Instructions are little-endian whatever the order of data is (Arm ARM, "Instruction endianness").
    word = int.from_bytes(disassembled.data, "little")
    behaviour = behaviour_by_rows(rows, word, disassembled.address)
    implied = tuple(dict.fromkeys((*behaviour.implied, *_implied_by(disassembled, word))))
    return replace(behaviour, implied=implied) if implied != behaviour.implied else behaviour


behaviour_of = partial(_behaviour_by, _ROWS)

# ---- registers ------------------------------------------------------------------------------------------------------

_REGISTERS = (
    *(Register(name, 64) for name in _X),
    Register("sp", 64),
    Register("pc", 64, Group.CONTROL),
    # rizin knows no cpsr, only its flags.
    *(Register(name, 1, Group.STATUS, "cpsr", shift) for name, shift in zip(_FLAGS, (31, 30, 29, 28), strict=True)),
    Register("fpsr", 32, Group.FLOAT),
    Register("fpcr", 32, Group.FLOAT),
    # The low 128 bits of z<n> where the CPU has SVE; without it the stub sends v<n> itself and no z<n>.
    *(Register(v, 128, Group.VECTOR, z) for v, z in zip(_V, _Z, strict=True)),
    *(Register(name, 2048, Group.VECTOR) for name in _Z),
    *(Register(name, 256, Group.VECTOR) for name in (*_P, "ffr")),
    Register("vg", 64, Group.VECTOR),
    *(Register(name, 64, Group.COUNTER) for name in ("PMCCNTR_EL0", *(f"PMEVCNTR{n}_EL0" for n in range(6)))),
)

_ALIASES: dict[str, tuple[str, ...]] = {
    **{f"w{n}": (name,) for n, name in enumerate(_X)},
    "fp": ("x29",),
    "lr": ("x30",),
    "wsp": ("sp",),
    "wzr": (),
    "xzr": (),
    "nzcv": _FLAGS,
    **{f"{prefix}{n}": (_V[n],) for prefix in "bhsdq" for n in range(32)},
    # Writing a vector writes the AdvSIMD register in it, so a frame says both.
    **{f"z{n}": (_Z[n], _V[n]) for n in range(32)},
    # The SME array and its tiles are not in the stub.
    "za": (),
    **{f"za{size}{n}": () for size, count in zip("bhsdq", (1, 2, 4, 8, 16), strict=True) for n in range(count)},
}

AARCH64 = Arch(
    name="aarch64",
    bits=64,
    byte_order="little",
    elf=ElfIdentity("EM_AARCH64", 64, "little"),
    frame_architecture=78,
    frame_machine=0,
    pc="pc",
    sp="sp",
    registers=_REGISTERS,
    modes=(Mode(None, capstone.CS_ARCH_ARM64, capstone.CS_MODE_LITTLE_ENDIAN, (4,)),),
    branch_of=branches.AARCH64,
    nondeterministic=nondeterminism.AARCH64,
    behaviour_of=behaviour_of,
    system_calls=SystemCalls(
        number="x8",
        result="x0",
        arguments=("x0", "x1", "x2", "x3", "x4", "x5"),
        names=GENERIC_CALLS,
    ),
    aliases=_ALIASES,
    zeroes=frozenset({"wzr", "xzr"}),
    gdb_architecture="aarch64",
    unknown_operands="where an SVE first-fault or non-fault load stops other than at the end of a page",
)

AARCH64_BE = replace(
    AARCH64,
    name="aarch64_be",
    byte_order="big",
    elf=ElfIdentity("EM_AARCH64", 64, "big"),
    # ``aarch64_cpu_gdb_write_register`` of QEMU's target/arm/gdbstub64.c reads eight bytes where cpsr has four, and in
    # big-endian order keeps the last four.
    write_overrun=4,
    # ``arm_gdb_get_svereg`` of QEMU 7.2's target/arm/gdbstub64.c turns the bytes of each quadword of a vector, and of
    # each doubleword of a predicate, and leaves their order.
    piece_bytes={**dict.fromkeys(_Z, 16), **dict.fromkeys((*_P, "ffr"), 8)},
)

# ---- machines -------------------------------------------------------------------------------------------------------


def _wait(word: int, address: int) -> Behaviour:
    """WFI; HVC and SMC, by which PSCI may switch the processor off."""
    return Behaviour(rule=StepRule.HALT)


def _changing_the_system(word: int, address: int) -> Behaviour:
    """ERET, TLBI."""
    return Behaviour(is_system=True)


def _address_translation(word: int, address: int) -> Behaviour:
    """AT."""
    return Behaviour(implied=("PAR_EL1",))


_MACHINE_SYSTEM_REGISTERS = {**_SYSTEM_REGISTERS, **SYSTEM_REGISTERS}


def _machine_system_register(word: int, address: int) -> Behaviour:
    """MRS, MSR."""
    place = crn, crm, op2 = word >> 12 & 15, word >> 8 & 15, word >> 5 & 7
    names = _MACHINE_SYSTEM_REGISTERS.get((word >> 19 & 3, word >> 16 & 7, *place), ())
    is_written, is_of_system = not word >> 21 & 1, word >> 19 & 3 == 3
    return Behaviour(implied=names, is_system=is_written and is_of_system and changes_system(crn, crm, op2))


_MACHINE_ROWS = (
    row("1101011 0100 11111 0000 .. 11111 .....", _changing_the_system),
    row("11010101 00 0 01 ... 1000 .... ... .....", _changing_the_system),
    row("11010101 00 0 01 ... 0111 100. ... .....", _address_translation),
    row("11010101 00 0 00 011 0010 0000 011 11111", _wait),
    row("11010100 000 ................ 000 10", _wait),
    row("11010100 000 ................ 000 11", _wait),
    row("11010101 00 . 1. ... .... .... ... .....", _machine_system_register),
    *_ROWS,
)


def _system_registers() -> Iterable[Register]:
    """Those that instructions of firmware name."""
    known = {register.name for register in _REGISTERS}
    names = dict.fromkeys(name for names in _MACHINE_SYSTEM_REGISTERS.values() for name in names)
    return (Register(name, 64, Group.SYSTEM) for name in names if name not in known and name not in ("cpsr", "SVCR"))


AARCH64_MACHINE = replace(
    AARCH64,
    # The exception level and the masks are in cpsr: every frame has it.
    registers=(*_REGISTERS, Register("cpsr", 32, Group.CONTROL), *_system_registers()),
    behaviour_of=partial(_behaviour_by, _MACHINE_ROWS),
    system=AARCH64_LEVEL,
)
