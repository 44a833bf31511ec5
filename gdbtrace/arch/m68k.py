"""Motorola 68000 family: the 68040 with its floating-point unit, and what the 68020 has beyond it.

References: M68000 Family Programmer's Reference Manual (M68000PM/AD, revision 1), sections 2 (addressing modes), 4, 5
(instructions) and 8 (formats); QEMU's ``target/m68k/translate.c``, ``op_helper.c`` and ``gdb-xml/m68k-*.xml``.

Size and memory operands come from our own decoder of the encoding; capstone gives the text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import capstone

from gdbtrace.arch import branches, undefined
from gdbtrace.arch.instruction_word import sign_extended
from gdbtrace.arch.linux import I386_CALLS
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
    StepRule,
    SystemCalls,
)
from gdbtrace.arch.system.coldfire import COLDFIRE_SYSTEM

DATA = tuple(f"d{i}" for i in range(8))
ADDRESS = (*(f"a{i}" for i in range(6)), "fp", "sp")
"""a6 and a7 as the target description names them."""
GENERAL = (*DATA, *ADDRESS)
FLOATS = tuple(f"fp{i}" for i in range(8))
FLOAT_CONTROL = ("fpcontrol", "fpstatus", "fpiaddr")
ADDRESS_MASK = 0xFFFF_FFFF

_LOAD, _STORE = AccessKind.LOAD, AccessKind.STORE
_MODIFY = (_LOAD, _STORE)
_SP = 7


# --- Addresses ------------------------------------------------------------------------------------


class _State:
    """The registers while one instruction goes through its operands, and the memory it has touched so far."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers
        self._written: dict[str, int] = {}
        self.spans: list[Span] = []

    def __getitem__(self, name: str) -> int:
        """A register, after the increments and decrements of the operands before."""
        return self._written[name] if name in self._written else self._registers[name]

    def __setitem__(self, name: str, value: int) -> None:
        self._written[name] = value & ADDRESS_MASK

    def touch(self, kind: AccessKind, address: int, size: int) -> None:
        self.spans.append(Span(kind, address & ADDRESS_MASK, size))

    def peek(self, address: int, size: int) -> int:
        """What is in memory before the instruction, on which its further accesses depend."""
        return int.from_bytes(self._registers.read_memory(address & ADDRESS_MASK, size), "big")


Address = Callable[[_State], int]
"""Computes an operand's address; increments, decrements and loads of pointers happen in the state."""
Effect = Callable[[_State], None]
"""Touches memory."""


@dataclass(frozen=True, slots=True)
class _Operand:
    """An effective address: a register, memory, or (neither) an immediate value."""

    register: str = ""
    address: Address | None = None
    updated: tuple[str, ...] = ()
    """The register that is incremented or decremented."""


def _indirect(name: str, displacement: int = 0) -> _Operand:
    return _Operand(address=lambda state: state[name] + displacement)


def _fixed(address: int) -> _Operand:
    return _Operand(address=lambda _: address)


def _postincrement(name: str, size: int) -> _Operand:
    def address(state: _State) -> int:
        value = state[name]
        state[name] = value + size
        return value

    return _Operand(address=address, updated=(name,))


def _predecrement(name: str, size: int) -> _Operand:
    def address(state: _State) -> int:
        state[name] = state[name] - size
        return state[name]

    return _Operand(address=address, updated=(name,))


# --- The decoder ----------------------------------------------------------------------------------

_SIZES = {0: 1, 1: 2, 2: 4}
"""By the size field of most instructions, bits 7:6; 3 is another instruction."""
_MOVE_SIZES = {1: 1, 2: 4, 3: 2}
_FLOAT_SIZES = {0: 4, 1: 4, 2: 12, 3: 12, 4: 2, 5: 8, 6: 1, 7: 12}
"""By source or destination format: long, single, extended, packed, word, double, byte, packed with a dynamic factor."""
_BIT_FIELD_LOADS = frozenset({0, 1, 3, 5})
"""bftst, bfextu, bfexts, bfffo; the others store too."""


class _Decoder:
    """One instruction: reads its words, and notes its memory accesses and what it writes.

    Words beyond the end of the data read as zero: at the end of mapped memory an instruction may be cut off.
    """

    def __init__(self, data: bytes, address: int) -> None:
        self._data = data
        self._address = address
        self.size = 0
        self.effects: list[Effect] = []
        self.implied: dict[str, None] = {}
        self.rule = StepRule.PLAIN
        self._opcode = self._word()
        self._mode, self._register = self._opcode >> 3 & 7, self._opcode & 7
        self._upper = self._opcode >> 9 & 7
        """The register field of bits 11:9."""
        self._decode()

    def _decode(self) -> None:
        _LINES[self._opcode >> 12](self)

    # -- words and operands --------------------------------------------------------------------------------------

    def _take(self, size: int) -> int:
        value = int.from_bytes(self._data[self.size : self.size + size].ljust(size, b"\0"), "big")
        self.size += size
        return value

    def _word(self) -> int:
        return self._take(2)

    def _displacement(self, size: int) -> int:
        return sign_extended(self._take(size), 8 * size)

    def _operand(self, size: int) -> _Operand:
        """The effective address of bits 5:0, of an operand of ``size`` bytes."""
        return self._operand_of(self._mode, self._register, size)

    def _operand_of(self, mode: int, register: int, size: int) -> _Operand:
        # The stack pointer stays even.
        step = 2 if size == 1 and register == _SP else size
        match mode:
            case 0:
                return _Operand(DATA[register])
            case 1:
                return _Operand(ADDRESS[register])
            case 2:
                return _indirect(ADDRESS[register])
            case 3:
                return _postincrement(ADDRESS[register], step)
            case 4:
                return _predecrement(ADDRESS[register], step)
            case 5:
                return _indirect(ADDRESS[register], self._displacement(2))
            case 6:
                name = ADDRESS[register]
                return self._indexed(lambda state: state[name])
        here = self._address + self.size
        match register:
            case 0:
                return _fixed(self._displacement(2))
            case 1:
                return _fixed(self._take(4))
            case 2:
                return _fixed(here + self._displacement(2))
            case 3:
                return self._indexed(lambda _: here)
            case 4:
                self.size += max(size, 2)
        return _Operand()

    def _indexed(self, base: Address) -> _Operand:
        """Address register or program counter with index: brief or full format (section 2.2)."""
        extension = self._word()
        name, scale, is_long = GENERAL[extension >> 12], extension >> 9 & 3, extension >> 11 & 1

        def index(state: _State) -> int:
            value = state[name]
            return (value if is_long else sign_extended(value, 16)) << scale

        if not extension & 0x100:
            displacement = sign_extended(extension, 8)
            return _Operand(address=lambda state: base(state) + index(state) + displacement)

        inner = self._sized_displacement(extension >> 4)
        is_based = not extension & 0x80
        is_preindexed = not extension & 0x44

        def address(state: _State) -> int:
            value = inner + (base(state) if is_based else 0)
            return value + (index(state) if is_preindexed else 0)

        if not extension & 3:
            return _Operand(address=address)
        outer = self._sized_displacement(extension)
        is_postindexed = extension & 0x44 == 4

        def address_through_memory(state: _State) -> int:
            pointer = address(state)
            state.touch(_LOAD, pointer, 4)
            return state.peek(pointer, 4) + outer + (index(state) if is_postindexed else 0)

        return _Operand(address=address_through_memory)

    def _sized_displacement(self, field: int) -> int:
        """Base or outer displacement: none, a word, a long word."""
        return self._displacement({2: 2, 3: 4}[field & 3]) if field & 2 else 0

    # -- effects -------------------------------------------------------------------------------------------------

    def _writes(self, *names: str) -> None:
        self.implied.update(dict.fromkeys(names))

    def _access(self, operand: _Operand, *accesses: tuple[AccessKind, int, int]) -> None:
        """Touch (direction, offset, size), one after the other, from the operand's address on."""
        self._writes(*operand.updated)
        address = operand.address
        if address is None:
            return

        def effect(state: _State) -> None:
            start = address(state)
            for kind, offset, size in accesses:
                state.touch(kind, start + offset, size)

        self.effects.append(effect)

    def _load(self, operand: _Operand, size: int) -> None:
        self._access(operand, (_LOAD, 0, size))

    def _store(self, operand: _Operand, size: int) -> None:
        if operand.register:
            self._writes(operand.register)
        self._access(operand, (_STORE, 0, size))

    def _modify(self, operand: _Operand, size: int) -> None:
        if operand.register:
            self._writes(operand.register)
        self._access(operand, (_LOAD, 0, size), (_STORE, 0, size))

    def _push(self, size: int = 4) -> None:
        self._store(_predecrement("sp", size), size)

    def _branches(self) -> None:
        self._writes("pc")

    def _two_predecrements(self, size: int, target_size: int) -> None:
        """``-(Ay), -(Ax)``: load one, load and store the other; of another size, store alone."""
        self._load(self._operand_of(4, self._register, size), size)
        target = self._operand_of(4, self._upper, target_size)
        if size == target_size:
            self._modify(target, size)
        else:
            self._store(target, target_size)

    # -- lines: by the first four bits (table 8-1) ----------------------------------------------------------------

    def _line_0(self) -> None:
        """Bit manipulation, MOVEP, immediate."""
        opcode, selector, size_field = self._opcode, self._upper, self._opcode >> 6 & 3
        if opcode & 0x138 == 0x108:
            self._movep()
        elif opcode & 0x100:
            self._bit_operation()
        elif selector == 4:
            self._word()
            self._bit_operation()
        elif size_field == 3:
            if selector >= 5:
                self._compare_and_swap(1 << selector - 5)
            elif selector < 3:  # chk2, cmp2
                self._word()
                size = 1 << selector
                self._access(self._operand(2 * size), (_LOAD, 0, size), (_LOAD, size, size))
            elif self._mode > 1:  # callm of the 68020
                self._word()
                self._operand(4)
        elif selector == 7:  # moves: privileged
            self._word()
            self._operand(_SIZES[size_field])
        else:
            self._immediate_operation(_SIZES[size_field])

    def _immediate_operation(self, size: int) -> None:
        self._take(max(size, 2))
        if self._opcode & 0x3F == 0x3C:  # to ccr, to sr
            return
        operand = self._operand(size)
        if self._upper == 6:  # cmpi
            self._load(operand, size)
        else:
            self._modify(operand, size)

    def _movep(self) -> None:
        """Every other byte."""
        operand = _indirect(ADDRESS[self._register], self._displacement(2))
        is_store, count = self._opcode & 0x80, 4 if self._opcode & 0x40 else 2
        if not is_store:
            self._writes(DATA[self._upper])
        self._access(operand, *((_STORE if is_store else _LOAD, 2 * i, 1) for i in range(count)))

    def _bit_operation(self) -> None:
        operand = self._operand(1)
        if self._opcode >> 6 & 3:  # bchg, bclr, bset
            self._modify(operand, 1)
        else:
            self._load(operand, 1)

    def _compare_and_swap(self, size: int) -> None:
        first = self._word()
        self._writes(DATA[first & 7])
        if self._opcode & 0x3F != 0x3C:
            # QEMU writes the old value back where the comparison fails.
            self._modify(self._operand(size), size)
            return
        pairs = first, self._word()
        self._writes(DATA[pairs[1] & 7])
        mask = (1 << 8 * size) - 1

        def cas2(state: _State) -> None:
            addresses = [state[GENERAL[pair >> 12]] for pair in pairs]
            compared = [state[DATA[pair & 7]] & mask for pair in pairs]
            for address in addresses:
                state.touch(_LOAD, address, size)
            if [state.peek(address, size) for address in addresses] == compared:
                for address in addresses:
                    state.touch(_STORE, address, size)

        self.effects.append(cas2)

    def _line_move(self) -> None:
        size = _MOVE_SIZES[self._opcode >> 12]
        self._load(self._operand(size), size)
        self._store(self._operand_of(self._opcode >> 6 & 7, self._upper, size), size)

    def _line_4(self) -> None:
        """Miscellaneous."""
        opcode, size_field = self._opcode, self._opcode >> 6 & 3
        if opcode & 0x1C0 == 0x1C0:
            if self._mode == 0:  # extb
                self._writes(DATA[self._register])
            else:  # lea
                self._writes(ADDRESS[self._upper])
                self._access(self._operand(4))
        elif opcode & 0x100:  # chk
            size = 2 if opcode & 0x80 else 4
            self._load(self._operand(size), size)
        elif self._upper in (4, 6, 7):
            {4: self._line_48, 6: self._line_4c, 7: self._line_4e}[self._upper](size_field)
        elif size_field < 3:
            size = _SIZES[size_field]
            if self._upper == 5:  # tst
                self._load(self._operand(size), size)
            elif self._upper == 1:  # clr: no load since the 68010
                self._store(self._operand(size), size)
            else:  # negx, neg, not
                self._modify(self._operand(size), size)
        elif self._upper == 5:
            if opcode < 0x4AFA:  # tas; the rest is illegal, some by name
                self._modify(self._operand(1), 1)
        elif self._upper < 2:  # move from sr, from ccr
            self._store(self._operand(2), 2)
        else:  # move to ccr, to sr
            self._load(self._operand(2), 2)

    def _line_48(self, size_field: int) -> None:
        mode, register = self._mode, self._register
        if size_field >= 2:
            if mode == 0:  # ext
                self._writes(DATA[register])
            else:
                self._movem(_STORE)
        elif size_field == 1:
            if mode == 0:  # swap
                self._writes(DATA[register])
            elif mode > 1:  # pea; 1 is bkpt
                self._access(self._operand(4))
                self._push()
        elif mode == 1:
            self._link(4)
        else:  # nbcd
            self._modify(self._operand(1), 1)

    def _line_4c(self, size_field: int) -> None:
        if size_field >= 2:
            self._movem(_LOAD)
            return
        # mulu.l, muls.l; divu.l, divs.l: quotient or low half, remainder or high half.
        extension = self._word()
        self._writes(DATA[extension >> 12 & 7])
        if size_field or extension & 0x400:
            self._writes(DATA[extension & 7])
        self._load(self._operand(4), 4)

    def _line_4e(self, size_field: int) -> None:
        opcode = self._opcode
        if size_field >= 2:
            self._access(self._operand(4))
            self._branches()
            if size_field == 2:  # jsr
                self._push()
        elif size_field == 0:
            return
        elif self._mode in (0, 1):
            if opcode == 0x4E40:
                self.rule = StepRule.SYSTEM_CALL
            elif opcode == 0x4E4F:  # trap #15: Linux raises SIGTRAP
                self.rule = StepRule.BREAKPOINT
        elif self._mode == 2:
            self._link(2)
        elif self._mode == 3:  # unlk
            name = ADDRESS[self._register]
            self._writes("sp", name)
            self._load(_indirect(name), 4)
        elif opcode & ~1 == 0x4E7A or opcode == 0x4E72:  # movec, stop
            self._word()
        elif opcode in (0x4E74, 0x4E75):  # rtd, rts
            self._load(_indirect("sp"), 4)
            self._writes("sp")
            self._branches()
            if opcode == 0x4E74:
                self._word()
        elif opcode == 0x4E77:  # rtr
            self._access(_indirect("sp"), (_LOAD, 0, 2), (_LOAD, 2, 4))
            self._writes("sp")
            self._branches()

    def _link(self, displacement_size: int) -> None:
        self._take(displacement_size)
        self._push()
        self._writes(ADDRESS[self._register])

    def _movem(self, kind: AccessKind) -> None:
        size = 4 if self._opcode & 0x40 else 2
        registers = self._word()
        count = registers.bit_count()
        operand = self._operand(count * size)
        if kind is _LOAD:
            self._writes(*(GENERAL[number] for number in range(16) if registers >> number & 1))
        self._access(operand, *((kind, i * size, size) for i in self._in_turn(count)))

    def _line_5(self) -> None:
        """ADDQ, SUBQ, Scc, DBcc, TRAPcc."""
        size_field = self._opcode >> 6 & 3
        if size_field < 3:
            self._modify(self._operand(_SIZES[size_field]), _SIZES[size_field])
        else:
            self._conditional()

    def _conditional(self) -> None:
        """DBcc, TRAPcc, Scc, and those of the floating-point unit."""
        if self._mode == 1:
            self._word()
            self._writes(DATA[self._register])
            self._branches()
        elif self._mode == 7 and self._register in (2, 3, 4):
            self._take({2: 2, 3: 4, 4: 0}[self._register])
        else:
            self._store(self._operand(1), 1)

    def _line_6(self) -> None:
        """Bcc, BRA, BSR."""
        self._take({0x00: 2, 0xFF: 4}.get(self._opcode & 0xFF, 0))
        self._branches()
        if self._opcode & 0xF00 == 0x100:
            self._push()

    def _line_7(self) -> None:
        self._writes(DATA[self._upper])  # moveq

    def _line_8(self) -> None:
        """OR, DIV, SBCD, PACK, UNPK."""
        selector = self._opcode & 0x1F0
        if selector in (0x140, 0x180):
            self._word()
            if not self._mode & 1:
                self._writes(DATA[self._upper])
            elif selector == 0x140:  # pack: two bytes become one
                self._access(self._operand_of(4, self._register, 2), (_LOAD, 1, 1), (_LOAD, 0, 1))
                self._store(self._operand_of(4, self._upper, 1), 1)
            else:
                self._load(self._operand_of(4, self._register, 1), 1)
                self._access(self._operand_of(4, self._upper, 2), (_STORE, 1, 1), (_STORE, 0, 1))
        else:
            self._decimal_or_logic()

    def _line_c(self) -> None:
        """AND, MUL, ABCD, EXG."""
        match self._opcode & 0x1F8:
            case 0x140:
                self._writes(DATA[self._upper], DATA[self._register])
            case 0x148:
                self._writes(ADDRESS[self._upper], ADDRESS[self._register])
            case 0x188:
                self._writes(DATA[self._upper], ADDRESS[self._register])
            case _:
                self._decimal_or_logic()

    def _decimal_or_logic(self) -> None:
        if self._opcode & 0x1F8 == 0x108:  # sbcd, abcd
            self._two_predecrements(1, 1)
        elif self._opcode & 0x1F8 == 0x100:
            self._writes(DATA[self._upper])
        elif self._opcode & 0xC0 == 0xC0:  # divu, divs, mulu, muls
            self._writes(DATA[self._upper])
            self._load(self._operand(2), 2)
        else:
            self._data_operation()

    def _data_operation(self) -> None:
        """Memory to data register, or the other way round."""
        size = _SIZES[self._opcode >> 6 & 3]
        if self._opcode & 0x100:
            self._modify(self._operand(size), size)
        else:
            self._writes(DATA[self._upper])
            self._load(self._operand(size), size)

    def _line_add(self) -> None:
        """ADD, ADDA, ADDX; SUB, SUBA, SUBX."""
        size_field = self._opcode >> 6 & 3
        if size_field == 3:
            size = 4 if self._opcode & 0x100 else 2
            self._writes(ADDRESS[self._upper])
            self._load(self._operand(size), size)
        elif self._opcode & 0x130 == 0x100:
            if self._mode == 1:
                self._two_predecrements(_SIZES[size_field], _SIZES[size_field])
            else:
                self._writes(DATA[self._upper])
        else:
            self._data_operation()

    def _line_b(self) -> None:
        """CMP, CMPA, CMPM, EOR."""
        size_field = self._opcode >> 6 & 3
        if size_field == 3:
            size = 4 if self._opcode & 0x100 else 2
            self._load(self._operand(size), size)
        elif self._opcode & 0x138 == 0x108:
            size = _SIZES[size_field]
            self._load(self._operand_of(3, self._register, size), size)
            self._load(self._operand_of(3, self._upper, size), size)
        elif self._opcode & 0x100:
            self._modify(self._operand(_SIZES[size_field]), _SIZES[size_field])
        else:
            self._load(self._operand(_SIZES[size_field]), _SIZES[size_field])

    def _line_e(self) -> None:
        """Shifts, rotates, bit fields."""
        if self._opcode & 0xC0 != 0xC0:
            self._writes(DATA[self._register])
        elif self._opcode & 0x800:
            self._bit_field()
        else:
            self._modify(self._operand(2), 2)

    def _bit_field(self) -> None:
        extension, operation = self._word(), self._opcode >> 8 & 7
        operand = self._operand(1)
        if operation in _BIT_FIELD_LOADS:
            if operation:
                self._writes(DATA[extension >> 12 & 7])
        elif operand.register:
            self._writes(operand.register)
        address = operand.address
        if address is None:
            return
        kinds = (_LOAD,) if operation in _BIT_FIELD_LOADS else _MODIFY

        def effect(state: _State) -> None:
            offset, width = extension >> 6 & 31, extension & 31
            if extension & 0x800:
                offset = sign_extended(state[DATA[offset & 7]], 32)
            if extension & 0x20:
                width = state[DATA[width & 7]]
            start, size = _bytes_of_bit_field(address(state), offset, (width - 1 & 31) + 1)
            for kind in kinds:
                state.touch(kind, start, size)

        self.effects.append(effect)

    def _line_f(self) -> None:
        """Coprocessors; MOVE16."""
        opcode = self._opcode
        if opcode & 0xFFC0 == 0xF600:
            self._move16()
        elif opcode >> 9 & 7 == 1:
            match opcode >> 6 & 7:
                case 0:
                    self._float_operation()
                case 1:
                    self._word()
                    self._writes("fpstatus")
                    self._conditional()
                case 2 | 3:
                    self._writes("fpstatus")
                    self._take(2 if opcode & 0x40 == 0 else 4)
                    self._branches()
                case 4 | 5:  # fsave, frestore: privileged
                    self._operand(4)

    def _move16(self) -> None:
        """A line of 16 bytes, aligned, whatever the address says."""
        name = ADDRESS[self._register]
        form = self._opcode >> 3 & 7
        pair = [_postincrement(name, 16) if form < 2 else _indirect(name)]
        if form == 4:
            other = ADDRESS[self._word() >> 12 & 7]
            pair = [_postincrement(name, 16), _postincrement(other, 16)]
        elif form < 4:
            pair.insert(0 if form & 1 else 1, _fixed(self._take(4)))
        else:
            return
        self._writes(*pair[0].updated, *pair[1].updated)
        addresses = [operand.address for operand in pair]

        def effect(state: _State) -> None:
            for kind, address in zip(_MODIFY, addresses, strict=True):
                assert address is not None
                start = address(state) & ~15
                state.touch(kind, start, 8)
                state.touch(kind, start + 8, 8)

        self.effects.append(effect)

    def _float_operation(self) -> None:
        extension = self._word()
        source, target, operation = extension >> 10 & 7, FLOATS[extension >> 7 & 7], extension & 0x7F
        match extension >> 13:
            case 0:
                self._float_result(operation, target)
                self._writes(FLOATS[source])
            case 2 if source == 7:  # fmovecr
                self._writes(target, *FLOAT_CONTROL)
            case 2:
                self._float_result(operation, target)
                self._load_or_store_float(_LOAD, _FLOAT_SIZES[source])
            case 3:
                self._writes(target, *FLOAT_CONTROL)
                self._load_or_store_float(_STORE, _FLOAT_SIZES[source])
            case 4 | 5:
                self._float_control(source, _LOAD if extension >> 13 == 4 else _STORE)
            case 6 | 7:
                self._fmovem(extension, _LOAD if extension >> 13 == 6 else _STORE)

    def _float_result(self, operation: int, target: str) -> None:
        """What an operation writes, and the target register, which most of them read."""
        self._writes(target, *FLOAT_CONTROL)
        if operation & 0x78 == 0x30:  # fsincos: the cosine
            self._writes(FLOATS[operation & 7])

    def _load_or_store_float(self, kind: AccessKind, size: int) -> None:
        operand = self._operand(size)
        if kind is _STORE and operand.register:
            self._writes(operand.register)
        # QEMU loads and stores an extended number as its first four bytes and its last eight.
        parts = ((0, 4), (4, 8)) if size == 12 else ((0, size),)
        self._access(operand, *((kind, offset, part) for offset, part in parts))

    def _float_control(self, registers: int, kind: AccessKind) -> None:
        """FMOVE, FMOVEM of control registers; none selected means the last one."""
        count = max(registers.bit_count(), 1)
        operand = self._operand(4 * count)
        if kind is _STORE and operand.register:
            self._writes(operand.register)
        self._writes(*(name for bit, name in zip((4, 2, 1), FLOAT_CONTROL, strict=True) if registers & bit))
        self._access(operand, *((kind, 4 * i, 4) for i in self._in_turn(count)))

    @property
    def _is_predecrement(self) -> bool:
        return self._mode == 4

    def _in_turn(self, count: int) -> range:
        """The places of several registers in memory, in turn: with a predecrement from the highest one down."""
        return range(count - 1, -1, -1) if self._is_predecrement else range(count)

    def _fmovem(self, extension: int, kind: AccessKind) -> None:
        """FMOVEM of data registers; the list is in the instruction or in a data register."""
        if extension & 0x800:
            self._fmovem_by(DATA[extension >> 4 & 7], kind)
            return
        registers = extension & 0xFF
        # Bit 7 is fp0, with a predecrement fp7.
        self._writes(*(FLOATS[i] for i in range(8) if registers >> (i if self._is_predecrement else 7 - i) & 1))
        count = registers.bit_count()
        operand, order = self._operand(12 * count), self._in_turn(count)
        self._access(operand, *((kind, 12 * i + offset, size) for i in order for offset, size in ((0, 4), (4, 8))))

    def _fmovem_by(self, name: str, kind: AccessKind) -> None:
        self._writes(*FLOATS)
        operand = self._operand(0)
        self._writes(*operand.updated)
        address = operand.address
        if address is None:
            return

        def effect(state: _State) -> None:
            count = (state[name] & 0xFF).bit_count()
            start = address(state) - (12 * count if self._is_predecrement else 0)
            for i in self._in_turn(count):
                state.touch(kind, start + 12 * i, 4)
                state.touch(kind, start + 12 * i + 4, 8)

        self.effects.append(effect)

    def _line_a(self) -> None:
        """Unassigned."""


_LINES: tuple[Callable[[_Decoder], None], ...] = (
    _Decoder._line_0,
    _Decoder._line_move,
    _Decoder._line_move,
    _Decoder._line_move,
    _Decoder._line_4,
    _Decoder._line_5,
    _Decoder._line_6,
    _Decoder._line_7,
    _Decoder._line_8,
    _Decoder._line_add,
    _Decoder._line_a,
    _Decoder._line_b,
    _Decoder._line_c,
    _Decoder._line_add,
    _Decoder._line_e,
    _Decoder._line_f,
)


class _ColdFireDecoder(_Decoder):
    """What ColdFire has instead, in ISA_A+ with EMAC (ColdFire Family Programmer's Reference Manual, CFPRM)."""

    spans_known = True

    def _decode(self) -> None:
        opcode = self._opcode
        if opcode >> 12 == 0xA:
            self._line_mac()
        elif opcode & 0xF9F8 == 0x00C0 and opcode < 0x06C0:  # bitrev, byterev, ff1
            self._writes(DATA[self._register])
        elif opcode == 0x40E7:  # strldsr
            self._take(4)
            self._push()
        elif opcode == 0x4E73:  # rte
            self._access(_indirect("sp"), (_LOAD, 0, 4), (_LOAD, 4, 4))
            self._writes("sp", "ps")
            self._branches()
        elif opcode == 0x4E72 or opcode == 0x4AC8:  # stop, halt
            self.rule = StepRule.HALT
            if opcode == 0x4E72:
                self._word()
        elif opcode & 0xFF00 == 0xFB00:  # wddata, wdebug
            if opcode & 0xC0 == 0xC0:
                self._word()
                self._access(_indirect(ADDRESS[self._register]), (_LOAD, 0, 4), (_LOAD, 4, 4))
            else:
                size = _SIZES.get(opcode >> 6 & 3, 2)
                self._load(self._operand(size), size)
        else:
            super()._decode()

    def _line_mac(self) -> None:
        """Multiply and accumulate, whose registers the stub does not show."""
        opcode = self._opcode
        if opcode & 0x1C0 == 0x140:  # unassigned
            return
        if not opcode & 0x100:
            if (opcode & 0x80 and not opcode & 0x30) or opcode & 0x1B0 == 0x180:  # from an accumulator
                self._writes(GENERAL[opcode & 15])
            else:
                self._accumulate()
        elif opcode & 0x80:  # from a status or mask register, or to the condition codes
            self._writes(GENERAL[opcode & 15])
        elif opcode & 0x1FC != 0x110:  # to an accumulator
            self._load(self._operand(4), 4)

    def _accumulate(self) -> None:
        extension = self._word()
        if self._opcode & 0x30:
            # The address is masked with a register that the stub does not show, if the instruction says so.
            self.spans_known = not extension & 0x20
            operand = self._operand(4)
            number = self._upper | self._opcode >> 3 & 8
            self._writes(GENERAL[number])
            self._load(operand, 4)


def _bytes_of_bit_field(address: int, offset: int, width: int) -> tuple[int, int]:
    """The bytes that QEMU touches for a bit field: a power of two of them (``bf_prep`` in op_helper.c)."""
    start, bit = address + (offset >> 3), offset & 7
    count = (bit + width + 7) // 8
    if count == 3:
        return start & ~1 if start & 1 else start, 4
    if count == 5:
        return start & ~3, 8
    return start, count


def _size_of(data: bytes) -> int:
    return _Decoder(data, 0).size


def _size_of_coldfire(data: bytes) -> int:
    return _ColdFireDecoder(data, 0).size


def _behaviour_of(disassembled: Disassembled) -> Behaviour:
    return _behaviour_of_decoded(_Decoder(disassembled.data, disassembled.address))


def _behaviour_of_coldfire(disassembled: Disassembled) -> Behaviour:
    decoded = _ColdFireDecoder(disassembled.data, disassembled.address)
    return replace(_behaviour_of_decoded(decoded), spans_known=decoded.spans_known)


def _behaviour_of_decoded(decoded: _Decoder) -> Behaviour:
    effects = tuple(decoded.effects)

    def spans(registers: Registers) -> list[Span]:
        state = _State(registers)
        for effect in effects:
            effect(state)
        return state.spans

    return Behaviour(
        decoded.rule,
        spans if effects else None,
        tuple(decoded.implied),
        always_traps=decoded.rule is StepRule.BREAKPOINT,
    )


# --- Architecture ---------------------------------------------------------------------------------

M68K = Arch(
    name="m68k",
    bits=32,
    byte_order="big",
    elf=ElfIdentity("EM_68K", 32, "big"),
    frame_architecture=2,
    frame_machine=6,  # 68040, QEMU's choice for a program that does not ask for another one
    pc="pc",
    sp="sp",
    registers=(
        *(Register(name, 32) for name in GENERAL),
        Register("ps", 32, Group.STATUS),
        Register("pc", 32, Group.CONTROL),
        *(Register(name, 96, Group.FLOAT) for name in FLOATS),
        *(Register(name, 32, Group.FLOAT) for name in FLOAT_CONTROL),
    ),
    modes=(
        Mode(
            None,
            capstone.CS_ARCH_M68K,
            capstone.CS_MODE_BIG_ENDIAN | capstone.CS_MODE_M68K_040,
            tuple(range(2, 24, 2)),
            size_of=_size_of,
        ),
    ),
    branch_of=branches.M68K,
    undefined=undefined.M68K,
    behaviour_of=_behaviour_of,
    system_calls=SystemCalls(
        number="d0",
        result="d0",
        arguments=("d1", "d2", "d3", "d4", "d5", "a0"),
        names={**I386_CALLS, 222: "tkill", 265: "tgkill", 298: "readlinkat", 352: "getrandom", 355: "execveat"},
    ),
    moves=lambda disassembled: disassembled.mnemonic in ("move.b", "move.w", "move.l"),
    aliases={
        "a6": ("fp",),
        "a7": ("sp",),
        "sr": ("ps",),
        "ccr": ("ps",),
        "fpcr": ("fpcontrol",),
        "fpsr": ("fpstatus",),
        "fpiar": ("fpiaddr",),
        "invalid": (),
    },
    gdb_architecture="m68k:68040",
)

COLDFIRE = replace(
    M68K,
    name="coldfire",
    frame_machine=16,  # ISA_A+ with EMAC, that of the MCF5208
    modes=(replace(M68K.modes[0], size_of=_size_of_coldfire),),
    behaviour_of=_behaviour_of_coldfire,
    gdb_architecture="m68k:isa-aplus:emac",
    unknown_operands="EMAC loads through the mask register",
    system=COLDFIRE_SYSTEM,
)
"""ColdFire without ISA_B and floating point, which only firmware is for."""
