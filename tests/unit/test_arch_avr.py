"""AVR: what an instruction touches, skips and writes, and its interrupts (encodings from GNU as)."""

from __future__ import annotations

import pytest

from gdbtrace.arch.avr import AVR, AVR6, LAYOUT
from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AccessKind, Arch, Behaviour, StepRule, Taken
from gdbtrace.arch.system.avr import AVR_SYSTEM
from gdbtrace.stub.description import NumberedRegister, layout_of

L, S = AccessKind.LOAD, AccessKind.STORE


class Values(dict[str, int]):
    """Registers at one stop, and a return address on the stack."""

    instruction = b""

    def anew(self, name: str, /) -> int:
        return self[name]

    def read_memory(self, address: int, size: int, /) -> bytes:
        return {(0x8008FE, 2): b"\x00\x80"}[address, size]


def values(**others: int) -> Values:
    pointers = {"r26": 0x34, "r27": 0x02, "r28": 0x40, "r29": 0x03, "r30": 0x50, "r31": 0x04, "sp": 0x8FF}
    ramps = dict.fromkeys(("rampD", "rampX", "rampY", "rampZ"), 0x010000)
    return Values({name: 0 for name, _ in LAYOUT} | pointers | ramps | others)


def behaviour(code: str, arch: Arch = AVR) -> Behaviour:
    data = bytes.fromhex(code)
    disassembled = disassemble(data + b"\0\0", 0x100, arch.modes[0])
    assert disassembled.data == data
    return arch.behaviour_of(disassembled)


def spans(code: str, arch: Arch = AVR, **registers: int) -> list[tuple[AccessKind, int, int]]:
    function = behaviour(code, arch).spans
    return [tuple(span) for span in function(values(**registers))] if function else []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("0c90", [(L, 0x800234, 1)]),  # ld r0, X
        ("0d92", [(S, 0x800234, 1)]),  # st X+, r0
        ("0e90", [(L, 0x800233, 1)]),  # ld r0, -X
        ("0990", [(L, 0x800340, 1)]),  # ld r0, Y+
        ("0292", [(S, 0x80044F, 1)]),  # st -Z, r0
        ("8980", [(L, 0x800341, 1)]),  # ldd r8, Y+1
        ("f7ae", [(S, 0x80048F, 1)]),  # std Z+63, r15
        ("0091 1c02", [(L, 0x80021C, 1)]),  # lds r16, 0x21c
        ("0093 c100", [(S, 0x8000C1, 1)]),  # sts 0xc1, r16
        ("0f93", [(S, 0x8008FF, 1)]),  # push
        ("0f91", [(L, 0x800900, 1)]),  # pop
        ("0e94 8000", [(S, 0x8008FE, 2)]),  # call
        ("01d0", [(S, 0x8008FE, 2)]),  # rcall
        ("0995", [(S, 0x8008FE, 2)]),  # icall
        ("0895", [(L, 0x800900, 2)]),  # ret
        ("1895", [(L, 0x800900, 2)]),  # reti
        ("c895", [(L, 0x450, 1)]),  # lpm: of code
        ("0590", [(L, 0x450, 1)]),  # lpm r0, Z+
        ("0ab3", [(L, 0x80003A, 1)]),  # in r16, 0x1a
        ("0aba", [(S, 0x80003A, 1)]),  # out 0x1a, r0
        ("f09a", [(L, 0x80003E, 1), (S, 0x80003E, 1)]),  # sbi 0x1e, 0
        ("f099", [(L, 0x80003E, 1)]),  # sbic 0x1e, 0
        ("debf", []),  # out 0x3e, r29: the stack pointer
        ("0091 0500", []),  # lds r16, 5: a register
        ("0091 5f00", []),  # lds r16, 0x5f: the status register
        ("0c94 8000", []),  # jmp
    ],
)
def test_memory_operands(code: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert spans(code) == expected


def test_a_register_is_no_memory_through_a_pointer_either() -> None:
    assert spans("0c90", r26=5, r27=0) == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("0c90", [(L, 0x810234, 1)]),  # ld r0, X
        ("0091 1c02", [(L, 0x81021C, 1)]),  # lds r16, 0x21c
        ("0e94 8000", [(S, 0x8008FF, 1), (S, 0x8008FD, 2)]),  # call
        ("0895", [(L, 0x800900, 2), (L, 0x800902, 1)]),  # ret
        ("d895", [(L, 0x010450, 1)]),  # elpm
        ("c895", [(L, 0x450, 1)]),  # lpm
    ],
)
def test_larger_cores(code: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert spans(code, AVR6) == expected


@pytest.mark.parametrize(
    ("code", "registers", "skips"),
    [
        ("0412", {"r0": 7, "r20": 7}, True),  # cpse r0, r20
        ("0412", {"r0": 7, "r20": 8}, False),
        ("04fd", {"r16": 0x10}, False),  # sbrc r16, 4
        ("04fd", {"r16": 0xEF}, True),
        ("04ff", {"r16": 0x10}, True),  # sbrs r16, 4
        ("f099", {"skip": 1}, True),  # sbic 0x1e, 0: QEMU knows
        ("f09b", {"skip": 0}, False),  # sbis 0x1e, 0
    ],
)
def test_skips(code: str, registers: dict[str, int], skips: bool) -> None:
    found = behaviour(code)
    assert found.rule is StepRule.NULLIFYING
    assert found.nullifies is not None
    assert found.nullifies(values(**registers)) is skips


def test_what_is_written() -> None:
    assert behaviour("0dbf").implied == ("sp",)  # out 0x3d, r16
    assert behaviour("0093 0500").implied == ("r5",)  # sts 5, r16
    assert behaviour("0d91").implied == ("r16", "r26", "r27")  # ld r16, X+
    assert behaviour("2a9d").implied == ("r0", "r1")  # mul
    assert behaviour("0bbf").is_system  # out 0x3b, r16: RAMPZ


def step(code: str, before: Values, **after: int) -> Taken | None:
    before.instruction = bytes.fromhex(code)
    return AVR_SYSTEM.taken(before, Values({**before, **after}))


def test_interrupts_are_numbered_by_vector() -> None:
    before = values(pc=0x100, sreg=0x82)
    assert step("0000", before, pc=44, sreg=0x02, sp=0x8FD) == Taken(11, is_interrupt=True)
    assert step("0000", before, pc=0x102) is None
    # A call of a vector leaves the flag on, and clearing it goes on.
    assert step("0e941600", before, pc=44, sp=0x8FD) is None
    assert step("f894", before, pc=0x102, sreg=0x02) is None


def test_what_a_wait_returns_to_is_on_the_stack() -> None:
    taken = step("8895", values(pc=0x100, sreg=0x80), pc=44, sreg=0, sp=0x8FD)
    assert taken == Taken(11, is_interrupt=True, returns_to=0x100)


def test_the_description_is_not_believed() -> None:
    described = [NumberedRegister(name, 8, number) for number, (name, _) in enumerate(LAYOUT)]
    layout = layout_of(described, LAYOUT, 39, "little")
    assert (layout.core["sp"], layout.core["pc"]) == ((33, 35), (35, 39))
