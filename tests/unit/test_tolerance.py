"""Masks: as users write them, and what they then say of registers, memory and instructions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.analysis.disassembly import Disassembly, Instruction
from gdbtrace.analysis.reading import AddressRange
from gdbtrace.analysis.tolerance import STRICT, WHOLE, Masks, Tolerance
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.errors import UsageError

X86_64 = ARCHITECTURES["x86_64"]
CF, PF, AF, ZF, SF, OF = 1, 4, 0x10, 0x40, 0x80, 0x800


def masks(*registers: str, memory: tuple[str, ...] = (), instructions: tuple[str, ...] = ()) -> Masks:
    return Masks(Tolerance.parse(registers, memory, instructions), X86_64)


def x86(code: str) -> Instruction:
    return Disassembly(X86_64).at(0x1000, bytes.fromhex(code), "x86:64")


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("rax", WHOLE),
        ("rax:7", 0x80),
        ("rax:3-0", 0xF),
        ("rax:0-3", 0xF),
        ("rax:31-28,5", 0xF000_0020),
        ("rax:0x8d5", 0x8D5),
        ("rax: 4 , 0 ", 0x11),
        ("r*:1", 2),
    ],
)
def test_bits_of_a_register(text: str, bits: int) -> None:
    assert masks(text).bits_of("rax") == bits
    assert masks(text).bits_of("xmm0") == 0


def test_masks_of_a_register_add_up() -> None:
    found = masks("rflags:4", "rflags:0-1", "rflag?:11")
    assert found.bits_of("rflags") == AF | 3 | OF
    assert masks("xmm*", "xmm1:3").bits_of("xmm1") == WHOLE


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "mask of registers '': must be NAME or NAME:BITS, such as 'x3', 'xmm*' or 'rflags:4'"),
        (":3", "mask of registers ':3': must be NAME or NAME:BITS, such as 'x3', 'xmm*' or 'rflags:4'"),
        ("rax:", "mask of registers 'rax:': must be NAME or NAME:BITS, such as 'x3', 'xmm*' or 'rflags:4'"),
        ("rax:high", "mask of registers 'rax:high': bits must be such as '7', '3-0', '31-28,5' or '0x8d5'"),
        ("rax:1,,2", "mask of registers 'rax:1,,2': bits must be such as '7', '3-0', '31-28,5' or '0x8d5'"),
        ("rax:0x0", "mask of registers 'rax:0x0': no bit of it is set"),
        ("rax:99999999", "mask of registers 'rax:99999999': no register has a bit 99999999"),
        ("rax:" + "9" * 5000, None),
        ("rax:0x1" + "0" * 20000, None),
    ],
)
def test_a_mask_of_registers_that_is_none(text: str, complaint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        Tolerance.parse([text])
    assert complaint is None or str(caught.value) == complaint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0x1000-0x1fff", (0x1000, 0x1FFF)),
        ("0x1000", (0x1000, 0x1000)),
        ("4096-4097", (4096, 4097)),
        ("010", (10, 10)),
        (" 0X10-0x10 ", (16, 16)),
    ],
)
def test_memory(text: str, expected: tuple[int, int]) -> None:
    assert Tolerance.parse(memory=[text]).memory == (AddressRange(*expected),)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("main", "mask of memory 'main': must be LOW-HIGH or an address, such as '0x4000-0x4fff'"),
        ("0x2000-0x1fff", "mask of memory '0x2000-0x1fff': ends before it begins"),
        (
            "0x" + "f" * 17,
            "mask of memory '0x" + "f" * 17 + "': must be LOW-HIGH or an address, such as '0x4000-0x4fff'",
        ),
    ],
)
def test_a_mask_of_memory_that_is_none(text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        Tolerance.parse(memory=[text])
    assert str(caught.value) == complaint


def test_an_empty_mask_of_instructions() -> None:
    with pytest.raises(UsageError, match="an empty mask of instructions masks none"):
        Tolerance.parse(instructions=[" "])


RANGES = st.lists(st.tuples(st.integers(0, 90), st.integers(0, 30)), max_size=8)


@given(RANGES, st.integers(0, 100), st.integers(1, 40))
def test_masked_bytes_are_those_in_a_range(ranges: list[tuple[int, int]], address: int, size: int) -> None:
    found = masks(memory=tuple(f"{low}-{low + more}" for low, more in ranges))
    expected = {at for low, more in ranges for at in range(low, low + more + 1)}
    bits = found.masked_bytes(address, size)
    assert [bool(bits >> offset & 1) for offset in range(size)] == [address + at in expected for at in range(size)]
    assert bits >> size == 0
    assert found.has_memory == bool(ranges)


@pytest.mark.parametrize(
    ("glob", "is_masked"),
    [("add", True), ("add rax, *", True), ("add *, rbx", False), ("ad", False), ("*", True), ("ADD", False)],
)
def test_instructions_are_masked_by_mnemonic_or_text(glob: str, is_masked: bool) -> None:
    add = x86("4801c8")
    assert add.text == "add rax, rcx"
    assert masks(instructions=(glob,)).of_instruction(add).is_masked is is_masked


def test_counters_are_not_compared_but_strictly() -> None:
    ppc = ARCHITECTURES["ppc"]
    assert Masks(Tolerance(), ppc).bits_of("tbl") == WHOLE
    assert Masks(Tolerance(), ppc).bits_of("r3") == 0
    assert Masks(STRICT, ppc).bits_of("tbl") == 0


def test_an_unknown_architecture_has_no_tables() -> None:
    found = Masks(Tolerance.parse(["r1"], instructions=["rdtsc"]), None)
    assert found.bits_of("r1") == WHOLE
    assert found.bits_of("tbl") == 0
    assert found.of_instruction(x86("0f31")).is_masked
    assert not found.of_instruction(x86("0fc7f0")).is_masked


@pytest.mark.parametrize(
    ("code", "text", "register", "bits"),
    [
        # SDM volume 1, appendix A.1
        ("31c0", "xor eax, eax", "rflags", AF),
        ("f00908", "lock or dword ptr [rax], ecx", "rflags", AF),
        ("01c8", "add eax, ecx", "rflags", 0),
        ("480faff0", "imul rsi, rax", "rflags", SF | ZF | AF | PF),
        ("f7f1", "div ecx", "rflags", OF | SF | ZF | AF | PF | CF),
        ("d1e0", "shl eax, 1", "rflags", AF),
        ("c1e003", "shl eax, 3", "rflags", AF | OF),
        ("d3f8", "sar eax, cl", "rflags", AF | OF),
        ("48d1c8", "ror rax, 1", "rflags", 0),
        ("c1c00b", "rol eax, 0xb", "rflags", OF),
        ("0fbcc1", "bsf eax, ecx", "rflags", OF | SF | AF | PF | CF),
        ("f30fb8c1", "popcnt eax, ecx", "rflags", 0),
        ("660fefc0", "pxor xmm0, xmm0", "rflags", 0),
        # SDM volume 1, table 8-1
        ("d9c1", "fld st(1)", "fstat", 0x4500),
        ("d9e4", "ftst", "fstat", 0),
        ("dfe0", "fnstsw ax", "fstat", 0x4700),
        ("0fae00", "fxsave [rax]", "fstat", 0),
    ],
)
def test_flags_that_x86_leaves_undefined(code: str, text: str, register: str, bits: int) -> None:
    instruction = x86(code)
    assert instruction.text == text
    assert Masks(Tolerance(), X86_64).of_instruction(instruction).undefined.get(register, 0) == bits
    assert not Masks(STRICT, X86_64).of_instruction(instruction).undefined


@pytest.mark.parametrize(
    ("arch", "code", "text", "register", "bits"),
    [
        ("i386", "31c0", "xor eax, eax", "eflags", AF),
        # M68000 Family Programmer's Reference Manual, chapter 4
        ("m68k", "c501", "abcd.b d1, d2", "ps", 8 | 2),
        ("m68k", "04d01000", "cmp2.l (a0), d1", "ps", 8 | 2),
        ("m68k", "4581", "chk.w d1, d2", "ps", 8 | 4 | 2 | 1),
        ("m68k", "d081", "add.l d1, d0", "ps", 0),
        # MIPS32 volume II, MUL
        ("mips", "70a62002", "mul $a0, $a1, $a2", "hi", -1),
        ("mips64el", "0220a670", "mul $a0, $a1, $a2", "lo", -1),
        ("mips", "46041002", "mul.s $f0, $f2, $f4", "hi", 0),
        # Power ISA 3.0B, book I, 3.3.9
        ("ppc64", "7c642bd7", "divw. r3, r4, r5", "crf0", 0b1110),
        ("ppc64", "7c642893", "mulhd. r3, r4, r5", "crf0", 0),
        ("ppc", "7c642bd7", "divw. r3, r4, r5", "crf0", 0),
    ],
)
def test_what_others_leave_undefined(arch: str, code: str, text: str, register: str, bits: int) -> None:
    known = ARCHITECTURES[arch]
    instruction = Disassembly(known).at(0x1000, bytes.fromhex(code), known.modes[0].name)
    assert instruction.text == text
    assert Masks(Tolerance(), known).of_instruction(instruction).undefined.get(register, 0) == bits


def test_undefined_bits_are_of_registers_that_frames_list() -> None:
    for arch in ARCHITECTURES.values():
        names = {register.name for register in arch.registers}
        assert {name for row in arch.undefined for name in row.bits} <= names
