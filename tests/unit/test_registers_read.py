"""What instructions read, where capstone does not say all of it; the bytes are what gas makes of the text."""

from __future__ import annotations

import pytest

from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.registers_read import RegistersRead
from gdbtrace.arch.registry import ARCHITECTURES

ALWAYS = {"NF", "ZF", "CF", "VF", "pc"}


@pytest.mark.parametrize(
    ("word", "text", "read"),
    [
        (0x7100041F, "cmp w0, #1", {"x0"}),
        (0xF2401C7F, "tst x3, #0xff", {"x3"}),
        (0xAB02003F, "cmn x1, x2", {"x1", "x2"}),
        (0x88E0FC41, "casal w0, w1, [x2]", {"x0", "x1", "x2"}),
        (0xF8208041, "swp x0, x1, [x2]", {"x0", "x1", "x2"}),
        (0xB8E313E4, "ldclral w3, w4, [sp]", {"x3", "x4", "sp"}),
        (0xF825005F, "stadd x5, [x2]", {"x5", "x2"}),
        (0x4E212820, "xtn2 v0.16b, v1.8h", {"v0", "v1"}),
        (0xD50B7423, "dc zva, x3", {"x3"}),
        (0xD65F03C0, "ret", {"x30"}),
        (0xAA0103E0, "mov x0, x1", {"x1"}),
        (0xF9400020, "ldr x0, [x1]", {"x1"}),
    ],
)
def test_aarch64(word: int, text: str, read: set[str]) -> None:
    arch = ARCHITECTURES["aarch64"]
    disassembly = Disassembly(arch)
    key = 0x400000, word.to_bytes(4, "little"), None
    assert disassembly.at(*key).text == text
    assert RegistersRead(arch, disassembly).of(key) - ALWAYS == read
