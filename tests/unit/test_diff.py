"""Where two traces diverge, what is derived from that, and what is tolerated."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from gdbtrace.analysis.diff import Diff
from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.divergence import Divergence, DivergenceKind
from gdbtrace.analysis.reading import Reading, Selection
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.analysis.tolerance import STRICT, Tolerance
from gdbtrace.arch.registry import ARCHITECTURES
from gdbtrace.errors import TraceFormatError, UsageError
from gdbtrace.trace import (
    ExceptionFrame,
    FileStats,
    Frame,
    Header,
    KeyFrame,
    MemoryLocation,
    MetaFrame,
    ModloadFrame,
    Operand,
    RegisterLocation,
    StdFrame,
    SyscallFrame,
    TaggedValues,
    Target,
    Tracer,
    TraceReader,
    TraceWriter,
    Usage,
    encode_frame,
)

TRACES = Path(__file__).parents[1] / "traces"
AARCH64 = ARCHITECTURES["aarch64"]
SPARC64 = ARCHITECTURES["sparc64"]
NOP, MOV_5, MOV_6 = 0xD503201F, 0xD28000A0, 0xD28000C0
"""``mov x0, #5`` and ``mov x0, #6``."""
ADD_X1_X0, ADD_X2_X3 = 0x91000401, 0x91000462
"""``add x1, x0, #1`` and ``add x2, x3, #1``."""
LDR_X1, STR_X1, LDR_X4 = 0xF9400041, 0xF9000041, 0xF9400044
"""``ldr x1, [x2]``, ``str x1, [x2]`` and ``ldr x4, [x2]``."""
CBZ_X0, MRS_CNTVCT, SVC = 0xB4000040, 0xD53BE040, 0xD4000001
READ, WRITTEN = Usage(read=True), Usage(written=True)
Access = tuple[int, int]


def register(name: str, value: int, usage: Usage = READ) -> Operand:
    return Operand(RegisterLocation(name), 64, value.to_bytes(8, "little"), usage)


def memory(address: int, value: int, usage: Usage) -> Operand:
    return Operand(MemoryLocation(address), 64, value.to_bytes(8, "little"), usage)


def step(
    address: int,
    word: int = NOP,
    pre: Mapping[str, int] | None = None,
    post: Mapping[str, int] | None = None,
    *,
    load: Access | None = None,
    store: Access | None = None,
    to: int | None = None,
    thread: int = 0,
) -> StdFrame:
    """One instruction of AArch64, with its program counters."""
    before = [register(name, value) for name, value in {**(pre or {}), "pc": address}.items()]
    after = [register(name, value, WRITTEN) for name, value in {**(post or {}), "pc": to or address + 4}.items()]
    if load:
        before.append(memory(*load, READ))
    if store:
        after.append(memory(*store, WRITTEN))
    return StdFrame(address, thread, word.to_bytes(4, "little"), before, after)


def run(addresses: Sequence[int]) -> list[Frame]:
    """What executes NOPs at these addresses, and others between that go there."""
    return [step(address, to=following) for address, following in itertools.zip_longest(addresses, addresses[1:])]


def block(start: int, count: int) -> list[int]:
    return [start + 4 * number for number in range(count)]


Compare = Callable[..., Diff]


@pytest.fixture
def compare(tmp_path: Path) -> Iterator[Compare]:
    """Makes the diff of two lists of frames."""
    with ExitStack() as stack:

        def opened(name: str, frames: Sequence[Frame], producer: str, arguments: Sequence[str]) -> TraceReader:
            meta = MetaFrame(
                Tracer(producer, tuple(arguments), (), "1"),
                Target("", (), (), bytes(16)),
                FileStats(0, 0.0, 0.0, 0.0),
                "",
                "",
                0.0,
            )
            with TraceWriter(tmp_path / name, Header(78, 0), meta) as writer:
                for frame in frames:
                    writer.write(encode_frame(frame))
            return stack.enter_context(TraceReader(tmp_path / name))

        def diff(
            left: Sequence[Frame],
            right: Sequence[Frame],
            tolerance: Tolerance = STRICT,
            *,
            producers: tuple[str, str] = ("gdbtrace", "gdbtrace"),
            arguments: tuple[Sequence[str], Sequence[str]] = ((), ()),
            selection: Selection = Selection(),  # noqa: B008
            arch: str = "aarch64",
        ) -> Diff:
            readers = map(opened, ("left.frames", "right.frames"), (left, right), producers, arguments)
            return Diff(*(reading_of(reader, arch, selection) for reader in readers), tolerance)

        yield diff


def reading_of(reader: TraceReader, arch: str = "aarch64", selection: Selection = Selection()) -> Reading:  # noqa: B008
    known = ARCHITECTURES[arch]
    return Reading(reader, known, Symbols(known, None), Disassembly(known), selection)


def told(diff: Diff) -> list[tuple[str, int, int]]:
    """Kind and frame numbers of each divergence."""
    return [(each.kind.value, each.left.number, each.right.number) for each in diff.iter_divergences()]


def values(divergence: Divergence) -> list[tuple[str, str, str]]:
    return [(each.what, each.left, each.right) for each in divergence.differences]


# Values.


def test_equal_traces_have_no_divergence(compare: Compare) -> None:
    frames = run(block(0x1000, 20))

    diff = compare(frames, frames)

    assert diff.first() is None
    assert diff.tally.pairs == 20


def test_result_that_differs_is_told_where_it_arises_and_not_again(compare: Compare) -> None:
    def side(value: int) -> list[Frame]:
        return [
            step(0x1000, MOV_5, {"x0": 0}, {"x0": value}),
            *(step(address, NOP, {"x0": value}) for address in block(0x1004, 5)),
        ]

    diff = compare(side(5), side(7))

    (divergence,) = diff.iter_divergences()
    assert (divergence.kind, divergence.left.number) == (DivergenceKind.REGISTER, 0)
    assert values(divergence) == [("x0 after", "0x5", "0x7")]


def test_what_is_computed_from_it_is_counted_with_it(compare: Compare) -> None:
    def side(value: int) -> list[Frame]:
        return [
            step(0x1000, MOV_5, {"x0": 0, "x1": 0}, {"x0": value}),
            step(0x1004, ADD_X1_X0, {"x0": value, "x1": 0}, {"x1": value + 1}),
        ]

    diff = compare(side(5), side(7))

    assert told(diff) == [("register", 0, 0)]
    assert diff.tally.derived == {0: 1}


def test_what_is_not_computed_from_it_is_another_divergence(compare: Compare) -> None:
    def side(value: int) -> list[Frame]:
        return [
            step(0x1000, MOV_5, {"x0": 0, "x2": 0, "x3": 0}, {"x0": value}),
            step(0x1004, ADD_X2_X3, {"x0": value, "x2": 0, "x3": 0}, {"x2": value}),
        ]

    assert told(compare(side(5), side(7))) == [("register", 0, 0), ("register", 1, 1)]


def test_register_that_became_the_same_is_told_when_it_differs_again(compare: Compare) -> None:
    def side(value: int) -> list[Frame]:
        return [
            step(0x1000, MOV_5, {"x0": 0}, {"x0": value}),
            step(0x1004, MOV_6, {"x0": value}, {"x0": 6}),
            step(0x1008, NOP, {"x0": 6}),
            step(0x100C, MOV_5, {"x0": 6}, {"x0": value}),
        ]

    assert told(compare(side(5), side(7))) == [("register", 0, 0), ("register", 3, 3)]


def test_register_that_became_the_same_where_frames_are_equal_is_told_again(compare: Compare) -> None:
    def side(value: int) -> list[Frame]:
        # As --registers touched lists them: the second instruction's frame does not show what was there.
        return [
            step(0x1000, MOV_5, {}, {"x0": value}),
            step(0x1004, MOV_6, {}, {"x0": 6}),
            step(0x1008, MOV_5, {}, {"x0": value}),
        ]

    assert told(compare(side(5), side(7))) == [("register", 0, 0), ("register", 2, 2)]


def test_value_from_memory_is_the_memorys_divergence(compare: Compare) -> None:
    def side(value: int) -> list[Frame]:
        return [step(0x1000, LDR_X1, {"x1": 0, "x2": 0x8000}, {"x1": value}, load=(0x8000, value))]

    (divergence,) = compare(side(1), side(0x101)).iter_divergences()

    assert divergence.kind is DivergenceKind.MEMORY
    assert values(divergence) == [("load 0x8000", "0x8000: 0100000000000000", "0x8000: 0101000000000000")]


def test_memory_carries_what_was_stored_until_it_is_overwritten(compare: Compare) -> None:
    def side(value: int, address: int = 0x1000) -> Iterator[Frame]:
        yield step(0x1000, STR_X1, {"x1": 1, "x2": 0x8000}, {}, store=(0x8000, value))
        yield step(0x1004, LDR_X4, {"x2": 0x8000, "x4": 0}, {"x4": value}, load=(0x8000, value))
        yield step(0x1008, MOV_5, {"x4": value}, {"x4": 0})
        yield step(0x100C, STR_X1, {"x1": 1, "x2": 0x8000}, {}, store=(0x8000, 1))
        yield step(0x1010, LDR_X4, {"x2": 0x8000, "x4": 0}, {"x4": value}, load=(0x8000, value))

    diff = compare(list(side(1)), list(side(3)))

    assert told(diff) == [("memory", 0, 0), ("memory", 4, 4)]
    assert diff.tally.derived == {0: 1}


def test_copy_of_a_value_that_differs_is_derived_whoever_reads_it(compare: Compare) -> None:
    def side(value: int) -> list[Frame]:
        return [
            step(0x1000, MOV_5, {"x0": 0, "x2": 0, "x3": 0}, {"x0": value}),
            step(0x1004, ADD_X2_X3, {"x0": value, "x2": 0, "x3": 0}, {"x2": value}),
        ]

    assert told(compare(side(0x400000), side(0x500000))) == [("register", 0, 0)]


def test_traces_of_two_architectures_are_not_compared() -> None:
    with TraceReader(TRACES / "aarch64.frames") as one, TraceReader(TRACES / "sparc64.frames") as two:
        left, right = reading_of(one), reading_of(two, "sparc64")
        with pytest.raises(UsageError, match="they are of aarch64 and sparc64"):
            Diff(left, right)


def test_store_to_another_address_names_both(compare: Compare) -> None:
    left, right = ([step(0x1000, STR_X1, {"x2": 0x8000}, {}, store=(at, 1))] for at in (0x8000, 0x8008))

    (divergence,) = compare(left, right).iter_divergences()

    assert divergence.kind is DivergenceKind.MEMORY
    assert values(divergence) == [("store 0x8000", "0x8000: 0100000000000000", "0x8008: 0100000000000000")]


def test_register_that_only_one_lists_is_compared_with_its_value_before(compare: Compare) -> None:
    left = [step(0x1000, MOV_5, {"x0": 5}, {}), step(0x1004, MOV_6, {"x0": 5}, {})]
    right = [step(0x1000, MOV_5, {"x0": 5}, {"x0": 5}), step(0x1004, MOV_6, {"x0": 5}, {"x0": 6})]

    (divergence,) = compare(left, right).iter_divergences()

    assert divergence.left.number == 1
    assert values(divergence) == [("x0 after", "0x5", "0x6")]


# Where the traces go apart.


def test_frames_that_are_missing_and_more_are_named_and_counted(compare: Compare) -> None:
    addresses = block(0x1000, 60)
    left = run(addresses)
    right = [*left[:20], *left[23:40], *run(block(0x5000, 2)), *left[40:]]

    one, two = compare(left, right).iter_divergences()

    assert (one.kind, one.left.number, one.right.number) == (DivergenceKind.CONTROL_FLOW, 20, 20)
    assert (one.left_frames, one.right_frames, one.right.frame) == (3, 0, None)
    assert (two.left.number, two.right.number) == (40, 37)
    assert (two.left_frames, two.right_frames, two.left.frame) == (0, 2, None)


def test_loop_of_another_length_is_one_divergence(compare: Compare) -> None:
    def side(rounds: int) -> list[Frame]:
        return run([*block(0x1000, 4), *(block(0x1010, 3) * rounds), *block(0x101C, 40)])

    (divergence,) = compare(side(50), side(70)).iter_divergences()

    assert (divergence.kind, divergence.left.number) == (DivergenceKind.CONTROL_FLOW, 4 + 3 * 50 - 1)
    assert (divergence.left_frames, divergence.right_frames) == (0, 60)


def test_branch_that_goes_elsewhere_is_the_divergence(compare: Compare) -> None:
    head, tail = block(0x1000, 4), block(0x1040, 30)
    left = run([*head, *tail])
    right = run([*head, 0x1014, 0x1018, *tail])

    (divergence,) = compare(left, right).iter_divergences()

    assert (divergence.kind, divergence.left.number) == (DivergenceKind.CONTROL_FLOW, 3)
    assert values(divergence) == [("pc after", "0x1040", "0x1014")]
    assert (divergence.left_frames, divergence.right_frames) == (0, 2)


def test_branch_on_a_value_that_differs_follows_from_that(compare: Compare) -> None:
    def side(value: int) -> list[Frame]:
        return [
            step(0x1000, MOV_5, {"x0": 9}, {"x0": value}),
            step(0x1004, CBZ_X0, {"x0": value}, {}, to=0x1008 if value else 0x100C),
            *([step(0x1008, NOP, {"x0": value})] if value else []),
            *(step(address, NOP, {"x0": value}) for address in block(0x100C, 20)),
        ]

    diff = compare(side(0), side(1))
    tolerated = compare(side(0), side(1), replace(STRICT, registers={"x0": -1}))

    assert told(diff) == [("register", 0, 0)]
    assert diff.tally.derived == {0: 1}
    (divergence,) = tolerated.iter_divergences()
    assert divergence.kind is DivergenceKind.CONTROL_FLOW
    assert divergence.follows_tolerated


def test_program_counter_that_leads_nowhere_else_is_a_register(compare: Compare) -> None:
    left = run(block(0x1000, 5))
    right = [*left]
    right[2] = step(0x1008, to=0x100D)

    (divergence,) = compare(left, right).iter_divergences()

    assert (divergence.kind, divergence.left.number) == (DivergenceKind.REGISTER, 2)


def test_what_was_written_where_the_traces_were_apart_follows_from_that(compare: Compare) -> None:
    head = run(block(0x1000, 4))[:-1]
    extra = [step(0x2000, MOV_5, {"x0": 0}, {"x0": 5}), step(0x2004, STR_X1, {}, {}, store=(0x8000, 5))]

    def tail(value: int) -> list[Frame]:
        return [
            *(step(address, NOP, {"x0": value}) for address in block(0x3000, 20)),
            step(0x3050, LDR_X4, {"x0": value}, {"x4": value}, load=(0x8000, value)),
        ]

    diff = compare([*head, *tail(0)], [*head, *extra, *tail(5)])

    assert told(diff) == [("control flow", 3, 3)]


def test_traces_that_never_meet_again_end_the_comparison(compare: Compare) -> None:
    left = run(block(0x10000, 40_000))
    right = [*left[:5], *run(block(0x100000, 40_000))]

    divergence, *others = compare(left, right).iter_divergences()

    assert not divergence.is_realigned
    assert not others


def test_trace_that_ends_before_the_other(compare: Compare) -> None:
    frames = run(block(0x1000, 10))

    (divergence,) = compare(frames, frames[:7]).iter_divergences()

    assert (divergence.kind, divergence.left.number, divergence.right.number) == (DivergenceKind.LENGTH, 7, 7)
    assert (divergence.left.frame, divergence.right.frame) == (frames[7], None)
    assert (divergence.left_frames, divergence.right_frames) == (3, 0)


def test_context_is_of_each_side_and_as_long_as_asked_for(compare: Compare) -> None:
    left = run(block(0x1000, 30))
    right = [*left[:10], *run([0x5000]), *left[10:]]

    (divergence,) = compare(left, right).iter_divergences()

    assert [number for number, _ in divergence.left.before] == [7, 8, 9]
    assert [number for number, _ in divergence.left.after] == [10, 11, 12]
    assert [number for number, _ in divergence.right.after] == [11, 12, 13]


# Code.


def test_changed_constant_in_a_loop_is_told_once(compare: Compare) -> None:
    def side(word: int, value: int) -> list[Frame]:
        body = [
            step(0x1000, word, {"x0": 0}, {"x0": value}),
            *(step(address, NOP, {"x0": value}) for address in block(0x1004, 7)),
            step(0x1020, 0x14000000 - 8 & 0x17FFFFFF, {"x0": value}, {}, to=0x1000),
        ]
        return [*body * 30]

    diff = compare(side(MOV_5, 5), side(MOV_6, 6))

    (divergence,) = diff.iter_divergences()
    assert (divergence.kind, divergence.left.number) == (DivergenceKind.BYTES, 0)
    assert values(divergence) == [("bytes", "a00080d2", "c00080d2")]


def test_instruction_more_is_told_where_it_is(compare: Compare) -> None:
    words = [0xD2800000 | number << 5 | number % 30 for number in range(20)]
    caller = [step(address, NOP) for address in block(0x8000, 30)]
    left = [step(0x1000 + 4 * number, word) for number, word in enumerate(words)]
    right = [step(0x1000 + 4 * number, word) for number, word in enumerate([*words[:6], NOP, *words[6:]])]
    left[-1], right[-1] = (replace_target(frames[-1], 0x8000) for frames in (left, right))

    (divergence,) = compare([*left, *caller], [*right, *caller]).iter_divergences()

    assert (divergence.kind, divergence.left.number, divergence.right.number) == (DivergenceKind.BYTES, 6, 6)
    assert (divergence.left_frames, divergence.right_frames) == (13, 14)


def test_instruction_more_in_a_loop_is_told_once(compare: Compare) -> None:
    words = [0xD2800000 | number << 5 | number % 30 for number in range(20)]
    caller = [step(address, NOP) for address in block(0x8000, 30)]

    def side(words: Sequence[int]) -> list[Frame]:
        body = [step(0x1000 + 4 * number, word) for number, word in enumerate(words)]
        body[-1] = replace_target(body[-1], 0x8000)
        return [*body, *caller] * 5

    diff = compare(side(words), side([*words[:6], NOP, *words[6:]]))

    assert told(diff) == [("bytes", 6, 6)]
    assert diff.tally.pairs == 5 * (6 + 1 + 30)


def replace_target(frame: StdFrame, to: int) -> StdFrame:
    return replace(frame, post=[register("pc", to, WRITTEN)])


# What is tolerated.


def test_masked_register_and_what_is_computed_from_it_are_none(compare: Compare) -> None:
    def side(value: int) -> list[Frame]:
        return [
            step(0x1000, MOV_5, {"x0": 0, "x1": 0, "x2": 0x8000}, {"x0": value}),
            step(0x1004, ADD_X1_X0, {"x0": value, "x1": 0, "x2": 0x8000}, {"x1": value + 1}),
            step(0x1008, STR_X1, {"x0": value, "x1": value + 1, "x2": 0x8000}, {}, store=(0x8000, value + 1)),
            step(0x100C, LDR_X4, {"x2": 0x8000, "x4": 0}, {"x4": value + 1}, load=(0x8000, value + 1)),
        ]

    diff = compare(side(5), side(7), replace(STRICT, registers={"x0": -1}))

    assert told(diff) == []
    assert diff.tally.tolerated == 4
    assert told(compare(side(5), side(7), replace(STRICT, registers={"x0": 0b11}))) == []
    assert told(compare(side(5), side(7), replace(STRICT, registers={"x0": 0b01}))) == [("register", 0, 0)]


def test_bits_may_differ_some_because_they_are_masked_and_some_because_they_did_before(compare: Compare) -> None:
    overflow, parity, carry = 1 << 11, 1 << 2, 1

    def side(before: int, after: int) -> list[Frame]:
        words = "4885e4", "48c1c005"  # test rsp, rsp; rol rax, 5, which leaves the overflow flag undefined
        flags = (0x202, before), (before, after)
        return [
            StdFrame(address, 0, bytes.fromhex(word), [register("rflags", one)], [register("rflags", two, WRITTEN)])
            for address, word, (one, two) in zip((0x1000, 0x1003), words, flags, strict=True)
        ]

    def kinds(changed: int, *, undefined: bool = True) -> list[tuple[str, int, int]]:
        tolerance = Tolerance.parse(instructions=["test *"], undefined=undefined)
        right = side(0x202 | parity, 0x202 | parity ^ changed)
        return told(compare(side(0x202, 0x202), right, tolerance, arch="x86_64"))

    assert kinds(overflow) == []
    assert kinds(overflow, undefined=False) == [("register", 1, 1)]
    assert kinds(overflow | carry) == [("register", 1, 1)]


def test_masked_memory_and_what_is_loaded_from_it_are_none(compare: Compare) -> None:
    def side(value: int) -> list[Frame]:
        return [step(0x1000, LDR_X1, {"x1": 0, "x2": 0x8000}, {"x1": value}, load=(0x8000, value))]

    assert told(compare(side(1), side(2), Tolerance.parse(memory=["0x8000"]))) == []
    assert told(compare(side(1), side(2), Tolerance.parse(memory=["0x8001-0x80ff"]))) == [("memory", 0, 0)]


def test_clock_is_different_from_run_to_run(compare: Compare) -> None:
    def side(value: int) -> list[Frame]:
        return [
            step(0x1000, MRS_CNTVCT, {"x0": 0, "x1": 0}, {"x0": value}),
            step(0x1004, ADD_X1_X0, {"x0": value, "x1": 0}, {"x1": value + 1}),
        ]

    assert told(compare(side(5), side(7), Tolerance())) == []
    assert told(compare(side(5), side(7), STRICT)) == [("register", 0, 0)]
    assert told(compare(side(5), side(7), Tolerance.parse(instructions=["mrs *"], nondeterministic=False))) == []


def test_programs_that_were_loaded_elsewhere_are_the_same(compare: Compare) -> None:
    def side(base: int, stack: int) -> list[Frame]:
        return [
            ModloadFrame("prog", base, base + 0xFFFF),
            step(base, NOP, {"sp": stack, "x0": 0}, {"x0": base + 0x100}),
            step(base + 4, LDR_X1, {"sp": stack, "x0": base + 0x100}, {"x1": 3}, load=(base + 0x100, base + 0x80)),
        ]

    left, right = side(0x400000, 0x7FFF0000), side(0x500000, 0x7FF00000)

    assert told(compare(left, right, replace(STRICT, is_relocated=True))) == []
    assert told(compare(left, right))[0] == ("event", 0, 0)

    wrong = [*right[:1], step(0x500000, NOP, {"sp": 0x7FF00000, "x0": 0}, {"x0": 0x500108}), *right[2:]]
    (divergence,) = compare(left, wrong, replace(STRICT, is_relocated=True)).iter_divergences()
    assert values(divergence) == [("x0 after", "0x400100", "0x500108")]
    assert divergence.moved == {0x400000: 0x500000, 0x400004: 0x500004}


# Frames that are no instructions.


def test_event_that_is_missing_is_the_divergence(compare: Compare) -> None:
    frames = run(block(0x1000, 30))
    signal = ExceptionFrame(10, 0, 0x1010, 0x1014)

    (divergence,) = compare([*frames[:5], signal, *frames[5:]], frames).iter_divergences()

    assert (divergence.kind, divergence.left.number, divergence.left.frame) == (DivergenceKind.EVENT, 5, signal)
    assert (divergence.left_frames, divergence.right_frames) == (1, 0)


def test_events_are_passed_over_if_they_are_not_to_be_compared(compare: Compare) -> None:
    frames = run(block(0x1000, 30))
    with_event = [*frames[:5], ExceptionFrame(10, 0, 0x1010, 0x1014), *frames[5:]]

    assert told(compare(with_event, frames, replace(STRICT, events=False))) == []
    assert told(compare(with_event, frames, arguments=((), ("--std-only",)))) == []


def test_system_call_differs_in_what_its_registers_do_not(compare: Compare) -> None:
    def side(number: int, argument: int, value: int) -> list[Frame]:
        return [
            step(0x1000, MOV_5, {"x0": 0}, {"x0": value}),
            SyscallFrame(0x1004, 0, number, (argument, 0, 0, 0, 0, 0)),
        ]

    assert told(compare(side(64, 1, 1), side(64, 2, 1))) == [("event", 1, 1)]
    assert told(compare(side(64, 1, 1), side(63, 1, 1))) == [("event", 1, 1)]
    # The argument is the register that differs since the instruction before.
    assert told(compare(side(64, 1, 1), side(64, 2, 2))) == [("register", 0, 0)]


def test_key_frames_show_registers_that_no_frame_has_listed(compare: Compare) -> None:
    def side(value: int) -> list[Frame]:
        return [*run(block(0x1000, 5)), KeyFrame((TaggedValues(0, (register("x9", value, Usage()),)),))]

    (divergence,) = compare(side(1), side(2)).iter_divergences()

    assert (divergence.kind, divergence.left.number) == (DivergenceKind.REGISTER, 5)
    assert values(divergence) == [("x9 in the key frame", "0x1", "0x2")]
    assert told(compare(side(1), side(2), arguments=(("--key-interval=9",), ("--key-interval=8",)))) == []


def test_module_of_another_name_is_the_same_program(compare: Compare) -> None:
    left, right = ([ModloadFrame(name, 0x1000, 0x1FFF), *run(block(0x1000, 3))] for name in ("one", "two"))

    assert told(compare(left, right)) == []


# Other producers.


def test_of_another_producer_what_both_have_is_compared(compare: Compare) -> None:
    ours = [
        step(0x1000, ADD_X1_X0, {"x0": 1, "x1": 0, "x2": 7}, {"x1": 2}),
        step(0x1004, ADD_X1_X0, {"x0": 1, "x1": 2, "x2": 7}, {"x1": 2}),
    ]

    def theirs(value: int) -> list[Frame]:
        # Like tracewrap: other names, no widths, no program counters, another thread.
        def whole(name: str, number: int) -> Operand:
            return Operand(RegisterLocation(name), 0, number.to_bytes(8, "little"), READ)

        return [
            StdFrame(0x1000, 7, ADD_X1_X0.to_bytes(4, "little"), [whole("X0", 1)], [whole("X1", 2)]),
            StdFrame(0x1004, 7, ADD_X1_X0.to_bytes(4, "little"), [whole("X0", 1)], [whole("X1", value)]),
        ]

    assert told(compare(ours, theirs(2), producers=("gdbtrace", "tracewrap"))) == []
    assert told(compare(ours, theirs(3), producers=("gdbtrace", "tracewrap"))) == [("register", 1, 1)]


def test_window_is_compared_by_the_numbers_of_the_whole_trace(compare: Compare) -> None:
    left = run(block(0x1000, 20))
    right = [*left]
    right[3], right[12] = step(0x100C, to=0x1), step(0x1030, to=0x1)

    assert told(compare(left, right, selection=Selection(first=5, end=15))) == [("register", 12, 12)]
    assert told(compare(left, right, selection=Selection(first=5, end=12))) == []


def test_damage_is_told_after_what_came_before_it(compare: Compare, tmp_path: Path) -> None:
    frames = run(block(0x1000, 20))
    diff = compare(frames, [*frames[:2], step(0x1008, to=0x1), *frames[3:]])
    path = tmp_path / "right.frames"
    size = len(encode_frame(frames[0])) + 8
    path.write_bytes(path.read_bytes()[: -size * 16 - 50])

    divergences = diff.iter_divergences()

    assert next(divergences).left.number == 2
    with pytest.raises(TraceFormatError, match="cut short"):
        next(divergences)
