"""What QEMU's plugin cannot see of SVE: the memory of each load and store, beside the lanes of the vector registers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from gdbtrace import open_trace
from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.trace import Operand, StdFrame
from tests.exactness.programs import all_programs
from tests.exactness.whole_run import trace_once
from tests.toolchain import Workshop

TEXT = re.compile(
    r"(?P<kind>ld|st)(?P<form>nt1|nf1|ff1|1rq|1ro|1r|[1-4])s?(?P<size>[bhwd]) "
    r"\{(?P<vectors>z[^}]*)\}, (?P<predicate>p\d+)(?:/z)?, \[(?P<address>.*)\]"
)
LOG2 = {"b": 0, "h": 1, "s": 2, "w": 2, "d": 3}
REPLICATED_BYTES = {"1rq": 16, "1ro": 32}


@dataclass(frozen=True)
class Transfer:
    """One SVE load or store: its text taken apart."""

    is_load: bool
    form: str
    size: int
    """In memory, in bytes."""
    vectors: Sequence[str]
    element_log2: int
    predicate: str
    is_scatter: bool


def transfer_of(arch: Arch, frame: StdFrame) -> Transfer | None:
    match = TEXT.fullmatch(disassemble(frame.rawbytes, frame.address, arch.modes[0]).text)
    if match is None:
        return None
    vectors = [vector.split(".") for vector in match["vectors"].split(", ")]
    is_load = match["kind"] == "ld"
    return Transfer(
        is_load,
        match["form"],
        1 << LOG2[match["size"]],
        [name for name, _ in vectors],
        LOG2[vectors[0][1]],
        match["predicate"],
        not is_load and "z" in match["address"],
    )


def lanes_of(transfer: Transfer, frame: StdFrame) -> list[int]:
    """The elements of the registers that are loaded or stored, in the order of memory."""
    before, after = registers_of(frame.pre), registers_of(frame.post or ())
    log2, active = transfer.element_log2, before[transfer.predicate]
    if transfer.form in ("ff1", "nf1"):
        active &= after["ffr"]
    elements = REPLICATED_BYTES.get(transfer.form, before["vg"] * 8) >> log2
    lanes = [element for element in range(elements) if active >> (element << log2) & 1]
    if transfer.form == "1r":
        lanes = lanes[:1]
    vectors = after if transfer.is_load else before
    mask = (1 << 8 * transfer.size) - 1
    return [vectors[vector] >> (lane * 8 << log2) & mask for lane in lanes for vector in transfer.vectors]


def registers_of(operands: Iterable[Operand]) -> dict[str, int]:
    return {operand.name: operand.as_int() for operand in operands if not operand.is_memory}


@pytest.mark.parametrize("name", ["aarch64", "aarch64_be"])
def test_memory_of_scalable_vectors_is_what_their_lanes_say(name: str, workshop: Workshop, tmp_path: Path) -> None:
    # Given a trace of every kind of SVE load and store
    arch = ARCHITECTURES[name]
    program = next(program for program in all_programs() if (program.arch, program.name) == (name, "sve"))
    trace, _ = trace_once(workshop, str(program), program.run(workshop, tmp_path))

    # When the elements in memory are put beside those in the registers
    compared, wrong = 0, []
    with open_trace(trace) as reader:
        for frame in reader:
            transfer = transfer_of(arch, frame) if isinstance(frame, StdFrame) else None
            if transfer is None or not isinstance(frame, StdFrame):
                continue
            operands = frame.memory_reads() if transfer.is_load else frame.memory_writes()
            data = b"".join(operand.value for operand in operands)
            elements = [
                int.from_bytes(data[at : at + transfer.size], arch.byte_order)
                for at in range(0, len(data), transfer.size)
            ]
            lanes = lanes_of(transfer, frame)
            compared += 1
            # A scatter may store twice to one place, and the last one stays.
            if len(elements) != len(lanes) or (elements != lanes and not transfer.is_scatter):
                wrong.append(f"{frame.address:#x}: {elements} in memory, {lanes} in registers")

    # Then they are the same
    assert wrong == []
    assert compared > 350
