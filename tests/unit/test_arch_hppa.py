"""HPPA: how an instruction is stepped and which memory it touches, by its bytes (encodings from GNU as)."""

from __future__ import annotations

import socket

import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.hppa import HPPA, PSW_NULLIFY
from gdbtrace.arch.model import AccessKind, Behaviour, StepRule
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.packet import framed
from gdbtrace.trace.frames import StdFrame
from tests.exactness.comparison import Line, compare, parse_line
from tests.log_lines import line_of

L, S = AccessKind.LOAD, AccessKind.STORE
BASE = 0x11080


class Values(dict[str, int]):
    """Registers of a guest."""

    memory = b""

    def read_memory(self, address: int, size: int, /) -> bytes:
        return self.memory[address - BASE : address - BASE + size]


def registers(base: int = BASE) -> Values:
    return Values({"r26": base, "sp": base, "r4": base if base != BASE else 6})


def behaviour(code: str) -> Behaviour:
    return HPPA.behaviour_of(disassemble(bytes.fromhex(code), 0x10000, HPPA.modes[0]))


def spans(code: str, values: Values) -> list[tuple[AccessKind, int, int]]:
    function = behaviour(code).spans
    return [(span.kind, span.address - BASE, span.size) for span in function(values)] if function else []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("0f481003", [(L, 4, 1)]),  # ldb 4(%r26), %r3
        ("0f511043", [(L, -8, 2)]),  # ldh -8(%r26), %r3
        ("0fd01080", [(L, 8, 4)]),  # ldw 8(%r30), %r0
        ("4fc33f81", [(L, -64, 4)]),  # ldwm -64(%sp), %r3: modified before
        ("6fc30080", [(S, 0, 4)]),  # stwm %r3, 64(%sp): modified after
        ("6bc23fd9", [(S, -20, 4)]),  # stw %rp, -20(%sp)
        ("0f421023", [(L, 0, 1)]),  # ldb,ma 1(%r26), %r3
        ("0f5d3063", [(L, -2, 2)]),  # ldh,mb -2(%r26), %r3
        ("0f442083", [(L, 24, 4)]),  # ldw,s %r4(%r26), %r3
        ("0f4420a3", [(L, 0, 4)]),  # ldw,sm %r4(%r26), %r3: modified after
        ("0f440043", [(L, 6, 2)]),  # ldh %r4(%r26), %r3
        ("0f431222", [(S, 0, 1)]),  # stb,ma %r3, 1(%r26)
        ("0f4332b9", [(S, -4, 4)]),  # stw,mb %r3, -4(%r26)
        ("0f4011c3", [(L, 0, 4), (S, 0, 4)]),  # ldcw 0(%r26), %r3
        ("5f470802", [(L, 1024, 4)]),  # fldw 1024(%r26), %fr7R
        ("5b470804", [(L, 1024, 4)]),  # fldw,mb 1024(%r26), %fr7L
        ("27442008", [(L, 24, 4)]),  # fldw,s %r4(%r26), %fr8L
        ("2f501029", [(L, 0, 8)]),  # fldd,ma 8(%r26), %fr9
        ("53490402", [(L, 512, 8)]),  # fldd 512(%r26), %fr9
        ("5349040e", [(L, 512, 8)]),  # fldd,mb 512(%r26), %fr9
        ("27481245", [(S, 4, 4)]),  # fstw %fr5R, 4(%r26)
        ("7b450806", [(S, 1024, 4)]),  # fstw,mb %fr5R, 1024(%r26)
        ("73490402", [(S, 512, 8)]),  # fstd %fr9, 512(%r26)
        ("34850020", []),  # ldo 16(%r4), %r5
    ],
)
def test_memory(code: str, expected: list[tuple[AccessKind, int, int]]) -> None:
    assert spans(code, registers()) == expected


@pytest.mark.parametrize(
    ("code", "base", "expected"),
    [
        ("7c830804", BASE, [(S, 1024, 4)]),  # stw,mb %r3, 1024(%r4)
        ("5c833805", BASE, [(L, 0, 4)]),  # ldw,ma -1024(%r4), %r3
    ],
)
def test_other_long_forms_modify_the_other_way_round(
    code: str, base: int, expected: list[tuple[AccessKind, int, int]]
) -> None:
    assert spans(code, Values(r4=base)) == expected


@pytest.mark.parametrize("within", range(4))
def test_store_bytes_reaches_to_an_end_of_the_word(within: int) -> None:
    values = registers(BASE + within)
    assert spans("0f431300", values) == [(S, within, 4 - within)]  # stby,b %r3, 0(%r26)
    assert spans("0f433328", values) == [(S, 0, within)]  # stby,e,m %r3, 4(%r26)


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("08830605", StepRule.PLAIN),  # add %r3, %r4, %r5
        ("08832605", StepRule.NULLIFYING),  # add,= %r3, %r4, %r5
        ("d0830b65", StepRule.PLAIN),  # shrpw %r3, %r4, 4, %r5
        ("d0038b65", StepRule.NULLIFYING),  # shrpw,tr %r3, %r0, 4, %r5
        ("9065b00a", StepRule.NULLIFYING),  # cmpiclr,>> 5, %r3, %r5
        ("30002420", StepRule.NULLIFYING),  # ftest
        ("318e0c04", StepRule.PLAIN),  # fcmp,dbl,= %fr12, %fr14
        ("80833ff5", StepRule.PLAIN),  # cmpb,= %r3, %r4, .
        ("88833ff7", StepRule.NULLIFYING),  # cmpb,<>,n %r3, %r4, .
        ("e840c000", StepRule.PLAIN),  # bv %r0(%rp)
        ("e844c002", StepRule.NULLIFYING),  # bv,n %r4(%rp)
        ("e4008200", StepRule.PLAIN),  # be,l 0x100(%sr2, %r0)
    ],
)
def test_step_rules(code: str, rule: StepRule) -> None:
    assert behaviour(code).rule is rule


def test_processor_status_says_what_is_nullified() -> None:
    nullifies = behaviour("08832605").nullifies
    assert nullifies is not None
    assert (nullifies(Values(flags=PSW_NULLIFY)), nullifies(Values(flags=0xBF00))) == (True, False)


# -- the gateway page ------------------------------------------------------------------------------------------------


def light_weight_spans(**values: int) -> list[tuple[AccessKind, int, int]]:
    function = HPPA.entry_points[0xB0].behaviour.spans
    assert function is not None
    guest = Values({"r23": 0, **values})
    guest.memory = bytes([0, 0, 0, 6, 6, 7, 8, 9])
    return [(span.kind, span.address - BASE, span.size) for span in function(guest)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"r20": 0, "r26": BASE, "r25": 6, "r24": 1}, [(L, 0, 4), (S, 0, 4)]),
        ({"r20": 0, "r26": BASE, "r25": 5, "r24": 1}, [(L, 0, 4)]),
        ({"r20": 0, "r26": BASE + 1, "r25": 5, "r24": 1}, []),
        # One byte: expected at +4, new at +5
        ({"r20": 2, "r26": BASE + 3, "r25": BASE + 4, "r24": BASE + 5}, [(L, 4, 1), (L, 5, 1), (L, 3, 1), (S, 3, 1)]),
        ({"r20": 2, "r26": BASE + 3, "r25": BASE + 5, "r24": BASE + 5}, [(L, 5, 1), (L, 5, 1), (L, 3, 1)]),
        ({"r20": 2, "r23": 4, "r26": BASE, "r25": BASE, "r24": BASE}, []),
        ({"r20": 9, "r26": BASE, "r25": 6, "r24": 1}, []),
    ],
)
def test_light_weight_compare_and_swap(values: dict[str, int], expected: list[tuple[AccessKind, int, int]]) -> None:
    assert light_weight_spans(**values) == expected


def test_calls_return_to_the_link_register_without_its_privilege_level() -> None:
    for entry in HPPA.entry_points.values():
        assert entry.behaviour.resumes_at is not None
        assert entry.behaviour.resumes_at(Values(r31=0x1069F)) == 0x1069C


def test_log_names_what_has_no_bytes() -> None:
    assert line_of(StdFrame(0x100, 0, b"", (), (), None), HPPA) == '0, 0x100, 0x0, "system call"'


def test_pointer_to_a_descriptor_leads_to_the_code() -> None:
    code_address = HPPA.system_calls.code_address
    assert code_address is not None
    guest = Values()
    guest.memory = bytes.fromhex("0000000000010358")
    assert code_address(guest, 0x10354) == 0x10354
    assert code_address(guest, BASE + 4 + 2) == 0x10358


# -- the privilege level beside an address ---------------------------------------------------------------------------


def test_privilege_level_is_cleared_as_it_comes() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = StubClient(ours)
        client.clear_bits((3, 3), (4, 0x80))
        theirs.sendall(b"+" + framed(b"0001035bff"))
        assert client.read_registers() == bytes.fromhex("000103587f")


# -- the oracle's view -----------------------------------------------------------------------------------------------


def lines(*texts: str) -> list[Line]:
    return [parse_line(text) for text in texts]


def differences(ours: list[Line], oracle: list[Line]) -> str:
    return compare("hppa", iter(ours), iter(oracle), lambda line: False).first_difference


def test_oracle_may_show_what_was_nullified() -> None:
    ours = lines("0 1000 08832605", "0 1008 34850020")
    assert differences(ours, lines("0 1000 08832605", "0 1004 0f481003", "0 1008 34850020")) == ""


@pytest.mark.parametrize(
    "oracle",
    [
        # Executed after all: it touched memory
        lines("0 1000 08832605", "0 1004 0f481003 L11084:1", "0 1008 34850020"),
        # Two at once
        lines("0 1000 08832605", "0 1004 0f481003", "0 1004 0f481003", "0 1008 34850020"),
    ],
)
def test_oracle_shows_nothing_else_that_we_do_not(oracle: list[Line]) -> None:
    assert differences(lines("0 1000 08832605", "0 1008 34850020"), oracle) != ""


def test_instruction_without_a_condition_nullifies_nothing() -> None:
    ours = lines("0 1000 08830605", "0 1008 34850020")
    assert differences(ours, lines("0 1000 08830605", "0 1004 0f481003", "0 1008 34850020")) != ""


def test_table_is_consistent() -> None:
    layout = {register.name for register in HPPA.builtin_layout}
    operands = {register.name for register in HPPA.registers}
    assert len(HPPA.builtin_layout) * 4 == 512
    assert {register.stub_name for register in HPPA.registers} | {"goto"} == layout
    implied = {name for entry in HPPA.entry_points.values() for name in entry.behaviour.implied}
    assert implied <= operands
