"""What verify finds: in the committed traces nothing, and in each of them that was changed, the place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gdbtrace import verify
from gdbtrace.analysis.reading import Reading
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.analysis.verify import Verification, Violation, ViolationKind
from gdbtrace.arch.registry import ARCHITECTURES, MACHINES
from gdbtrace.opening import open_reading
from gdbtrace.trace.codec import encode_frame
from gdbtrace.trace.frames import (
    ExceptionFrame,
    Frame,
    KeyFrame,
    MemoryLocation,
    ModloadFrame,
    Operand,
    RegisterLocation,
    StdFrame,
    SyscallFrame,
    TaggedValues,
    Usage,
)

TRACES = Path(__file__).parents[1] / "traces"
GOLDENS = sorted((TRACES.parent / "goldens").glob("*.golden"))
ARCHITECTURE_NAMES = ["aarch64", "sparc64"]
BOTH = pytest.mark.parametrize("arch", ARCHITECTURE_NAMES)
READ, WRITTEN = Usage(read=True), Usage(written=True)


@dataclass(frozen=True)
class Committed:
    """A committed trace, as messages."""

    arch: str
    messages: Sequence[bytes]
    frames: Sequence[Frame]

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        with open_reading(TRACES / f"{self.arch}.frames", elf=TRACES / f"{self.arch}.elf") as reading:
            yield reading

    def violations(self, messages: Sequence[bytes]) -> list[Violation]:
        """What verify finds where these are the trace's frames, up to the first frame with something."""
        with self.reading() as reading:
            verification = Verification(
                reading.arch, reading.symbols, is_machine=False, program=f"{self.arch}.elf", key_interval=10_000
            )
            for number, message in enumerate(messages):
                frame = reading.reader.decode(message, 0)
                if isinstance(frame, ModloadFrame):
                    reading.symbols.add(frame)
                if found := verification.feed(number, frame):
                    return list(found)
            return []

    def with_frame(self, number: int, frame: Frame) -> list[bytes]:
        """The messages with another one in a place."""
        return [*self.messages[:number], encode_frame(frame), *self.messages[number + 1 :]]

    def number_of(self, is_wanted: Callable[[Frame], bool], start: int = 0) -> int:
        """The first frame that is wanted."""
        return next(number for number in range(start, len(self.frames)) if is_wanted(self.frames[number]))


@pytest.fixture(scope="module", params=ARCHITECTURE_NAMES)
def committed(request: pytest.FixtureRequest) -> Committed:
    name: str = request.param
    with open_reading(TRACES / f"{name}.frames") as reading:
        messages = [message for _, message in reading.reader.iter_messages()]
        return Committed(name, messages, [reading.reader.decode(message, 0) for message in messages])


def flipped(operand: Operand, bit: int) -> Operand:
    value = bytearray(operand.value)
    value[bit // 8] ^= 1 << bit % 8
    return replace(operand, value=bytes(value))


def with_flip(frame: StdFrame, is_post: bool, index: int, bit: int) -> StdFrame:
    operands = list((frame.post or ()) if is_post else frame.pre)
    operands[index] = flipped(operands[index], bit)
    return replace(frame, post=operands) if is_post else replace(frame, pre=operands)


def std(committed: Committed, number: int) -> StdFrame:
    frame = committed.frames[number]
    assert isinstance(frame, StdFrame)
    return frame


# -- Traces as they are --------------------------------------------------------------------------------------------


def test_committed_trace_is_consistent(committed: Committed) -> None:
    assert committed.violations(committed.messages) == []


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.stem)
def test_golden_is_consistent(golden: Path) -> None:
    consistency = verify(golden)
    assert consistency.is_consistent, consistency.lines


# -- One change each -----------------------------------------------------------------------------------------------


def test_register_that_is_not_what_it_was_left_as(committed: Committed) -> None:
    number = 100
    index = next(index for index, each in enumerate(std(committed, number).pre) if each.name not in ("pc", "npc"))
    messages = committed.with_frame(number, with_flip(std(committed, number), False, index, 0))
    [found] = committed.violations(messages)
    assert (found.kind, found.number, found.address) == (ViolationKind.REGISTER, number, std(committed, number).address)
    assert found.problem.startswith(std(committed, number).pre[index].name)


def test_register_that_is_left_wrong_is_found_at_the_next_frame_and_its_own_frame_is_named(
    committed: Committed,
) -> None:
    number = 100
    index = next(index for index, each in enumerate(std(committed, number).post or ()) if each.name == "pc")
    found = committed.violations(committed.with_frame(number, with_flip(std(committed, number), True, index, 9)))
    assert {(each.kind, each.number) for each in found} <= {(ViolationKind.FLOW, number), (ViolationKind.FLOW, 101)}
    assert found


def test_memory_that_is_not_what_was_stored(committed: Committed) -> None:
    stored = dict[int, int]()
    for number, frame in enumerate(committed.frames):
        if isinstance(frame, StdFrame):
            reads = [each for each in frame.memory_reads() if each.address in stored]
            if reads:
                break
            stored |= {each.address: number for each in frame.memory_writes()}
    index = list(std(committed, number).pre).index(reads[0])
    [found] = committed.violations(committed.with_frame(number, with_flip(std(committed, number), False, index, 0)))
    assert (found.kind, found.number, found.witness) == (ViolationKind.MEMORY, number, stored[reads[0].address])


def test_code_that_the_file_has_otherwise(committed: Committed) -> None:
    # A function that is executed once, so that nothing but the file can tell.
    frame = replace(std(committed, 2), rawbytes=bytes(each ^ 1 for each in std(committed, 2).rawbytes))
    found = committed.violations(committed.with_frame(2, frame))
    assert (ViolationKind.BYTES, 2, None) in {(each.kind, each.number, each.witness) for each in found}


def test_instruction_of_no_size_that_there_is(committed: Committed) -> None:
    frame = replace(std(committed, 2), rawbytes=std(committed, 2).rawbytes + b"\0")
    found = committed.violations(committed.with_frame(2, frame))
    assert found[0].kind is ViolationKind.BYTES
    assert "another size" in found[0].problem


def test_width_that_the_architecture_does_not_have(committed: Committed) -> None:
    pre = list(std(committed, 50).pre)
    pre[0] = replace(pre[0], bit_length=24, value=pre[0].value[:3])
    found = committed.violations(committed.with_frame(50, replace(std(committed, 50), pre=pre)))
    assert any(each.kind is ViolationKind.OPERAND and "24 bits" in each.problem for each in found)


def test_value_that_is_wider_than_its_register() -> None:
    verification = fresh("aarch64")
    flag = Operand(RegisterLocation("ZF"), 1, b"\2", READ)
    [found] = verification.feed(0, StdFrame(0x1000, 0, NOP, (flag,), ()))
    assert (found.kind, found.problem) == (ViolationKind.OPERAND, "ZF of 1 bits is 0x2")


def test_operand_that_is_not_read_and_is_listed_before() -> None:
    register = Operand(RegisterLocation("x1"), 64, bytes(8), WRITTEN)
    [found] = fresh("aarch64").feed(0, StdFrame(0x1000, 0, NOP, (register,), ()))
    assert (found.kind, found.problem) == (ViolationKind.OPERAND, "x1 is listed before, and said not to be read")


# -- Events --------------------------------------------------------------------------------------------------------


def test_system_call_without_its_frame(committed: Committed) -> None:
    number = committed.number_of(lambda frame: isinstance(frame, SyscallFrame))
    messages = [*committed.messages[:number], *committed.messages[number + 1 :]]
    [found] = committed.violations(messages)
    assert (found.kind, found.number) == (ViolationKind.EVENT, number)


@pytest.mark.parametrize("field", ["number", "argument", "address"])
def test_system_call_that_is_another_one_than_its_instruction(committed: Committed, field: str) -> None:
    number = committed.number_of(lambda frame: isinstance(frame, SyscallFrame))
    call = committed.frames[number]
    assert isinstance(call, SyscallFrame)
    other = {
        "number": replace(call, number=call.number + 1),
        "argument": replace(call, arguments=(call.arguments[0] ^ 1, *call.arguments[1:])),
        "address": replace(call, address=call.address + 4),
    }
    [found] = committed.violations(committed.with_frame(number, other[field]))
    assert found.kind is ViolationKind.EVENT
    assert number in (found.number, found.witness)


def test_key_frame_with_another_value(committed: Committed) -> None:
    key = committed.number_of(lambda frame: isinstance(frame, KeyFrame))
    frame = committed.frames[key]
    assert isinstance(frame, KeyFrame)
    [tagged] = frame.tagged_values
    names = {each.name for each in std(committed, key + 1).pre if not each.is_memory}
    index = next(index for index, each in enumerate(tagged.values) if each.name in names)
    values = [*tagged.values[:index], flipped(tagged.values[index], 1), *tagged.values[index + 1 :]]
    found = committed.violations(committed.with_frame(key, KeyFrame((TaggedValues(tagged.thread_id, tuple(values)),))))
    assert {each.number for each in found} == {key + 1}
    assert {each.witness for each in found} <= {key, -1}


def test_module_that_is_missing_twice_or_late(committed: Committed) -> None:
    module, key, *rest = committed.messages
    assert [found.problem for found in committed.violations([module, module, key, *rest])] == [
        f"{committed.arch}.elf is loaded twice"
    ]
    assert committed.violations([key, module, *rest])[0].kind is ViolationKind.EVENT
    other = encode_frame(ModloadFrame("lib.so", 0x7000000, 0x7001000))
    [found] = committed.violations([other, module, key, *rest])
    assert (found.kind, found.number) == (ViolationKind.EVENT, 0)


def test_key_frame_that_is_missing_at_the_beginning(committed: Committed) -> None:
    module, _, *rest = committed.messages
    [found] = committed.violations([module, *rest])
    assert (found.kind, found.number) == (ViolationKind.EVENT, 1)


def test_key_frame_twice(committed: Committed) -> None:
    module, key, *rest = committed.messages
    [found] = committed.violations([module, key, key, *rest])
    assert (found.kind, found.number) == (ViolationKind.EVENT, 2)


NOP = bytes.fromhex("1f2003d5")
"""aarch64's."""
SVC, MSR_TTBR0_EL1, MRS_CNTVCT = (bytes.fromhex(each) for each in ("010000d4", "002018d5", "40e03bd5"))
LOAD = bytes.fromhex("200040f9")
"""ldr x0, [x1]"""


def fresh(arch: str, *, is_machine: bool = False, key_interval: int = 0) -> Verification:
    """A verification that knows no program."""
    known = (MACHINES if is_machine else ARCHITECTURES)[arch]
    return Verification(known, Symbols(known, None), is_machine=is_machine, key_interval=key_interval)


def at(address: int, pc: int | None = None, is_done: bool = True) -> StdFrame:
    """A nop, which goes on behind itself, or elsewhere."""
    before = Operand(RegisterLocation("pc"), 64, address.to_bytes(8, "little"), READ)
    after = Operand(RegisterLocation("pc"), 64, (address + 4 if pc is None else pc).to_bytes(8, "little"), WRITTEN)
    return StdFrame(address, 0, NOP, (before,), (after,) if is_done else None)


def kinds(verification: Verification, *frames: Frame) -> list[tuple[int, ViolationKind]]:
    found = [each for number, frame in enumerate(frames) for each in verification.feed(number, frame)]
    return [(each.number, each.kind) for each in found]


def test_exception_accounts_for_going_elsewhere_and_for_registers() -> None:
    taken = ExceptionFrame(11, 0, 0x1004, 0x8000)
    assert kinds(fresh("aarch64"), at(0x1000), taken, at(0x8000)) == []
    assert kinds(fresh("aarch64"), at(0x1000), at(0x8000)) == [(1, ViolationKind.FLOW)]


def test_exception_is_handled_where_its_frame_says() -> None:
    taken = ExceptionFrame(11, 0, 0x1004, 0x8000)
    assert kinds(fresh("aarch64"), at(0x1000), taken, at(0x9000)) == [(2, ViolationKind.FLOW)]


def test_exception_comes_from_where_the_thread_is() -> None:
    taken = ExceptionFrame(11, 0, 0x2000, 0x8000)
    assert kinds(fresh("aarch64"), at(0x1000), taken, at(0x8000)) == [(1, ViolationKind.EVENT)]
    twice = ExceptionFrame(11, 0, 0x1004, 0x8000)
    assert kinds(fresh("aarch64"), at(0x1000), twice, twice, at(0x8000)) == [(2, ViolationKind.EVENT)]


def test_instruction_that_has_not_finished_is_followed_by_an_exception() -> None:
    assert kinds(fresh("aarch64"), at(0x1000, is_done=False), ExceptionFrame(11, 0, 0x1000, 0x8000), at(0x8000)) == []
    assert kinds(fresh("aarch64"), at(0x1000, is_done=False), at(0x1004)) == [(1, ViolationKind.FLOW)]


def test_what_is_no_branch_goes_on_behind_itself() -> None:
    assert kinds(fresh("aarch64"), at(0x1000, pc=0x2000)) == [(0, ViolationKind.FLOW)]


def test_key_frames_are_at_most_an_interval_apart() -> None:
    key = KeyFrame((TaggedValues(0, ()),))
    verification = fresh("aarch64", key_interval=2)
    assert kinds(verification, key, at(0x1000), at(0x1004), key, at(0x1008)) == []
    verification = fresh("aarch64", key_interval=2)
    assert kinds(verification, key, *map(at, range(0x1000, 0x1010, 4))) == [(3, ViolationKind.EVENT)]


def test_key_frames_are_later_where_threads_are_in_system_calls() -> None:
    key, other = KeyFrame((TaggedValues(0, ()),)), [replace(at(address), thread_id=1) for address in range(0, 12, 4)]
    frames = [key, at(0x1000), *other]
    assert kinds(fresh("aarch64", key_interval=2), *frames[:4]) == []
    assert kinds(fresh("aarch64", key_interval=2), *frames) == [(4, ViolationKind.EVENT)]


def in_key(name: str, value: int) -> KeyFrame:
    return KeyFrame((TaggedValues(0, (Operand(RegisterLocation(name), 64, value.to_bytes(8, "little"), Usage()),)),))


def test_key_frame_shows_what_the_kernel_is_at_work_on() -> None:
    frames = [ModloadFrame("a.elf", 0, 1), at(0x1000), SyscallFrame(0x1004, 0, 98, ())]
    assert kinds(fresh("aarch64"), *frames, in_key("pc", 0x1008)) == []
    assert kinds(fresh("aarch64"), *frames[:2], in_key("pc", 0x1008)) == [(2, ViolationKind.REGISTER)]


def test_system_calls_have_frames_where_modules_have() -> None:
    call = replace(at(0x1000), rawbytes=SVC)
    assert kinds(fresh("aarch64"), call) == []
    assert kinds(fresh("aarch64"), ModloadFrame("a.elf", 0, 1), call) == [(1, ViolationKind.EVENT)]


def test_processor_that_another_one_starts_has_been_given_its_registers() -> None:
    second = TaggedValues(1, in_key("pc", 0x1000).tagged_values[0].values)
    frames = [KeyFrame((second,)), at(0x1000), replace(at(0x9000), thread_id=1)]
    assert kinds(fresh("aarch64", is_machine=True), *frames) == []
    assert kinds(fresh("aarch64"), *frames) == [(2, ViolationKind.REGISTER)]


def with_register(frame: StdFrame, name: str, value: int, after: int | None = None) -> StdFrame:
    before = Operand(RegisterLocation(name), 64, value.to_bytes(8, "little"), READ)
    behind = () if after is None else (Operand(RegisterLocation(name), 64, after.to_bytes(8, "little"), WRITTEN),)
    return replace(frame, pre=(*frame.pre, before), post=(*(frame.post or ()), *behind))


def test_system_register_is_compared_with_the_frame_before() -> None:
    first = with_register(at(0x1000), "TTBR0_EL1", 1)
    assert kinds(fresh("aarch64", is_machine=True), first, with_register(at(0x1004), "TTBR0_EL1", 3)) == [
        (1, ViolationKind.REGISTER)
    ]
    later = [first, at(0x1004), with_register(at(0x1008), "TTBR0_EL1", 3)]
    assert kinds(fresh("aarch64", is_machine=True), *later) == []


def test_system_register_is_what_an_instruction_of_the_system_lists_or_anything() -> None:
    first = replace(with_register(at(0x1000), "TTBR0_EL1", 1), rawbytes=MSR_TTBR0_EL1)
    other = with_register(at(0x1004), "TTBR0_EL1", 3)
    assert kinds(fresh("aarch64", is_machine=True), first, other) == []
    listed = replace(with_register(at(0x1000), "TTBR0_EL1", 1, 2), rawbytes=MSR_TTBR0_EL1)
    assert kinds(fresh("aarch64", is_machine=True), listed, other) == [(1, ViolationKind.REGISTER)]


def test_clock_goes_on_between_two_readings() -> None:
    readings = [with_register(at(0x1000 + 4 * index), "CNTVCT_EL0", index) for index in range(2)]
    assert kinds(fresh("aarch64", is_machine=True), *(replace(each, rawbytes=MRS_CNTVCT) for each in readings)) == []
    assert kinds(fresh("aarch64", is_machine=True), *readings) == [(1, ViolationKind.REGISTER)]


def loading(address: int, data: bytes, device: str = "") -> StdFrame:
    memory = Operand(MemoryLocation(0x5000, None, device), 8 * len(data), data, READ)
    frame = at(address)
    return replace(frame, rawbytes=LOAD, pre=(*frame.pre, memory))


def test_memory_that_a_device_may_have_changed_is_counted_and_no_violation() -> None:
    steps = loading(0x1000, b"\1" * 8), loading(0x1004, b"\2" * 8)
    assert kinds(fresh("aarch64", is_machine=True), *steps) == [(1, ViolationKind.MEMORY)]
    device = replace(loading(0x1004, b"\0" * 8, "uart"), pre=loading(0x1004, b"\0" * 8, "uart").pre)
    verification = fresh("aarch64", is_machine=True)
    assert kinds(verification, steps[0], device, loading(0x1008, b"\2" * 8)) == []
    assert verification.result().memory_changed_unseen == 8


def test_memory_after_an_exception_may_be_another() -> None:
    taken = ExceptionFrame(11, 0, 0x1004, 0x8000)
    verification = fresh("aarch64")
    assert kinds(verification, loading(0x1000, b"\1" * 8), taken, loading(0x8000, b"\2" * 8)) == []
    assert verification.result().memory_changed_unseen == 8


def test_trace_of_an_unknown_architecture_is_compared_with_itself() -> None:
    verification = Verification(None, Symbols(None, None), is_machine=False, has_events=False)
    register = Operand(RegisterLocation("a"), 8, b"\1", READ)
    frames = [StdFrame(0x10, 0, b"\0", (register,), ()), StdFrame(0x11, 0, b"\0", (flipped(register, 0),), ())]
    assert kinds(verification, *frames) == [(1, ViolationKind.REGISTER)]
