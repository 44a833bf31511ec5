"""Infineon TriCore, which only firmware is for.

References: TriCore Architecture Manual, volume 1 (core architecture, chapters 4 and 6: contexts and traps) and volume 2
(instruction set); QEMU's ``target/tricore/{translate,op_helper,gdbstub}.c``.  QEMU sends no target description.

Size, memory operands and what is written come from our own decoder of the encoding; capstone gives the text.  The names
are those of gdb's TriCore port, which the consumers of traces take.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import capstone

from gdbtrace.arch import branches, nondeterminism
from gdbtrace.arch.instruction_word import sign_extended
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
    StubRegister,
    SystemCalls,
)
from gdbtrace.arch.system.tricore import (
    CALL,
    RESTORE_LOWER,
    RETURN,
    RETURN_FROM_EXCEPTION,
    SAVE_LOWER,
    TRICORE_SYSTEM,
    area_of,
    context_traps,
    handler_of,
)

DATA = tuple(f"d{i}" for i in range(16))
ADDRESS = tuple(f"a{i}" for i in range(16))
CORE = ("lcx", "fcx", "pcxi", "psw", "pc", "icr", "isp", "btv", "biv", "syscon", "pmucon0", "dmucon")
ADDRESS_MASK = 0xFFFF_FFFF

_LOAD, _STORE = AccessKind.LOAD, AccessKind.STORE
_SP, _RETURN_ADDRESS = ADDRESS[10], ADDRESS[11]
_UPPER = (*(ADDRESS[i] for i in (10, 11, 12, 13, 14, 15)), *DATA[8:])
_LOWER = (*(ADDRESS[i] for i in (11, 2, 3, 4, 5, 6, 7)), *DATA[:8])
_LISTS = ("pcxi", "fcx")
"""What every save and restore of a context moves on."""
_AREA_WORDS = 16
_ASSERTION, _INSTRUCTION_ERROR = 5, 2
"""Trap classes."""
_PSW_V, _PSW_SV = 1 << 30, 1 << 29

# --- Loads and stores -----------------------------------------------------------------------------

_SIZES = {"b": 1, "bu": 1, "h": 2, "hu": 2, "q": 2, "w": 4, "a": 4, "d": 8, "da": 8}

_SHORT_FORMS = """
14 SLR  L bu    04 SLR+ L bu    08 SLRO L bu    0c SRO  L bu
94 SLR  L h     84 SLR+ L h     88 SLRO L h     8c SRO  L h
54 SLR  L w     44 SLR+ L w     48 SLRO L w     4c SRO  L w     58 SC   L w
d4 SLR  L a     c4 SLR+ L a     c8 SLRO L a     cc SRO  L a     d8 SC   L a
34 SLR  S b     24 SLR+ S b     28 SLRO S b     2c SRO  S b
b4 SLR  S h     a4 SLR+ S h     a8 SLRO S h     ac SRO  S h
74 SLR  S w     64 SLR+ S w     68 SLRO S w     6c SRO  S w     78 SC   S w
f4 SLR  S a     e4 SLR+ S a     e8 SLRO S a     ec SRO  S a     f8 SC   S a
"""
"""Of 16 bits: opcode, format (SSR and SSRO are SLR and SLRO of a store), direction, type."""

_LONG_OFFSET_FORMS = {
    **{0x99: "La", 0x19: "Lw", 0x79: "Lb", 0x39: "Lbu", 0xC9: "Lh", 0xB9: "Lhu"},
    **{0xB5: "Sa", 0x59: "Sw", 0xE9: "Sb", 0xF9: "Sh"},
}
"""Format BOL; all but two of them came with TriCore 1.6."""
_SINCE_1_6 = frozenset({0x79, 0x39, 0xC9, 0xB9, 0xB5, 0xE9, 0xF9, 0xFB, 0xD2, 0x61, 0xE1})
"""Opcodes that an older core does not know: theirs, and those of mov.64, mov of a pair, and fcall."""

_ABSOLUTE_FORMS = {
    0x85: ("Lw", "Ld", "La", "Lda"),
    0x05: ("Lb", "Lbu", "Lh", "Lhu"),
    0xA5: ("Sw", "Sd", "Sa", "Sda"),
    0x25: ("Sb", "", "Sh", ""),
    0x65: ("Sq", "", "", ""),
    0x45: ("Lq", "", "", ""),
    0xE5: ("swap", "ldmst", "", ""),
    0x15: ("stlcx", "stucx", "ldlcx", "lducx"),
}
"""By the second opcode, bits 27:26."""

_BASE_FORMS: dict[int, dict[int, str]] = {
    0x09: dict(enumerate(("Lb", "Lbu", "Lh", "Lhu", "Lw", "Ld", "La", "Lda", "Lq"))),
    0x89: {0: "Sb", 2: "Sh", 4: "Sw", 5: "Sd", 6: "Sa", 7: "Sda", 8: "Sq", **dict.fromkeys(range(11, 16), "cache")},
    0x49: {0: "swap", 1: "ldmst", 2: "swapmsk", 3: "cmpswap", 4: "ldlcx", 5: "lducx", 6: "stlcx", 7: "stucx"},
}
"""Format BO: by the low four bits of the second opcode, bits 25:22. What is above them is the addressing mode."""
_MODULO_FORMS = {0x29: _BASE_FORMS[0x09], 0xA9: _BASE_FORMS[0x89], 0x69: _BASE_FORMS[0x49]}
"""The same with bit-reverse and circular addressing."""
_AFTER, _BEFORE, _OFFSET = 0, 1, 2
"""Addressing modes: the offset is added to the base afterwards, before, or for this access alone."""
_CIRCULAR = 1

Address = Callable[[Registers], int]
Touch = tuple[AccessKind, int, int]
"""Direction, distance from the address, size."""


def _pair(names: Sequence[str], number: int) -> tuple[str, ...]:
    return tuple(names[number & ~1 : (number & ~1) + 2])


def _words(kind: AccessKind, first: int = 0) -> tuple[Touch, ...]:
    """A context, word for word."""
    return tuple((kind, 4 * n, 4) for n in range(first, _AREA_WORDS))


def _spans(address: Address, *touches: Touch) -> SpanFunction:
    def spans(registers: Registers) -> list[Span]:
        start = address(registers)
        return [Span(kind, start + distance & ADDRESS_MASK, size) for kind, distance, size in touches]

    return spans


def _offset_from(base: str, offset: int = 0) -> Address:
    return lambda registers: registers[base] + offset


_MODIFY: tuple[Touch, ...] = ((_LOAD, 0, 4), (_STORE, 0, 4))
_CONTEXTS: dict[str, tuple[tuple[Touch, ...], tuple[str, ...]]] = {
    "stlcx": (_words(_STORE), ()),
    "stucx": (_words(_STORE), ()),
    # QEMU loads the first two words too, and leaves the registers that they were saved from alone.
    "ldlcx": (_words(_LOAD), tuple(name for name in _LOWER if name != _RETURN_ADDRESS)),
    "lducx": (_words(_LOAD), _UPPER),
}


def _touches_of(form: str, number: int) -> tuple[tuple[Touch, ...], tuple[str, ...], bool]:
    """What a form touches, what it writes, and whether its register field has to be even.

    :param number: the register field.
    """
    if form in _CONTEXTS:
        return *_CONTEXTS[form], False
    if form == "swap":
        return _MODIFY, (DATA[number],), False
    if form in ("ldmst", "swapmsk", "cmpswap"):
        return _MODIFY, () if form == "ldmst" else (DATA[number],), True
    if form in ("", "cache"):
        return (), (), False
    kind, name = _LOAD if form[0] == "L" else _STORE, form[1:]
    names = ADDRESS if name in ("a", "da") else DATA
    is_pair = name in ("d", "da")
    written = () if kind is _STORE else _pair(names, number) if is_pair else (names[number],)
    return ((kind, 0, _SIZES[name]),), written, is_pair


def _memory(form: str, number: int, address: Address, *updated: str, is_new: bool = False) -> Behaviour:
    """A load, a store, or both."""
    touches, written, is_pair = _touches_of(form, number)
    may_trap = is_new or (is_pair and number & 1) or form in ("swapmsk", "cmpswap")
    return Behaviour(
        StepRule.TRAPPING if may_trap else StepRule.PLAIN,
        _spans(address, *touches) if touches else None,
        (*written, *updated),
        traps_at=_invalid if may_trap else None,
    )


def _invalid(registers: Registers) -> tuple[int, ...]:
    """Where an instruction that a core does not know, or an odd half of a pair, is handled."""
    return (handler_of(registers, _INSTRUCTION_ERROR),)


_ILLEGAL = Behaviour(StepRule.TRAPPING, traps_at=_invalid)


def _short_memory(half: int, form: str, kind: str, name: str) -> Behaviour:
    low, high = half >> 8 & 15, half >> 12
    size = _SIZES[name]
    match form:
        case "SC":
            return _memory(kind + name, 15, _offset_from(_SP, 4 * (half >> 8)))
        case "SRO":
            # QEMU 7.2 does not multiply the offset of LD.H.
            scale = 1 if kind + name == "Lh" else size
            return _memory(kind + name, 15, _offset_from(ADDRESS[high], scale * low))
        case "SLRO":
            return _memory(kind + name, low, _offset_from(ADDRESS[15], size * high))
        case "SLR+":
            return _memory(kind + name, low, _offset_from(ADDRESS[high]), ADDRESS[high])
    return _memory(kind + name, low, _offset_from(ADDRESS[high]))


_SHORT_MEMORY = {
    int(opcode, 16): (form, kind, name)
    for line in _SHORT_FORMS.strip().splitlines()
    for opcode, form, kind, name in zip(*(iter(line.split()),) * 4, strict=True)
}


def _base_memory(word: int, forms: dict[int, str]) -> Behaviour:
    second, number, base = word >> 22 & 0x3F, word >> 8 & 15, ADDRESS[word >> 12 & 15]
    form, mode = forms.get(second & 15), second >> 4
    if form is None or mode > _OFFSET or (form in _CONTEXTS and mode != _OFFSET):
        # lea is none of these.
        return Behaviour() if (word & 0xFF, second) == (0x49, 0x28) else _ILLEGAL
    offset = sign_extended(word >> 28 << 6 | word >> 16 & 0x3F, 10)
    address = _offset_from(base, 0 if mode == _AFTER else offset)
    return _memory(form, number, address, *(() if mode == _OFFSET else (base,)))


def _modulo_memory(word: int, forms: dict[int, str]) -> Behaviour:
    """The base is a pair of registers: a start, and index and length, or index and increment, in halves of a word."""
    second, number = word >> 22 & 0x3F, word >> 8 & 15
    base, state = _pair(ADDRESS, word >> 12 & 15)
    form, mode = forms.get(second & 15, ""), second >> 4
    if not form or mode > _CIRCULAR or form in _CONTEXTS:
        return _ILLEGAL

    def address(registers: Registers) -> int:
        return registers[base] + (registers[state] & 0xFFFF)

    found = _memory(form, number, address, state)
    touches, _, _ = _touches_of(form, number)
    if mode != _CIRCULAR or not touches or touches[0][2] != 8:
        return found
    kind = touches[0][0]

    def halves(registers: Registers) -> list[Span]:
        """QEMU takes the second word of a pair from where the buffer goes on."""
        index, length = registers[state] & 0xFFFF, registers[state] >> 16
        places = (index, (index + 4) % length if length else index + 4)
        return [Span(kind, registers[base] + place & ADDRESS_MASK, 4) for place in places]

    return Behaviour(found.rule, halves, found.implied, traps_at=found.traps_at)


def _absolute_memory(word: int, forms: tuple[str, ...]) -> Behaviour:
    form = forms[word >> 26 & 3]
    if not form:
        return _ILLEGAL
    place = _absolute_of(word)
    return _memory(form, word >> 8 & 15, lambda _: place)


def _absolute_of(word: int) -> int:
    """The highest four bits of an address and its lowest fourteen (format ABS)."""
    low = (word >> 22 & 15) << 10 | word >> 28 << 6 | word >> 16 & 0x3F
    return (word >> 12 & 15) << 28 | low


# --- Contexts -------------------------------------------------------------------------------------


def _context(instruction: int, spans: SpanFunction, *written: str, resumes_at: Address | None = None) -> Behaviour:
    return Behaviour(
        StepRule.TRAPPING,
        spans,
        (*_LISTS, *written),
        resumes_at=resumes_at,
        traps_at=lambda registers: context_traps(registers, instruction),
    )


def _save(registers: Registers) -> int:
    return area_of(registers["fcx"])


def _restore(registers: Registers) -> int:
    return area_of(registers["pcxi"])


_SAVES = _spans(_save, (_LOAD, 0, 4), *_words(_STORE))
_RESTORES = _spans(_restore, *_words(_LOAD), (_STORE, 0, 4))


def _return_address(registers: Registers) -> int:
    return registers[_RETURN_ADDRESS] & ~1


def _call(target: Address) -> Behaviour:
    return _context(CALL, _SAVES, _RETURN_ADDRESS, "psw", resumes_at=target)


def _fast_call() -> Behaviour:
    """Saves the return address alone."""
    return Behaviour(spans=_spans(_offset_from(_SP, -4), (_STORE, 0, 4)), implied=(_SP, _RETURN_ADDRESS))


_RETURN = _context(RETURN, _RESTORES, *_UPPER, "psw", resumes_at=_return_address)
_RETURN_FROM_EXCEPTION = _context(RETURN_FROM_EXCEPTION, _RESTORES, *_UPPER, "psw", "icr", resumes_at=_return_address)
_RETURN_FROM_FAST_CALL = Behaviour(spans=_spans(_offset_from(_SP), (_LOAD, 0, 4)), implied=(_SP, _RETURN_ADDRESS))
_SAVE_LOWER = _context(SAVE_LOWER, _SAVES)
_BEGIN_INTERRUPT = _context(SAVE_LOWER, _SAVES, "icr")
_RESTORE_LOWER = _context(RESTORE_LOWER, _RESTORES, *_LOWER)
_RETURN_FROM_MONITOR = Behaviour(implied=("pcxi", "psw", "icr", _SP, _RETURN_ADDRESS), spans_known=False)
"""From an area that a register which the stub does not show points to."""


def _traps_if(flag: int) -> Behaviour:
    """TRAPV, TRAPSV."""
    return Behaviour(
        StepRule.TRAPPING,
        traps_at=lambda registers: (handler_of(registers, _ASSERTION),) if registers["psw"] & flag else (),
    )


_SYSTEM_FORMS = {
    0x00: Behaviour(),  # nop
    0x03: _RETURN_FROM_FAST_CALL,
    0x04: Behaviour(),  # debug
    0x05: _RETURN_FROM_MONITOR,
    0x06: _RETURN,
    0x07: _RETURN_FROM_EXCEPTION,
    0x08: _SAVE_LOWER,
    0x09: _RESTORE_LOWER,
    0x0C: Behaviour(implied=("icr",)),  # enable
    0x0D: Behaviour(implied=("icr",)),  # disable
    0x0E: Behaviour(implied=("icr",)),  # restore
    0x0F: Behaviour(implied=("icr",)),  # disable into a register
    0x12: Behaviour(),  # dsync
    0x13: Behaviour(),  # isync
    0x14: _traps_if(_PSW_V),
    0x15: _traps_if(_PSW_SV),
    0x16: Behaviour(StepRule.HALT),  # wait
}
"""Format SYS, opcode 0d: by the second opcode, bits 27:22."""
_SHORT_SYSTEM_FORMS = {
    0x0: Behaviour(),  # nop
    0x7: _RETURN_FROM_FAST_CALL,
    0x8: _RETURN_FROM_EXCEPTION,
    0x9: _RETURN,
    0xA: Behaviour(),  # debug
}
_SYSTEM_CALL, _BISR = 4, 0
"""Second opcodes of opcode ad, bits 27:21."""
_CALL_INDIRECT, _FAST_CALL_INDIRECT, _JUMP_AND_LINK_INDIRECT, _JUMP_INDIRECT = range(4)
"""Second opcodes of opcode 2d, bits 27:20."""


def _behaviour_of_short(half: int, pc: int) -> Behaviour | None:
    opcode = half & 0xFF
    if opcode in _SHORT_MEMORY:
        return _short_memory(half, *_SHORT_MEMORY[opcode])
    if opcode == 0x00:
        return _SHORT_SYSTEM_FORMS.get(half >> 12, _ILLEGAL)
    if opcode == 0x5C:
        target = pc + 2 * sign_extended(half >> 8, 8)
        return _call(lambda _: target & ADDRESS_MASK)
    if opcode == 0xE0:
        return _BEGIN_INTERRUPT
    return None


def _behaviour_of_long(word: int, pc: int) -> Behaviour | None:
    opcode, number = word & 0xFF, word >> 8 & 15
    if opcode in _BASE_FORMS:
        return _base_memory(word, _BASE_FORMS[opcode])
    if opcode in _MODULO_FORMS:
        return _modulo_memory(word, _MODULO_FORMS[opcode])
    if opcode in _ABSOLUTE_FORMS:
        return _absolute_memory(word, _ABSOLUTE_FORMS[opcode])
    if opcode in _LONG_OFFSET_FORMS:
        offset = sign_extended((word >> 22 & 0x3F) << 10 | word >> 28 << 6 | word >> 16 & 0x3F, 16)
        address = _offset_from(ADDRESS[word >> 12 & 15], offset)
        return _memory(_LONG_OFFSET_FORMS[opcode], number, address, is_new=opcode in _SINCE_1_6)
    distance = (word >> 8 & 0xFF) << 16 | word >> 16
    match opcode:
        case 0xD5:  # st.t
            place = _absolute_of(word)
            return Behaviour(spans=_spans(lambda _: place, (_LOAD, 0, 1), (_STORE, 0, 1)))
        case 0x6D:  # call
            target = pc + 2 * sign_extended(distance, 24)
            return _call(lambda _: target & ADDRESS_MASK)
        case 0xED:  # calla
            place = (distance & 0xF00000) << 8 | (distance & 0xFFFFF) << 1
            return _call(lambda _: place)
        case 0x61 | 0xE1:  # fcall, fcalla
            return _fast_call()
        case 0x5D | 0xDD:  # jl, jla
            return Behaviour(implied=(_RETURN_ADDRESS,))
        case 0x2D:
            second, name = word >> 20 & 0xFF, ADDRESS[number]
            if second == _CALL_INDIRECT:
                return _call(lambda registers: registers[name] & ~1)
            if second == _FAST_CALL_INDIRECT:
                return _fast_call()
            if second > _JUMP_INDIRECT:
                return _ILLEGAL
            return Behaviour(implied=(_RETURN_ADDRESS,) if second == _JUMP_AND_LINK_INDIRECT else ())
        case 0xAD:
            if word >> 21 & 0x7F == _BISR:
                return _BEGIN_INTERRUPT
            return Behaviour(StepRule.TRAPPING, traps_at=lambda registers: (handler_of(registers, 6),))
        case 0x0D:
            return _SYSTEM_FORMS.get(word >> 22 & 0x3F, _ILLEGAL)
        case 0xCD:  # mtcr
            return Behaviour(implied=CORE)
    return None


_LOW_BITS_OF_FIELDS = 1 << 28 | 1 << 24 | 1 << 8
"""Of the register fields that can name a pair: the target, the third and the first source."""
_PAIR = re.compile(r"\be\d")


def _behaviour_of(disassembled: Disassembled) -> Behaviour:
    data, pc = disassembled.data, disassembled.address
    word = int.from_bytes(data, "little")
    found = _behaviour_of_short(word, pc) if len(data) == 2 else _behaviour_of_long(word, pc)
    if found is not None:
        return found
    if not disassembled.mnemonic and not _is_kept_from_capstone(data):
        return _ILLEGAL
    # capstone shows an odd half of a pair as the pair.
    names_odd_half = bool(word & _LOW_BITS_OF_FIELDS) and _PAIR.search(disassembled.operand_text) is not None
    return _ILLEGAL if data[0] in _SINCE_1_6 or names_odd_half else Behaviour()


# --- Architecture ---------------------------------------------------------------------------------


def _size_of(data: bytes) -> int:
    """Bit 0 is set in all instructions of 32 bits (volume 1, section 2.6)."""
    return 4 if data[0] & 1 else 2


def _is_kept_from_capstone(data: bytes) -> bool:
    """Stores to an absolute address, and ABSDIFS with a constant: capstone 5.0 fails an assertion of its own."""
    if data[0] == 0x8B:
        return len(data) >= 4 and int.from_bytes(data[:4], "little") >> 21 & 0x7F == 0x0F
    return data[0] in (0x25, 0x65, 0xA5, 0xE5)


LAYOUT = tuple(StubRegister(name, 32) for name in (*DATA, *ADDRESS, *CORE))
"""See ``tricore_cpu_gdb_read_register``."""

TRICORE = Arch(
    name="tricore",
    bits=32,
    byte_order="little",
    elf=ElfIdentity("EM_TRICORE", 32, "little"),
    # bap-frames has had TriCore since 2025-10 (its pull request 29), as the next number after Hexagon. Its
    # frame_mach_tricore_162 was not seen: the number is the version's.
    frame_architecture=82,
    frame_machine=162,
    pc="pc",
    sp=_SP,
    registers=(
        *(Register(name, 32) for name in (*DATA, *ADDRESS)),
        *(Register(name, 32, Group.CONTROL) for name in ("pc", "pcxi", "fcx", "lcx")),
        Register("psw", 32, Group.STATUS),
        *(Register(name, 32, Group.SYSTEM) for name in ("icr", "isp", "btv", "biv", "syscon")),
    ),
    modes=(
        Mode(
            None,
            capstone.CS_ARCH_TRICORE,
            capstone.CS_MODE_TRICORE_161,
            (2, 4),
            size_of=_size_of,
            kept_from_capstone=_is_kept_from_capstone,
        ),
    ),
    branch_of=branches.TRICORE,
    nondeterministic=nondeterminism.TRICORE,
    behaviour_of=_behaviour_of,
    system_calls=SystemCalls(number="d15", result="d2", arguments=(), names={}),
    aliases={
        "sp": (_SP,),
        **{f"e{i}": _pair(DATA, i) for i in range(0, 16, 2)},
        **{f"p{i}": _pair(ADDRESS, i) for i in range(0, 16, 2)},
    },
    builtin_layout=LAYOUT,
    unknown_operands="what RFM loads, from where a register says that the stub does not show",
    system=TRICORE_SYSTEM,
)
