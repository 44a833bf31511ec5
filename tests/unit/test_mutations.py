"""Any single change of a trace is found where it is: by ``diff``, which has the trace as it was, and by ``verify``,
which has not."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gdbtrace.analysis.diff import Diff
from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.reading import Reading
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.analysis.tolerance import STRICT
from gdbtrace.image import Image
from gdbtrace.opening import open_reading
from gdbtrace.regression.consistency import verification_of
from gdbtrace.trace import (
    Frame,
    KeyFrame,
    ModloadFrame,
    Operand,
    StdFrame,
    TraceReader,
    encode_frame,
    unpack,
)
from gdbtrace.trace.golden import is_golden
from tests.toolchain import GUESTS, TESTS

FIRMWARE = TESTS.parent / "vm-images" / "firmware"
LEAST_FOUND = 0.99
LEAST_VERIFIED = 0.97
"""By ``verify`` alone: a value that is stored and never loaded is nowhere else, nor is the last instruction before an
exception."""


@dataclass(frozen=True)
class Original:
    """A good trace, how often it is changed, and how often ``verify`` alone is to find what."""

    trace: Path
    program: Path
    mutations: int
    verified: int


ORIGINALS = [
    Original(TESTS / "traces" / "aarch64.frames", TESTS / "traces" / "aarch64.elf", 800, 100),
    Original(TESTS / "traces" / "sparc64.frames", TESTS / "traces" / "sparc64.elf", 800, 100),
    Original(TESTS / "goldens" / "x86_64.golden", GUESTS / "x86_64" / "guest", 200, 40),
    Original(TESTS / "goldens" / "lm3s6965evb.golden", FIRMWARE / "cortex-m3" / "lm3s6965evb.elf", 200, 40),
]
"""2,000 mutations: a little- and a big-endian program, one with instructions of many sizes, and firmware."""


class Changed(TraceReader):
    """A trace whose frames can be replaced."""

    messages: Sequence[bytes] = ()

    def iter_messages(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        return ((0, message) for message in self.messages[start:])


class Subject:
    """A good trace, and the same with one change after the other."""

    def __init__(self, whole: Reading, program: Path, changed: Changed) -> None:
        self._whole, self._image, self._changed = whole, Image(program), changed
        self.messages = [message for _, message in whole.reader.iter_messages()]
        self.frames = [whole.reader.decode(message, 0) for message in self.messages]

    def change(self, messages: Sequence[bytes]) -> None:
        """Make these its frames."""
        self._changed.messages = messages

    def place_by_diff(self) -> set[int]:
        """The frames that ``diff`` names."""
        divergence = Diff(self._reading_of(self._whole.reader), self._reading_of(self._changed), STRICT).first()
        return {divergence.left.number, divergence.right.number} if divergence else set()

    def place_by_verify(self) -> set[int | None]:
        """The frames that ``verify`` names where it finds something first: either may be the wrong one."""
        reading = self._reading_of(self._changed)
        verification = verification_of(reading)
        for number, message in enumerate(self._changed.messages):
            frame = self._changed.decode(message, 0)
            if isinstance(frame, ModloadFrame):
                reading.symbols.add(frame)
            if found := verification.feed(number, frame):
                return {each for violation in found for each in (violation.number, violation.witness)}
        return set()

    def _reading_of(self, reader: TraceReader) -> Reading:
        """From its beginning, when symbols know of no module yet."""
        arch = self._whole.arch
        symbols = Symbols(arch, self._image)
        return Reading(reader, arch, symbols, Disassembly(arch), is_machine=self._whole.is_machine)


def mutated(subject: Subject, choice: random.Random) -> tuple[str, list[bytes], set[int]]:
    """One change: its kind, the frames then, and those that it may be said to be at."""
    result = list(subject.messages)
    while True:
        number = choice.randrange(len(result))
        match choice.choice(("flip", "delete", "duplicate", "swap")):
            case "flip":
                frame = subject.frames[number]
                if isinstance(frame, StdFrame | KeyFrame):
                    result[number] = encode_frame(flipped(frame, choice))
                    return "flip", result, {number}
            case "delete":
                del result[number]
                return "delete", result, {number}
            case "duplicate":
                result.insert(number, result[number])
                # Which of the two is the copy cannot be told.
                return "duplicate", result, {number, number + 1}
            case "swap":
                if number + 1 < len(result) and result[number] != result[number + 1]:
                    result[number : number + 2] = result[number + 1], result[number]
                    return "swap", result, {number}


def flipped(frame: StdFrame | KeyFrame, choice: random.Random) -> Frame:
    """One bit of one operand's value is another one."""
    if isinstance(frame, KeyFrame):
        index = choice.randrange(len(frame.tagged_values))
        values = list(frame.tagged_values)
        values[index] = replace(values[index], values=flipped_values(values[index].values, choice))
        return KeyFrame(tuple(values))
    if frame.post and choice.random() < len(frame.post) / (len(frame.pre) + len(frame.post)):
        return replace(frame, post=flipped_values(frame.post, choice))
    return replace(frame, pre=flipped_values(frame.pre, choice))


def flipped_values(operands: Sequence[Operand], choice: random.Random) -> tuple[Operand, ...]:
    result = list(operands)
    number = choice.choice([number for number, operand in enumerate(operands) if operand.value])
    value = bytearray(operands[number].value)
    bit = choice.randrange(operands[number].bits)
    value[bit // 8] ^= 1 << bit % 8
    result[number] = replace(operands[number], value=bytes(value))
    return tuple(result)


@pytest.mark.parametrize("original", ORIGINALS, ids=lambda original: original.trace.stem)
def test_any_single_change_is_found_where_it_is(original: Original, tmp_path: Path) -> None:
    path = original.trace
    if is_golden(path):
        path = tmp_path / "unpacked.frames"
        unpack(original.trace, path)
    choice = random.Random(f"mutations of {original.trace.stem}")
    misplaced: list[tuple[str, set[int], set[int]]] = []
    unseen: Counter[str] = Counter()
    with open_reading(path, elf=original.program) as whole, Changed(path) as changed:
        subject = Subject(whole, original.program, changed)
        for attempt in range(original.mutations):
            kind, messages, numbers = mutated(subject, choice)
            subject.change(messages)
            found = subject.place_by_diff()
            if not found & numbers:
                misplaced.append((kind, numbers, found))
            if attempt < original.verified and not subject.place_by_verify() & numbers:
                unseen[kind] += 1
    assert len(misplaced) <= (1 - LEAST_FOUND) * original.mutations, misplaced
    assert unseen.total() <= (1 - LEAST_VERIFIED) * original.verified, unseen
