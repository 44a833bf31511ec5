"""Hexagon: what a packet touches and names, by its bytes, compared with what LLVM's disassembler makes of them."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Iterator

import pytest

from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.hexagon import HEXAGON
from gdbtrace.arch.model import AccessKind, Behaviour, StepRule

L, S = AccessKind.LOAD, AccessKind.STORE
CLASSES_WITH_MEMORY = (2, 3, 4, 9, 10)
DUPLEX = 0
"""Stands for the words with two sub-instructions, among the classes."""
ALL_CLASSES = (DUPLEX, *range(1, 16))


class Values(dict[str, int]):
    """Registers of a guest whose memory nothing asks for."""

    def read_memory(self, address: int, size: int, /) -> bytes:
        raise KeyError(address, size)


def registers(predicate: int) -> Values:
    """Different values in all registers; each predicate has the same."""
    values = random.Random(0)
    return Values(
        {
            **{f"r{number:02}": values.getrandbits(32) for number in range(32)},
            "gp": values.getrandbits(32),
            **{f"p{number}": predicate for number in range(4)},
            **{f"q{number}": (1 << 128) - 1 for number in range(4)},
        }
    )


FULFILLED, UNFULFILLED = registers(0xFF), registers(0)


def behaviour(*words: int) -> Behaviour:
    data = b"".join(word.to_bytes(4, "little") for word in words)
    disassembled = disassemble(data, 0x2_0000, HEXAGON.modes[0])
    assert disassembled.data == data
    return HEXAGON.behaviour_of(disassembled)


def accesses(found: Behaviour, before: Values, after: Values) -> list[tuple[AccessKind, int, int]]:
    spans = list(found.spans(before)) if found.spans else []
    cancelled = found.cancelled(after) if found.cancelled else ()
    return [
        (span.kind, span.address, span.size) for index, span in enumerate(spans) if span.size and index not in cancelled
    ]


# --- Against LLVM -----------------------------------------------------------------------------------------------------

SIZES = {"memb": 1, "memub": 1, "memh": 2, "memuh": 2, "memw": 4, "memd": 8, "memb_fifo": 1, "memh_fifo": 2}
SIZES |= {"memw_locked": 4, "memd_locked": 8, "vmem": 128, "vmemu": 128}
NOT_IN_QEMU = re.compile(r"\bz = |mpyz|memcpy|dcfetch|vscatter|vgather")
"""The Z register's instructions; and of gathers and scatters the text does not say which bytes."""


def disassembled_by_llvm(packets: list[bytes]) -> list[str]:
    """The text of each packet; empty where LLVM takes it for none."""
    done = subprocess.run(
        ["llvm-mc", "--disassemble", "--triple=hexagon", "--mcpu=hexagonv67", "--mattr=+hvxv67,+hvx-length128b"],
        input="\n".join(" ".join(f"0x{byte:02x}" for byte in packet) for packet in packets),
        capture_output=True,
        text=True,
        check=False,
    )
    refused = {int(number) for number in re.findall(r"<stdin>:(\d+):", done.stderr)}
    texts = iter(re.findall(r"\{(.*?)\}", done.stdout, re.DOTALL))
    found = ["" if number in refused else next(texts) for number in range(1, len(packets) + 1)]
    assert next(texts, None) is None
    return found


def random_packets(instruction_class: int, count: int) -> list[bytes]:
    """Packets of one instruction, some with a constant extender. Fewer bits set make more of them valid."""
    source = random.Random(instruction_class)
    packets = []
    for _ in range(count):
        bits = source.getrandbits(28) & ~source.choice((0, 0, 0x3F00, 0x1F00, 0x3FE0, 0x20E0))
        if instruction_class == DUPLEX:
            packets.append((source.getrandbits(32) & ~0xC000).to_bytes(4, "little"))
            continue
        packet = (instruction_class << 28 | bits | 0xC000).to_bytes(4, "little")
        if instruction_class in CLASSES_WITH_MEMORY and source.random() < 0.3:
            packet = (source.getrandbits(28) & ~0xC000 | 0x4000).to_bytes(4, "little") + packet
        packets.append(packet)
    return packets


def instructions_of(text: str) -> Iterator[str]:
    for instruction in re.split(r"[;\n]", text):
        if words := " ".join(instruction.split()):
            yield words


def address_of(name: str, inside: str, values: Values) -> int:
    """What the text between the parentheses of an access says."""

    def register(text: str) -> int:
        return values["gp" if text == "gp" else f"r{int(text[1:]):02}"]

    if match := re.fullmatch(r"(r\d+|gp)\+#+(-?\d+)", inside):
        address = register(match[1]) + int(match[2]) * (128 if name.startswith("v") else 1)
    elif match := re.fullmatch(r"(r\d+)\+(r\d+)<<#(\d)", inside):
        address = register(match[1]) + (register(match[2]) << int(match[3]))
    elif match := re.fullmatch(r"(r\d+)<<#(\d)\+##(-?\d+)", inside):
        address = (register(match[1]) << int(match[2])) + int(match[3])
    elif match := re.fullmatch(r"(r\d+)\+\+m\d:brev", inside):
        value = register(match[1])
        address = value & 0xFFFF_0000 | int(f"{value & 0xFFFF:016b}"[::-1], 2)
    elif match := re.fullmatch(r"(?:r\d+ ?= ?)?##(-?\d+)", inside):
        address = int(match[1])
    else:
        match = re.match(r"r\d+", inside)
        assert match is not None, inside
        address = register(match[0])
    return (address & -128 if name == "vmem" else address) & 0xFFFF_FFFF


def accesses_by_text(text: str, values: Values, is_fulfilled: bool) -> list[tuple[AccessKind, int, int]]:
    """What the text says, where all predicates have the same value."""
    found: list[tuple[AccessKind, int, int]] = []
    for instruction in instructions_of(text):
        plain = re.sub(r"^if \(!?[pq]\d(\.new)?\) ?", "", instruction)
        condition = re.match(r"if \((!?)p", instruction)
        is_masked_out = instruction.startswith("if (!q")
        if (condition and bool(condition[1]) == is_fulfilled) or is_masked_out or "scatter_release" in plain:
            continue
        if "dealloc" in plain:
            base = re.search(r"\(r(\d+)\)", plain)
            found.append((L, values[f"r{int(base[1]) if base else 30:02}"], 8))
        elif "allocframe" in plain:
            base = re.search(r"\(r(\d+),", plain)
            found.append((S, values[f"r{int(base[1]) if base else 29:02}"] - 8, 8))
        elif match := re.match(r"dczeroa\(r(\d+)\)", plain):
            found.append((S, values[f"r{int(match[1]):02}"] & -32, 32))
        elif match := re.search(r"(v?mem\w*)\(((?:[^()]|\(\w+\))*)\)", plain):
            name, address = match[1], address_of(match[1], match[2], values)
            if name in ("membh", "memubh"):
                found.append((L, address, 4 if plain.startswith("r") and ":" in plain.split("=")[0] else 2))
            elif match.start():
                found.append((L, address, SIZES[name]))
            elif "locked" in name:
                found += [(L, address, SIZES[name]), (S, address, SIZES[name])] if is_fulfilled else []
            else:
                is_operation = re.search(r"\) ?([-+&|]=|= (clr|set)bit)", plain)
                found += [(L, address, SIZES[name])] if is_operation else []
                found.append((S, address, SIZES[name]))
    return found


@pytest.mark.parametrize("instruction_class", [DUPLEX, *CLASSES_WITH_MEMORY])
def test_memory_is_what_llvm_says(instruction_class: int) -> None:
    # Given random packets that LLVM can disassemble
    packets = random_packets(instruction_class, 6000)
    texts = disassembled_by_llvm(packets)
    known = [(p, t) for p, t in zip(packets, texts, strict=True) if t and not NOT_IN_QEMU.search(t)]
    assert len(known) > 100

    # Then each touches what its text says, with every predicate true and with every one false
    for packet, text in known:
        found = behaviour(*(int.from_bytes(packet[at : at + 4], "little") for at in range(0, len(packet), 4)))
        for values, is_fulfilled in ((FULFILLED, True), (UNFULFILLED, False)):
            expected = accesses_by_text(text, values, is_fulfilled)
            assert accesses(found, values, values) == expected, f"{packet.hex()} {text.strip()}"


def names_by_text(text: str) -> set[str]:
    """General registers that are written, and vector registers."""
    names = {f"{kind}{number}" for kind, number in re.findall(r"\b([vq])(\d+)\b", text)}
    names |= {f"v{number}" for number in re.findall(r"\bv\d+:(\d+)\b", text)}
    for instruction in instructions_of(text):
        plain = re.sub(r"^if \(!?[pq]\d(\.new)?\) ?", "", instruction)
        written = re.findall(r"(r\d+)\+\+", plain) + re.findall(r"\((r\d+) ?= ?##", plain)
        if "=" in plain and not plain.startswith(("mem", "vmem", "p", "if", "vscatter", "vtmp")):
            target = re.split(r" ?[-+&|^]?= ?", plain)[0]
            written += re.findall(r"r\d+", target)
            written += [f"r{number}" for number in re.findall(r"r\d+:(\d+)", target)]
        written += ["r31"] if "call" in plain else []
        names |= {f"r{int(name[1:]):02}" for name in written}
    return names


@pytest.mark.parametrize("instruction_class", ALL_CLASSES)
def test_names_are_those_that_llvm_writes(instruction_class: int) -> None:
    packets = random_packets(instruction_class, 4000)
    known = [(p, t) for p, t in zip(packets, disassembled_by_llvm(packets), strict=True) if t]
    assert len(known) > 40
    for packet, text in known:
        if re.search(r"\bz = |mpyz|memcpy", text):
            continue
        found = behaviour(*(int.from_bytes(packet[at : at + 4], "little") for at in range(0, len(packet), 4)))
        assert names_by_text(text) <= set(found.implied), f"{packet.hex()} {text.strip()}"


# --- By hand ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ((0x7800C806,), 4),  # { r6 = #64 }
        ((0x28102862,), 4),  # { r0 = #1; r2 = #6 }: a duplex
        ((0x00004C05, 0x78004301, 0x28102862), 12),
        ((0xB0098029, 0xB00AC04A), 8),  # { ... } :endloop0
        ((0x7F004000, 0x7F004000, 0x7F004000, 0x7F004000), 16),  # no end where one must be
    ],
)
def test_packet_ends_where_its_parse_bits_say(words: tuple[int, ...], size: int) -> None:
    data = b"".join(word.to_bytes(4, "little") for word in (*words, 0x7F00C000))
    assert len(disassemble(data, 0, HEXAGON.modes[0]).data) == size


@pytest.mark.parametrize(
    ("after", "expected"), [(FULFILLED, [(S, 0, 4)]), (UNFULFILLED, [(S, 4, 1)])], ids=["fulfilled", "not"]
)
def test_predicate_of_the_same_packet_decides_by_its_value_after_it(
    after: Values, expected: list[tuple[AccessKind, int, int]]
) -> None:
    # { p1 = cmp.gtu(r19, r18); if (p1.new) memw(r17) = r0; if (!p1.new) memb(r17 + 4) = r18 }
    found = behaviour(0xF2735201, 0x42914001, 0x4611D221)
    base = UNFULFILLED["r17"]
    assert accesses(found, UNFULFILLED, after) == [(kind, base + offset, size) for kind, offset, size in expected]


def test_old_predicate_decides_by_its_value_before() -> None:
    # { p0 = cmp.eq(r1, r2); if (p0) r3 = memw(r4) }
    found = behaviour(0xF2014200, 0x4184C003)
    assert accesses(found, FULFILLED, UNFULFILLED) == [(L, FULFILLED["r04"], 4)]
    assert accesses(found, UNFULFILLED, FULFILLED) == []


def test_system_call() -> None:
    found = behaviour(0x5400C004)  # { trap0(#1) }
    assert found.rule is StepRule.SYSTEM_CALL
    assert "r00" in found.implied


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((0xB0098029, 0xB00AC04A), {"r09", "r10", "pc", "lc0"}),  # { ... } :endloop0
        ((0x6900C00B,), {"pc", "sa0", "lc0"}),  # { loop0(..., #3) }
        ((0x00103F00,), {"pc", "r00", "r29", "r30", "r31", "framekey"}),  # { deallocframe; r0 = memw(r1) }
    ],
)
def test_implied_registers(words: tuple[int, ...], names: set[str]) -> None:
    assert set(behaviour(*words).implied) == names


def test_gather_loads_all_and_stores_under_its_mask() -> None:
    # Given { if (q1) vtmp.h = vgather(r1, m1, v2.h).h; vmem(r0) = vtmp.new }, with one byte selected
    found = behaviour(0x2F016522, 0x2820C022)
    values = Values({"r00": 0x2000, "r01": 0x1000, "q1": 1 << 3, "v2": 2 << 16})

    # Then it loads halfwords at 0 and 2, and stores the byte
    assert accesses(found, values, values) == [(L, 0x1000, 4), (S, 0x2003, 1)]


# --- Texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "operations"),
    [
        ("{ r1 = and(r3,#255) }", ("and",)),
        ("{ r5 += mpyi(r2,r1); p0 = !bitsclr(r0,r2); r0 = +mpyi(r0,#3) }", ("mpyi", "bitsclr", "mpyi")),
        ("{ r2 = memub(r0++#-1); memb(r1++#-1) = r2.new } :endloop0", ("memub", "memb=")),
        ("{ memw(r29+#4) += r0; memw_locked(r1,p0) = r3; vmem(r0+#0):nt = v1 }", ("memw=", "memw_locked=", "vmem=")),
        ("{ immext(#199936); r3:2 = ##199992; nop }", ("immext", "=", "nop")),
        ("{ p0 = cmp.gt(r0,#-1); if (p0.new) jump:nt 0x20a20 }", ("cmp.gt", "jump")),
        ("{ r19 = add(r19,#4); if (!cmp.gtu(r19.new,#27)) jump:t 0x20270 }", ("add", "jump")),
        ("{ r2 = r4 ; jump 0x20bb0; if (!p0) r17:16 = memd(r29+#0) }", ("=", "jump", "memd")),
        ("{ if (p0.new) dealloc_return:t; callr r16; loop0(0x20ca0,#4) }", ("dealloc_return", "callr", "loop0")),
        ("{ v1:0.w = vadd(v3:2.w,v5:4.w):sat }", ("vadd",)),
    ],
)
def test_packet_has_an_operation_for_each_instruction(text: str, operations: tuple[str, ...]) -> None:
    objdump = HEXAGON.modes[0].objdump
    assert objdump is not None
    assert objdump.operations_of is not None
    assert objdump.operations_of(text) == operations


@pytest.mark.parametrize("instruction_class", ALL_CLASSES)
def test_every_instruction_has_an_operation(instruction_class: int) -> None:
    objdump = HEXAGON.modes[0].objdump
    assert objdump is not None
    assert objdump.operations_of is not None
    for text in filter(None, disassembled_by_llvm(random_packets(instruction_class, 300))):
        instructions = list(instructions_of(text))
        operations = objdump.operations_of(f"{{ {'; '.join(instructions)} }}")
        assert len(operations) == len(instructions)
        assert all(re.fullmatch(r"[a-z][a-z0-9_.]*=?|=", operation) for operation in operations), text


def test_packet_of_the_latest_version_has_a_text() -> None:
    found = Disassembly(HEXAGON).at(0x1000, bytes.fromhex("68c6a2e8"), None)
    assert (found.text, found.operations) == ("{ r9:8 = dfmpyll(r3:2,r7:6) }", ("dfmpyll",))
