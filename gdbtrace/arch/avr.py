"""AVR, which only firmware is for.

References: AVR Instruction Set Manual (Microchip DS40002198); QEMU's ``target/avr/{insn.decode,translate.c,helper.c,
gdbstub.c}``.  What QEMU's target description says of ``sp`` and ``pc`` is not what its stub sends.

Code and data are apart: a data address is shown with :data:`DATA_SPACE` added, as in gdb, QEMU and the ELF files of
the GNU tools.  The general registers have addresses in it, and so have the processor's own I/O registers (SREG, SP,
RAMPx, EIND): what reaches those is no memory access.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gdbtrace.arch import branches
from gdbtrace.arch.instruction_word import behaviour_by_rows, row
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
from gdbtrace.arch.system.avr import AVR_SYSTEM, DATA_SPACE

GENERAL = tuple(f"r{i}" for i in range(32))

_LOAD, _STORE = AccessKind.LOAD, AccessKind.STORE
_FIRST_PORT, _END_OF_PORTS = 0x20, 0x60
"""Data addresses of the I/O registers that IN and OUT reach; the general registers are before them."""
_OWN_PORTS = range(_FIRST_PORT + 0x38, _END_OF_PORTS)
"""Data addresses of RAMPD, RAMPX, RAMPY, RAMPZ, EIND, SPL, SPH, SREG."""
_X, _Y, _Z = 26, 28, 30
_RAMPS = {_X: "rampX", _Y: "rampY", _Z: "rampZ"}

Address = Callable[[Registers], int]
Touch = tuple[AccessKind, int, int]
"""Direction, distance from the address, size."""


def _data(address: Address, *touches: Touch) -> SpanFunction:
    """Accesses of data memory, without those of what is in the processor."""

    def spans(registers: Registers) -> list[Span]:
        start = address(registers)
        found = []
        for kind, distance, size in touches:
            place = start + distance & 0xFFFFFF
            if place >= _FIRST_PORT and place not in _OWN_PORTS:
                found.append(Span(kind, DATA_SPACE + place, size))
        return found

    return spans


def _fixed(address: int) -> Address:
    return lambda _: address


def _stack(registers: Registers) -> int:
    return registers["sp"]


def _rd(word: int) -> str:
    return GENERAL[word >> 4 & 31]


def _pair(number: int) -> tuple[str, str]:
    return GENERAL[number], GENERAL[number + 1]


def _low_or_high(number: int) -> tuple[str, ...]:
    """What a store to one of the lowest data addresses writes."""
    if number < _FIRST_PORT:
        return (GENERAL[number],)
    return ("sp",) if number in _OWN_PORTS else ()


# --- Rows: an instruction each --------------------------------------------------------------------


def _writes_d(word: int, place: int) -> Behaviour:
    return Behaviour(implied=(_rd(word),))


def _writes_high_d(word: int, place: int) -> Behaviour:
    return Behaviour(implied=(GENERAL[16 + (word >> 4 & 15)],))


def _writes_pair(word: int, place: int) -> Behaviour:
    return Behaviour(implied=_pair(24 + 2 * (word >> 4 & 3)))


def _moves_pair(word: int, place: int) -> Behaviour:
    return Behaviour(implied=_pair(2 * (word >> 4 & 15)))


def _multiplies(word: int, place: int) -> Behaviour:
    return Behaviour(implied=_pair(0))


def _changes_sixteen(word: int, place: int) -> Behaviour:
    """DES, on the registers that hold the block."""
    return Behaviour(implied=GENERAL[:16])


def _nothing(word: int, place: int) -> Behaviour:
    return Behaviour()


def _sleeps(word: int, place: int) -> Behaviour:
    return Behaviour(StepRule.HALT)


def _port(kind: Sequence[AccessKind]) -> Callable[[int, int], Behaviour]:
    """IN, OUT: a port of six bits; SBI, CBI: one of five."""

    def build(word: int, place: int) -> Behaviour:
        is_whole = len(kind) == 1
        number = word >> 5 & 0x30 | word & 15 if is_whole else word >> 3 & 31
        address = _FIRST_PORT + number
        written = (_rd(word),) if kind == (_LOAD,) else _low_or_high(address)
        return Behaviour(
            spans=_data(_fixed(address), *((each, 0, 1) for each in kind)),
            implied=written,
            is_system=_STORE in kind and address in _OWN_PORTS,
        )

    return build


def _skips_by_register(word: int, place: int) -> Behaviour:
    """SBRC, SBRS."""
    name, bit, wanted = _rd(word), word & 7, word >> 9 & 1
    return Behaviour(StepRule.NULLIFYING, nullifies=lambda registers: registers[name] >> bit & 1 == wanted)


def _skips_by_equality(word: int, place: int) -> Behaviour:
    """CPSE."""
    first, second = _rd(word), GENERAL[word >> 5 & 16 | word & 15]
    return Behaviour(StepRule.NULLIFYING, nullifies=lambda registers: registers[first] == registers[second])


def _skips_by_port(word: int, place: int) -> Behaviour:
    """SBIC, SBIS: QEMU's monitor says what they found."""
    return Behaviour(
        StepRule.NULLIFYING,
        _data(_fixed(_FIRST_PORT + (word >> 3 & 31)), (_LOAD, 0, 1)),
        nullifies=lambda registers: bool(registers.anew("skip")),
    )


def _lpm(number: int | None, *, is_counting: bool, is_extended: bool = False) -> Callable[[int, int], Behaviour]:
    """LPM and ELPM, whose addresses are of code.

    :param number: the target register; None: the instruction names it.
    """

    def spans(registers: Registers) -> tuple[Span, ...]:
        address = registers["r31"] << 8 | registers["r30"]
        return (Span(_LOAD, address | (registers["rampZ"] if is_extended else 0), 1),)

    def build(word: int, place: int) -> Behaviour:
        written = _rd(word) if number is None else GENERAL[number]
        return Behaviour(
            spans=spans, implied=(written, *(_pair(_Z) if is_counting else ())), is_system=is_counting and is_extended
        )

    return build


# --- What differs with the size of the program counter --------------------------------------------


class _Decoder:
    """The instruction set of a core.

    :param pc_bytes: what a call pushes; cores where that is 3 have more than 64 KiB of data address space too.
    """

    def __init__(self, pc_bytes: int) -> None:
        if pc_bytes == 2:
            self._pushed: tuple[Touch, ...] = ((_STORE, -1, 2),)
            self._popped: tuple[Touch, ...] = ((_LOAD, 1, 2),)
        else:
            self._pushed = ((_STORE, 0, 1), (_STORE, -2, 2))
            self._popped = ((_LOAD, 1, 2), (_LOAD, 3, 1))
        self._is_extended = pc_bytes == 3
        self._rows = tuple(
            row(pattern, build)
            for pattern, build in (
                ("0000 0001 .... ....", _moves_pair),
                ("0000 0010 .... ....", _multiplies),
                ("0000 0011 .... ....", _multiplies),
                ("0000 01.. .... ....", _nothing),  # cpc
                ("0000 1... .... ....", _writes_d),  # sbc, add
                ("0001 00.. .... ....", _skips_by_equality),
                ("0001 01.. .... ....", _nothing),  # cp
                ("0001 1... .... ....", _writes_d),  # sub, adc
                ("0010 .... .... ....", _writes_d),  # and, eor, or, mov
                ("0011 .... .... ....", _nothing),  # cpi
                ("01.. .... .... ....", _writes_high_d),  # sbci, subi, ori, andi
                ("10.0 ..0. .... ....", self._displaced(_LOAD)),
                ("10.0 ..1. .... ....", self._displaced(_STORE)),
                ("1001 000. .... 0000", self._direct(_LOAD)),
                ("1001 001. .... 0000", self._direct(_STORE)),
                ("1001 000. .... 0001", self._indirect(_LOAD, _Z, 1)),
                ("1001 000. .... 0010", self._indirect(_LOAD, _Z, -1)),
                ("1001 000. .... 0100", _lpm(None, is_counting=False)),
                ("1001 000. .... 0101", _lpm(None, is_counting=True)),
                ("1001 000. .... 0110", _lpm(None, is_counting=False, is_extended=True)),
                ("1001 000. .... 0111", _lpm(None, is_counting=True, is_extended=True)),
                ("1001 000. .... 1001", self._indirect(_LOAD, _Y, 1)),
                ("1001 000. .... 1010", self._indirect(_LOAD, _Y, -1)),
                ("1001 000. .... 1100", self._indirect(_LOAD, _X, 0)),
                ("1001 000. .... 1101", self._indirect(_LOAD, _X, 1)),
                ("1001 000. .... 1110", self._indirect(_LOAD, _X, -1)),
                ("1001 000. .... 1111", self._pop),
                ("1001 001. .... 0001", self._indirect(_STORE, _Z, 1)),
                ("1001 001. .... 0010", self._indirect(_STORE, _Z, -1)),
                ("1001 001. .... 01..", self._exchange),
                ("1001 001. .... 1001", self._indirect(_STORE, _Y, 1)),
                ("1001 001. .... 1010", self._indirect(_STORE, _Y, -1)),
                ("1001 001. .... 1100", self._indirect(_STORE, _X, 0)),
                ("1001 001. .... 1101", self._indirect(_STORE, _X, 1)),
                ("1001 001. .... 1110", self._indirect(_STORE, _X, -1)),
                ("1001 001. .... 1111", self._push),
                ("1001 0101 000. 1000", self._returns),
                ("1001 0101 1000 1000", _sleeps),
                ("1001 0101 1100 1000", _lpm(0, is_counting=False)),
                ("1001 0101 1101 1000", _lpm(0, is_counting=False, is_extended=True)),
                ("1001 0101 000. 1001", self._calls),  # icall, eicall
                ("1001 010. .... 111.", self._calls),  # call
                ("1001 010. .... 110.", _nothing),  # jmp
                ("1001 010. .... 100.", _nothing),  # flags, indirect jumps, break, wdr, spm
                ("1001 0100 .... 1011", _changes_sixteen),
                ("1001 010. .... ....", _writes_d),  # com, neg, swap, inc, asr, lsr, ror, dec
                ("1001 011. .... ....", _writes_pair),  # adiw, sbiw
                ("1001 1000 .... ....", _port((_LOAD, _STORE))),  # cbi
                ("1001 1010 .... ....", _port((_LOAD, _STORE))),  # sbi
                ("1001 10.1 .... ....", _skips_by_port),
                ("1001 11.. .... ....", _multiplies),
                ("1011 0... .... ....", _port((_LOAD,))),
                ("1011 1... .... ....", _port((_STORE,))),
                ("1101 .... .... ....", self._calls),  # rcall
                ("1110 .... .... ....", _writes_high_d),  # ldi
                ("1111 100. .... 0...", _writes_d),  # bld
                ("1111 11.. .... 0...", _skips_by_register),
            )
        )

    def behaviour_of(self, disassembled: Disassembled) -> Behaviour:
        """What an instruction does."""
        data = disassembled.data
        # The second word, where there is one, is in the place's upper half: no row needs more of the place.
        return behaviour_by_rows(
            self._rows, int.from_bytes(data[:2], "little"), int.from_bytes(data[2:4].ljust(2, b"\0"), "little")
        )

    def _pointer(self, number: int) -> Address:
        low, high, ramp = GENERAL[number], GENERAL[number + 1], _RAMPS[number]
        if self._is_extended:
            return lambda registers: registers[ramp] | registers[high] << 8 | registers[low]
        return lambda registers: registers[high] << 8 | registers[low]

    def _accesses(self, word: int, kind: AccessKind, address: Address, *updated: str) -> Behaviour:
        written = (_rd(word),) if kind is _LOAD else ()
        return Behaviour(spans=_data(address, (kind, 0, 1)), implied=(*written, *updated))

    def _indirect(self, kind: AccessKind, number: int, change: int) -> Callable[[int, int], Behaviour]:
        pointer = self._pointer(number)
        address: Address = pointer if change >= 0 else lambda registers: pointer(registers) - 1
        updated = _pair(number) if change else ()
        return lambda word, place: self._accesses(word, kind, address, *updated)

    def _displaced(self, kind: AccessKind) -> Callable[[int, int], Behaviour]:
        def build(word: int, place: int) -> Behaviour:
            pointer = self._pointer(_Y if word & 8 else _Z)
            distance = word >> 8 & 0x20 | word >> 7 & 0x18 | word & 7
            return self._accesses(word, kind, lambda registers: pointer(registers) + distance)

        return build

    def _direct(self, kind: AccessKind) -> Callable[[int, int], Behaviour]:
        """LDS, STS."""

        def build(word: int, place: int) -> Behaviour:
            found = self._accesses(word, kind, self._with_ramp(place))
            if kind is _LOAD:
                return found
            return replace(found, implied=_low_or_high(place), is_system=place in _OWN_PORTS)

        return build

    def _with_ramp(self, address: int) -> Address:
        if self._is_extended:
            return lambda registers: registers["rampD"] | address
        return _fixed(address)

    def _exchange(self, word: int, place: int) -> Behaviour:
        """XCH, LAS, LAC, LAT."""
        return Behaviour(spans=_data(self._pointer(_Z), (_LOAD, 0, 1), (_STORE, 0, 1)), implied=(_rd(word),))

    def _push(self, word: int, place: int) -> Behaviour:
        return Behaviour(spans=_data(_stack, (_STORE, 0, 1)), implied=("sp",))

    def _pop(self, word: int, place: int) -> Behaviour:
        return Behaviour(spans=_data(_stack, (_LOAD, 1, 1)), implied=(_rd(word), "sp"))

    def _calls(self, word: int, place: int) -> Behaviour:
        return Behaviour(spans=_data(_stack, *self._pushed), implied=("sp",))

    def _returns(self, word: int, place: int) -> Behaviour:
        return Behaviour(spans=_data(_stack, *self._popped), implied=("sp",))


# --- Architecture ---------------------------------------------------------------------------------


def _size_of(data: bytes) -> int:
    """LDS, STS, JMP and CALL have a second word."""
    word = int.from_bytes(data[:2], "little")
    return 4 if word & 0xFC0F == 0x9000 or word & 0xFE0C == 0x940C else 2


LAYOUT = (
    *(StubRegister(name, 8) for name in GENERAL),
    *(StubRegister("sreg", 8), StubRegister("sp", 16), StubRegister("pc", 32)),
)
"""See ``avr_cpu_gdb_read_register``."""


def _mode(flags: int) -> Mode:
    return Mode(None, None, 0, (2, 4), size_of=_size_of, objdump=Objdump(("avr-objdump",), machine=83, flags=flags))


AVR = Arch(
    name="avr",
    bits=32,
    byte_order="little",
    elf=ElfIdentity("EM_AVR", 32, "little"),
    frame_architecture=59,
    frame_machine=5,
    pc="pc",
    sp="sp",
    registers=(
        *(Register(name, 8) for name in GENERAL),
        *(Register("sp", 16), Register("sreg", 8, Group.STATUS), Register("pc", 32, Group.CONTROL)),
    ),
    modes=(_mode(5),),
    branch_of=branches.AVR,
    behaviour_of=_Decoder(2).behaviour_of,
    system_calls=SystemCalls(number="r24", result="r24", arguments=(), names={}),
    aliases={},
    builtin_layout=LAYOUT,
    system=AVR_SYSTEM,
)
"""With a program counter of 16 bits: up to 128 KiB of code."""

AVR6 = replace(
    AVR,
    name="avr6",
    frame_machine=6,
    modes=(_mode(6),),
    behaviour_of=_Decoder(3).behaviour_of,
    gdb_architecture="avr:6",
)
"""With a program counter of 22 bits."""

__all__ = ["AVR", "AVR6"]
