"""x86: the size of an instruction by its encoding alone, against capstone's where that has one."""

from __future__ import annotations

from typing import Literal

import capstone
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gdbtrace.arch.x86_length import LONGEST, encoding_of, size_of

ENGINES: dict[Literal[32, 64], capstone.Cs] = {
    32: capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32),
    64: capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64),
}
BRANCHES = frozenset(range(0x80, 0x90))

prefixes = st.lists(st.sampled_from(b"\x66\x67\xf2\xf3\x2e\x64\xf0"), max_size=2).map(bytes)
rex = st.sampled_from([b"", b"", b"\x40", b"\x41", b"\x48", b"\x4f"])
three_byte_vex = st.sampled_from([bytes((0xC4, bits << 5 | number)) for bits in range(8) for number in (1, 2, 3)])
opcode_maps = st.sampled_from([b"", b"", b"\x0f", b"\x0f\x38", b"\x0f\x3a", b"\xc5", b"\x62"]) | three_byte_vex
codes = st.builds(
    lambda *parts: b"".join(parts)[: LONGEST + 1],
    *(prefixes, rex, opcode_maps, st.binary(min_size=LONGEST + 1, max_size=LONGEST + 1)),
)


@given(codes, st.sampled_from([32, 64]))
def test_size_is_that_of_capstone(data: bytes, bits: Literal[32, 64]) -> None:
    found = next(ENGINES[bits].disasm_lite(data, 0, 1), None)
    assume(found is not None and not _is_contested(data, bits))
    assert found is not None
    assert size_of(data, bits) == found[1]


def _is_contested(data: bytes, bits: Literal[32, 64]) -> bool:
    """Where the makers of processors differ, or capstone is wrong."""
    encoding = encoding_of(data, bits)
    if encoding.opcode_map == 1:
        # ud0 and ud1 (with a ModRM byte or without, never executed), vmread with a prefix (insertq of AMD)
        if encoding.opcode in (0xFF, 0xB9, 0x78):
            return True
        is_near = encoding.opcode in BRANCHES
    else:
        is_near = encoding.opcode_map == 0 and encoding.opcode in (0xE8, 0xE9, 0xC2)
    # AMD and QEMU take the operand-size prefix of a near branch for 16 bits, Intel ignores it.
    return bits == 64 and is_near and 0x66 in encoding.prefixes


@pytest.mark.parametrize(
    ("bits", "code", "size"),
    [
        pytest.param(64, "dcd1", 2, id="fcom2"),
        pytest.param(64, "dfd9", 2, id="fstp9"),
        pytest.param(64, "d9d9", 2, id="fstp1"),
        pytest.param(64, "0f0f4104ae", 5, id="3DNow! with a displacement, the opcode last"),
        pytest.param(64, "660f78c00405", 6, id="extrq with two immediates"),
        pytest.param(64, "48b80102030405060708", 10, id="mov of 64 bits"),
        pytest.param(64, "a10102030405060708", 9, id="mov from an absolute address"),
        pytest.param(64, "67a101020304", 6, id="the same with a short one"),
        pytest.param(32, "678b0601 02", 5, id="16-bit address without registers"),
        pytest.param(32, "67c78788 10 01000000", 9, id="16-bit address with a displacement of a word"),
        pytest.param(32, "c8080001", 4, id="enter"),
        pytest.param(32, "9a010203042300", 7, id="far call"),
        pytest.param(32, "669a01022300", 6, id="far call, 16-bit offset"),
        pytest.param(32, "c534 24", 3, id="lds, not VEX"),
        pytest.param(32, "6200", 2, id="bound, not EVEX"),
        pytest.param(64, "62f17c48 10442401", 8, id="EVEX"),
        pytest.param(64, "8fe97880c1", 5, id="XOP"),
        pytest.param(64, "8f00", 2, id="pop, not XOP"),
        pytest.param(64, "0f20 00", 3, id="mov of a control register has no memory operand"),
        pytest.param(64, "66" * 20, LONGEST, id="prefixes only"),
        pytest.param(64, "e801", 2, id="cut short"),
    ],
)
def test_size_of_one(bits: Literal[32, 64], code: str, size: int) -> None:
    data = bytes.fromhex(code)
    # What follows does not count.
    assert size_of(data if len(data) <= size else data + bytes(8), bits) == size


@given(st.binary(min_size=1, max_size=20), st.sampled_from([32, 64]))
def test_size_is_never_nothing_and_never_too_much(data: bytes, bits: Literal[32, 64]) -> None:
    assert 1 <= size_of(data, bits) <= min(LONGEST, len(data))
