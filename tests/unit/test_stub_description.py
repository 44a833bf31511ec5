from __future__ import annotations

import pytest

from gdbtrace.errors import ProtocolError
from gdbtrace.stub.description import NumberedRegister, RegisterState, layout_of, parse_description

ANNEXES = {
    # As QEMU sends it: the prefix of xi:include is not declared.
    "target.xml": b'<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target>'
    b'<architecture>arm</architecture><xi:include href="core.xml"/><xi:include href="fp.xml"/></target>',
    "core.xml": b'<!DOCTYPE feature SYSTEM "gdb-target.dtd"><!-- a comment --><feature name="core">'
    b'<reg name="r0" bitsize="32"/><reg name="r1" bitsize="32"/><reg name="cpsr" bitsize="32" regnum="25"/></feature>',
    "fp.xml": b'<feature name="fp"><reg name="d0" bitsize="64"/><reg name="d0" bitsize="64"/>'
    b'<reg name="fpscr" bitsize="32"/></feature>',
}


def test_registers_are_numbered_on_across_features() -> None:
    assert parse_description(ANNEXES.__getitem__) == [
        NumberedRegister("r0", 32, 0),
        NumberedRegister("r1", 32, 1),
        NumberedRegister("cpsr", 32, 25),
        NumberedRegister("d0", 64, 26),
        NumberedRegister("d0", 64, 27),
        NumberedRegister("fpscr", 32, 28),
    ]


def test_layout_takes_as_many_registers_as_g_is_long_and_the_first_of_a_name() -> None:
    layout = layout_of(parse_description(ANNEXES.__getitem__), (), 12, "big")
    assert layout.core == {"r0": (0, 4), "r1": (4, 8), "cpsr": (8, 12)}
    assert layout.fetched == {"d0": (26, 8), "fpscr": (28, 4)}
    assert (layout.bits_of("d0"), layout.bits_of("r1"), layout.bits_of("none")) == (64, 32, 0)


def test_layout_without_description_is_the_built_in_one() -> None:
    layout = layout_of([], [("a", 32), ("b", 64)], 12, "little")
    assert (layout.core, layout.fetched) == ({"a": (0, 4), "b": (4, 12)}, {})
    assert RegisterState(layout, bytes(range(12)))["b"] == 0x0B0A090807060504


@pytest.mark.parametrize("core_bytes", [6, 100])
def test_g_of_another_length_is_an_error(core_bytes: int) -> None:
    with pytest.raises(ProtocolError, match="bytes"):
        layout_of([], [("a", 32), ("b", 32)], core_bytes, "big")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<target>",
        b'<feature name="x"><reg name="r0"/></feature>',
        b'<feature name="x"><reg name="r0" bitsize="7"/></feature>',
        b'<feature name="x"><reg name="r0" bitsize="99999999"/></feature>',
        b'<!DOCTYPE a [<!ENTITY x "y">]><feature name="x"/>',
    ],
)
def test_bad_description_is_an_error(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_description(lambda annex: text)


def test_description_that_includes_itself_ends() -> None:
    text = b'<target><include href="target.xml"/></target>'
    assert parse_description(lambda annex: text) == []


def test_numbers_that_the_first_feature_does_not_use_are_kept_for_it() -> None:
    # PowerPC without an FPU: fpscr's number, 70, stays free.
    annexes = {
        "target.xml": b"<target><feature name='core'><reg name='xer' bitsize='32' regnum='69'/></feature>"
        b"<feature name='spr'><reg name='decr' bitsize='32'/><reg name='pvr' bitsize='32'/></feature></target>"
    }
    assert [(register.name, register.number) for register in parse_description(annexes.__getitem__, 71)] == [
        *(("xer", 69), ("decr", 71), ("pvr", 72))
    ]
