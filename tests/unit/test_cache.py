"""Misses in simulated caches: against a brute-force twin, against QEMU's own plugin, and as they are printed."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbtrace.analysis.cache import (
    EVICTIONS,
    CacheAnalysis,
    CacheOptions,
    CacheResult,
    CoreTallies,
    Geometry,
    Kind,
    Tally,
)
from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.cli import main
from gdbtrace.cli.cache import CacheShape
from gdbtrace.report.cache_report import CacheReport, DinWriter
from gdbtrace.trace import MemoryLocation, Operand, StdFrame, Usage

TRACES = Path(__file__).parents[1] / "traces"
SAMPLES = pytest.mark.parametrize("arch", ["sparc64", "aarch64"])
SMALL = ["--l1i", "128,32,2", "--l1d", "2K,64,2", "--l2", "8K,64,4"]
"""The sample walks a table of 4 KiB twice, by 128 bytes: too much for this L1, not for this L2."""
TINY = ["--l1i", "128,32,2", "--l1d", "64,16,2", "--l2", "512,64,2"]
"""The caches of the files *.qemu-cache-*.txt: LRU and FIFO differ in them."""


def memory(address: int, size: int, *, physical: int | None = None, device: str = "") -> Operand:
    return Operand(MemoryLocation(address, physical, device), 8 * size, bytes(size), Usage(read=True))


def instruction(
    address: int = 0x1000,
    size: int = 4,
    *,
    loads: Sequence[Operand] = (),
    stores: Sequence[Operand] | None = (),
    thread: int = 0,
) -> StdFrame:
    return StdFrame(address, thread, bytes(size), tuple(loads), None if stores is None else tuple(stores))


def simulated(frames: Sequence[StdFrame], options: CacheOptions) -> CacheResult:
    analysis = CacheAnalysis(options, Symbols(None, None))
    for frame in frames:
        analysis.feed(frame)
    return analysis.result()


def data_of(frames: Sequence[StdFrame], l1d: Geometry, **options: object) -> tuple[int, int]:
    """Accesses and misses of the L1 data cache."""
    tally = simulated(frames, CacheOptions(l1d=l1d, **options)).total.data  # type: ignore[arg-type]
    return tally.accesses, tally.misses


# -- the brute-force twin ------------------------------------------------------------------------------------------


class Twin:
    """The caches once more, as lists that are searched; addresses are split into blocks byte by byte."""

    def __init__(self, options: CacheOptions) -> None:
        self.options = options
        self.sets: dict[tuple[int, str, int], list[int]] = defaultdict(list)
        self.counts: Counter[tuple[int, str, str]] = Counter()
        self.missed: Counter[tuple[Kind, int]] = Counter()

    def is_hit(self, core: int, name: str, geometry: Geometry, address: int) -> bool:
        block = address // geometry.block_bytes
        ways = self.sets[core, name, block % (geometry.size_bytes // geometry.block_bytes // geometry.ways)]
        self.counts[core, name, "accesses"] += 1
        hit = block in ways
        self.counts[core, name, "misses"] += not hit
        if hit and self.options.eviction == "lru":
            ways.remove(block)
            ways.append(block)
        if not hit:
            ways.append(block)
            del ways[: -geometry.ways]
        return hit

    def access(self, core: int, kind: Kind, pc: int, address: int, size: int) -> None:
        name, geometry = ("l1i", self.options.l1i) if kind is Kind.FETCH else ("l1d", self.options.l1d)
        touched = [address] if self.options.first_block_only else range(address, address + size)
        for first in dict.fromkeys(byte % (1 << 64) // geometry.block_bytes * geometry.block_bytes for byte in touched):
            if not self.is_hit(core, name, geometry, first):
                self.missed[kind, pc] += 1
                if self.options.l2 and not self.is_hit(core, "l2", self.options.l2, first):
                    self.missed[Kind.L2, pc] += 1

    def feed(self, frame: StdFrame) -> None:
        core = frame.thread_id if self.options.cores is None else frame.thread_id % self.options.cores
        self.access(core, Kind.FETCH, frame.address, frame.address, len(frame.rawbytes))
        for operand in (*frame.pre, *(frame.post or ())):
            self.access(core, Kind.DATA, frame.address, operand.address, operand.bits // 8)

    def tally(self, core: int, name: str) -> Tally:
        return Tally(self.counts[core, name, "accesses"], self.counts[core, name, "misses"])


def geometries(least_block: int = 0) -> st.SearchStrategy[Geometry]:
    return st.builds(
        lambda block, sets, ways: Geometry((1 << block + sets) * ways, 1 << block, ways),
        st.integers(least_block, 5),
        st.integers(0, 3),
        st.integers(1, 4),
    )


ADDRESSES = st.integers(0, 300) | st.integers((1 << 64) - 16, (1 << 64) - 1)
OPERANDS = st.lists(st.builds(memory, ADDRESSES, st.integers(1, 9)), max_size=3)
FRAMES = st.lists(
    st.builds(
        instruction, ADDRESSES, st.integers(1, 9), loads=OPERANDS, stores=st.none() | OPERANDS, thread=st.integers(0, 3)
    ),
    max_size=60,
)
OPTIONS = st.builds(
    CacheOptions,
    geometries(),
    geometries(),
    st.none() | geometries(least_block=5),
    st.sampled_from(["lru", "fifo"]),
    cores=st.none() | st.integers(1, 3),
    first_block_only=st.booleans(),
)


@given(FRAMES, OPTIONS)
def test_counts_are_the_twins(frames: list[StdFrame], options: CacheOptions) -> None:
    twin = Twin(options)
    for frame in frames:
        twin.feed(frame)

    result = simulated(frames, options)

    for number, core in result.cores.items():
        l2 = twin.tally(number, "l2") if options.l2 else None
        assert core == CoreTallies(twin.tally(number, "l1d"), twin.tally(number, "l1i"), l2)
    missed: Counter[tuple[Kind, int]] = Counter()
    for each in result.instructions:
        missed.update({(kind, each.key[0]): each.misses[kind] for kind in Kind})
    assert +missed == twin.missed


@given(FRAMES, OPTIONS, st.integers(0, 9))
def test_random_is_the_same_for_the_same_seed_and_within_bounds(
    frames: list[StdFrame], options: CacheOptions, seed: int
) -> None:
    chosen = CacheOptions(options.l1i, options.l1d, options.l2, "random", seed, 1)
    result = simulated(frames, chosen)
    assert result == simulated(frames, chosen)
    # Every block is missed once at least, and every access once at most.
    block = chosen.l1d.block_bytes
    blocks = {
        byte % (1 << 64) // block
        for frame in frames
        for operand in (*frame.pre, *(frame.post or ()))
        for byte in range(operand.address, operand.address + operand.bits // 8)
    }
    assert len(blocks) <= result.total.data.misses <= result.total.data.accesses


def test_random_evicts_each_way_equally_often() -> None:
    # Going round N+1 blocks in N ways, a block thrown out comes by after 1 to N more accesses, all equally likely:
    # one access in (N+1)/2 misses. LRU and FIFO miss always.
    ways, rounds = 8, 4000
    walk = [instruction(loads=[memory(64 * block, 1)]) for block in range(ways + 1)] * rounds

    def rate(eviction: str) -> float:
        accesses, misses = data_of(walk, Geometry(64 * ways, 64, ways), eviction=eviction)
        return misses / accesses

    assert rate("random") == pytest.approx(2 / (ways + 1), rel=0.03)
    assert rate("lru") == rate("fifo") == 1


# -- what counts as an access ---------------------------------------------------------------------------------------


def test_an_access_that_straddles_two_blocks_looks_both_up() -> None:
    frames = [instruction(loads=[memory(60, 8)]), instruction(loads=[memory(64, 4)])]
    assert data_of(frames, Geometry(1024, 64, 2)) == (3, 2)
    assert data_of(frames, Geometry(1024, 64, 2), first_block_only=True) == (2, 2)


def test_an_instruction_that_straddles_two_blocks_is_fetched_from_both() -> None:
    total = simulated([instruction(62, 4)], CacheOptions()).total
    assert total.fetch == Tally(2, 2)


def test_a_read_modify_write_is_a_load_and_a_store() -> None:
    frames = [instruction(loads=[memory(0, 4)], stores=[memory(0, 4)])]
    assert data_of(frames, Geometry(1024, 64, 2)) == (2, 1)


def test_an_unfinished_instruction_has_its_fetch_and_loads() -> None:
    total = simulated([instruction(loads=[memory(0, 4)], stores=None)], CacheOptions()).total
    assert (total.data, total.fetch) == (Tally(1, 1), Tally(1, 1))


def test_data_is_where_it_is_in_physical_memory() -> None:
    frames = [
        instruction(loads=[memory(0x1000, 4, physical=0x8000)]),
        instruction(loads=[memory(0x2000, 4, physical=0x8000)]),
    ]
    assert data_of(frames, Geometry(1024, 64, 2)) == (2, 1)


def test_devices_are_not_cached() -> None:
    assert data_of([instruction(stores=[memory(0x1000, 4, device="uart")])], Geometry(1024, 64, 2)) == (0, 0)


def test_a_call_of_the_kernels_code_is_one_fetch() -> None:
    # QEMU performs it: its frame has no bytes.
    assert simulated([instruction(0xFFFF0FC0, 0)], CacheOptions()).total.fetch == Tally(1, 1)


def test_l1s_share_their_l2() -> None:
    frames = [instruction(0x1000), instruction(0x2000, loads=[memory(0x1000, 4)])]
    total = simulated(frames, CacheOptions(l2=Geometry(1 << 20, 64, 8))).total
    assert (total.fetch, total.data, total.l2) == (Tally(2, 2), Tally(1, 1), Tally(3, 2))


def test_each_vcpu_has_its_own_caches_unless_they_share_cores() -> None:
    frames = [instruction(thread=thread, loads=[memory(0, 4)]) for thread in (0, 1, 2)]
    geometry = Geometry(1024, 64, 2)
    assert data_of(frames, geometry) == (3, 3)
    assert data_of(frames, geometry, cores=2) == (3, 2)
    assert data_of(frames, geometry, cores=1) == (3, 1)


def test_a_machine_has_a_core_for_each_vcpu_and_a_program_one() -> None:
    assert CacheShape().options(is_machine=True).cores is None
    assert CacheShape().options(is_machine=False).cores == 1


def test_several_cores_have_a_line_each_and_their_sum() -> None:
    frames = [instruction(thread=thread, loads=[memory(0, 4)] * 2) for thread in (0, 3)]
    options = CacheOptions()
    lines = CacheReport(options, simulated(frames, options), Disassembly(None), 0).lines()
    assert lines[1:5] == [
        "0       2              1              50.0000%  1              1             100.0000%",
        "3       2              1              50.0000%  1              1             100.0000%",
        "sum     4              2              50.0000%  2              2             100.0000%",
        "",
    ]


# -- QEMU's own plugin -----------------------------------------------------------------------------------------------


def misses_by_address(report: str) -> dict[tuple[str, int], int]:
    """(heading, address) -> misses, of those that missed; of QEMU's report or ours."""
    found = {}
    heading = ""
    for line in report.splitlines()[2:]:
        if line.startswith("address, "):
            heading = line
        elif line and (match := re.match(r"0x([0-9a-f]+)(?: \(.*?\))?, (\d+), ", line)) and match[2] != "0":
            found[heading, int(match[1], 16)] = int(match[2])
    return found


@SAMPLES
@pytest.mark.parametrize("eviction", ["lru", "fifo"])
def test_misses_are_those_of_qemus_cache_plugin(arch: str, eviction: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The other side was made in tests/traces, of contrib/plugins/cache.c of Debian's source of QEMU 7.2, by

    env -i MALLOC_ARENA_MAX=1 setarch -R qemu-ARCH -seed 1 -U MALLOC_ARENA_MAX -plugin libcache.so,icachesize=128,
    iblksize=32,iassoc=2,dcachesize=64,dblksize=16,dassoc=2,l2cachesize=512,l2blksize=64,l2assoc=2,limit=100,
    evict=EVICTION -d plugin -D ARCH.qemu-cache-EVICTION.txt ARCH.elf
    """
    theirs = (TRACES / f"{arch}.qemu-cache-{eviction}.txt").read_text()

    trace = str(TRACES / f"{arch}.frames")
    assert main(["cache", trace, *TINY, "--evict", eviction, "--first-block", "--top", "1000"]) == 0

    ours = capsys.readouterr().out
    assert ours.splitlines()[:2] == theirs.splitlines()[:2]
    assert misses_by_address(ours) == misses_by_address(theirs)


# -- the command -----------------------------------------------------------------------------------------------------


@SAMPLES
def test_report_of_the_sample(arch: str, capsys: pytest.CaptureFixture[str]) -> None:
    """gdbtrace cache ARCH.frames --l1i 128,32,2 --l1d 2K,64,2 --l2 8K,64,4 --top 4 > ARCH.cache.txt"""
    assert main(["cache", str(TRACES / f"{arch}.frames"), *SMALL, "--top", "4"]) == 0
    assert capsys.readouterr().out == (TRACES / f"{arch}.cache.txt").read_text()


@SAMPLES
def test_report_without_symbols_lacks_only_them(arch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = shutil.copy(TRACES / f"{arch}.frames", tmp_path)
    assert main(["cache", str(trace), *SMALL, "--top", "4"]) == 0
    with_symbols = (TRACES / f"{arch}.cache.txt").read_text()
    assert capsys.readouterr().out == re.sub(r" \(.*?\)", "", with_symbols)


def test_json_has_what_the_text_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", str(TRACES / "aarch64.frames"), *SMALL, "--top", "1", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["l1d"] == {"size_bytes": 2048, "block_bytes": 64, "ways": 2}
    assert facts["cores"]["0"]["data"] == {"accesses": 187, "misses": 69, "miss_rate": 69 / 187}
    assert facts["cores"]["0"] == facts["sum"]
    assert facts["top"]["data"] == [
        {
            "address": "0x400150",
            "symbol": "fill+0x14",
            "file": "program.c",
            "line": 36,
            "misses": 32,
            "instruction": "strb w3, [x2]",
        }
    ]


@SAMPLES
def test_din_read_back_misses_the_same(arch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As dinero IV reads it (dinfmt.c): a line is a word of 4 bytes, without the two lowest bits of its address.

    Dinero itself is no package of anybody's; docs/decisions/0010 has what it counted.
    """
    din, trace = tmp_path / "x.din", str(TRACES / f"{arch}.frames")
    # The smallest blocks that hold a word: accesses reach into several.
    shape = ["--l1i", "128,32,2", "--l1d", "64,4,2", "--l2", "512,64,2"]
    assert main(["cache", trace, *shape, "--din", str(din), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)["sum"]

    twin = Twin(CacheOptions(Geometry(128, 32, 2), Geometry(64, 4, 2), Geometry(512, 64, 2)))
    for line in din.read_text().splitlines():
        label, address = re.fullmatch(r"([012]) ([0-9a-f]+)", line).groups()  # type: ignore[union-attr]
        twin.access(0, Kind.FETCH if label == "2" else Kind.DATA, 0, int(address, 16) & ~3, 4)
    for name, cache in (("data", "l1d"), ("fetch", "l1i"), ("l2", "l2")):
        tally = twin.tally(0, cache)
        assert facts[name] == {"accesses": tally.accesses, "misses": tally.misses, "miss_rate": tally.miss_rate}


def test_din_is_a_line_for_each_access(tmp_path: Path) -> None:
    din = tmp_path / "x.din"
    assert main(["cache", str(TRACES / "aarch64.frames"), "--frames", "2:5", "--din", str(din)]) == 0
    # stp x29, x30, [sp, #-0x20]!; mov x29, sp; str x19, [sp, #0x10]
    assert din.read_text().splitlines() == [
        *("2 40019c", "1 5500800e50", "1 5500800e58"),
        "2 4001a0",
        *("2 4001a4", "1 5500800e60"),
    ]


def test_din_has_a_line_for_each_block_of_an_access() -> None:
    frame = instruction(0x3E, 4, loads=[memory(0x13, 0x10)])
    options = CacheOptions(l1d=Geometry(64, 8, 1))
    whole, first = io.StringIO(), io.StringIO()
    DinWriter(whole, options).feed(frame)
    DinWriter(first, replace(options, first_block_only=True)).feed(frame)
    assert whole.getvalue().splitlines() == ["2 3e", "2 40", "0 13", "0 18", "0 20"]
    assert first.getvalue().splitlines() == ["2 3e", "0 13"]


def test_behind_the_last_address_is_the_first_one() -> None:
    frames = [instruction(loads=[memory((1 << 64) - 4, 8)]), instruction(loads=[memory(0, 4)])]
    assert data_of(frames, Geometry(1024, 64, 2)) == (3, 2)
    din = io.StringIO()
    DinWriter(din, CacheOptions()).feed(frames[0])
    assert din.getvalue().splitlines() == ["2 1000", "0 fffffffffffffffc", "0 0"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--l1d", "16K,48"], "--l1d 16K,48: blocks of 48 bytes: must be a power of two"),
        (["--l1d", "3K,64,8"], "--l1d 3K,64,8: 6 sets: must be a power of two"),
        (["--l1i", "0"], "--l1i 0: size, block and ways must be more than 0"),
        (["--l1i", "1K,64,0"], "--l1i 1K,64,0: size, block and ways must be more than 0"),
        (["--l1i", "1000"], "--l1i 1000: 1000 bytes are no multiple of a set, 512 bytes"),
        (
            ["--l1i", "256,64,8"],
            "--l1i 256,64,8: a set of 8 blocks of 64 bytes is larger than the cache of 256 bytes",
        ),
        (["--l2", "99999999999999999999M"], "--l2 99999999999999999999M: larger than any memory"),
        (["--l2", "1M,32"], "--l2 1M,32: blocks of L2 must not be smaller than those of L1"),
        (
            ["--l2", "much"],
            "--l2 much: must be SIZE[,BLOCK[,WAYS]], numbers of bytes, bytes and blocks; 16K,64,8",
        ),
    ],
)
def test_impossible_caches_are_told_in_one_line(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cache", str(TRACES / "aarch64.frames"), *arguments]) == 2
    assert capsys.readouterr().err == f"gdbtrace: {problem}\n"


def test_the_trace_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = Path(shutil.copy(TRACES / "aarch64.frames", tmp_path))
    before = trace.read_bytes()
    assert main(["cache", str(trace), "--din", str(trace)]) == 2
    assert capsys.readouterr().err == f"gdbtrace: {trace}: that is what is read\n"
    assert trace.read_bytes() == before


def test_din_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", str(TRACES / "aarch64.frames"), "--din", "/dev/full"]) == 3
    assert capsys.readouterr().err == "gdbtrace: /dev/full: cannot be written: No space left on device\n"


def test_ways_need_not_be_a_power_of_two() -> None:
    # As in processors with 48 KiB of L1.
    assert Geometry(48 << 10, 64, 12).sets == 64


def test_every_eviction_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    for eviction in EVICTIONS:
        assert main(["cache", str(TRACES / "aarch64.frames"), "--evict", eviction, "--seed", "3"]) == 0
    assert capsys.readouterr().err == ""
