"""The values that a bap-frame trace is made of. The names are the format's own."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias, overload


@dataclass(frozen=True, slots=True)
class RegisterLocation:
    """A register."""

    name: str


@dataclass(frozen=True, slots=True)
class MemoryLocation:
    """A guest-virtual address."""

    address: int
    physical: int | None = None
    """Where that is in the machine's physical address space; None: the same, or not known (a process's memory)."""
    device: str = ""
    """QEMU's name of the device there; empty: it is memory, or not known."""


Location: TypeAlias = RegisterLocation | MemoryLocation


@dataclass(frozen=True, slots=True)
class Usage:
    """What the instruction does with an operand."""

    read: bool = False
    written: bool = False
    index: bool = False
    """It is the index register of an address (no tracer of QEMU says so)."""
    base: bool = False
    """It is the base register of an address (no tracer of QEMU says so)."""


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Taint:
    """Where a tainted value comes from."""

    taint_id: int | None
    """None: from several sources."""


@dataclass(frozen=True, slots=True)
class Operand:
    """One value that an instruction read or wrote."""

    location: Location
    bit_length: int
    """As recorded. 0: the whole value (tracewrap writes that for registers); :attr:`bits` is the real width."""
    value: bytes
    """A register's bytes are little-endian whatever the guest, memory's in memory order. Empty: it was not observed."""
    usage: Usage
    taint: Taint | None = None

    @property
    def is_memory(self) -> bool:
        """Memory, not a register."""
        return type(self.location) is MemoryLocation

    @property
    def name(self) -> str:
        """The register's name.

        :raise TypeError: the operand is memory.
        """
        location = self.location
        if isinstance(location, RegisterLocation):
            return location.name
        raise TypeError(f"memory at {location.address:#x} has no name")

    @property
    def address(self) -> int:
        """The address in memory.

        :raise TypeError: the operand is a register.
        """
        location = self.location
        if isinstance(location, MemoryLocation):
            return location.address
        raise TypeError(f"register {location.name} has no address")

    @property
    def bits(self) -> int:
        """The width, also where the producer left it to the value's length."""
        return self.bit_length or 8 * len(self.value)

    def as_int(self, memory_order: Literal["little", "big"] | None = None) -> int:
        """The value as an unsigned number.

        :param memory_order: the guest's byte order: memory needs it, registers do not look at it.
        :raise ValueError: the value was not observed, or it is memory and the order was not given.
        """
        if not self.value:
            raise ValueError(f"the value of {self.location} was not observed")
        if not self.is_memory:
            return int.from_bytes(self.value, "little") & ((1 << self.bits) - 1)
        if memory_order is None:
            raise ValueError(f"{self.location}: a number in memory needs the guest's byte order")
        return int.from_bytes(self.value, memory_order)


EntryPair: TypeAlias = tuple[bytes, bytes]
"""Two operands of two lists, as they stand in the traces."""


class OperandDecoder(Protocol):
    """Decodes the operands in ``data[start:end]``, which are at ``offset + start`` in the trace."""

    def operands(self, data: bytes, start: int, end: int, offset: int) -> tuple[Operand, ...]: ...

    def memory_operands(self, data: bytes, start: int, end: int, offset: int) -> tuple[Operand, ...]: ...

    def entries(self, data: bytes, start: int, end: int) -> tuple[bytes, ...] | None: ...

    def operand(self, entry: bytes, offset: int) -> Operand: ...


class OperandList(Sequence[Operand]):
    """Operands that are decoded when they are first looked at.

    Any use raises :class:`~gdbtrace.errors.TraceFormatError` if the bytes are damaged. Equal to any sequence of the
    same operands.
    """

    __slots__ = ("_data", "_decoder", "_end", "_offset", "_operands", "_start")

    def __init__(self, decoder: OperandDecoder, data: bytes, start: int, end: int, offset: int) -> None:
        self._decoder = decoder
        self._data = data
        self._start = start
        self._end = end
        self._offset = offset
        self._operands: tuple[Operand, ...] | None = None

    def decoded(self) -> tuple[Operand, ...]:
        """All of them."""
        if self._operands is None:
            self._operands = self._decoder.operands(self._data, self._start, self._end, self._offset)
        return self._operands

    def encoded(self) -> bytes:
        """The list as it stands in the trace."""
        return self._data[self._start : self._end]

    @property
    def encoded_size(self) -> int:
        """In bytes, as it stands in the trace."""
        return self._end - self._start

    def behind(self, lead: bytes | bytearray) -> OperandList | None:
        """The operands behind encoded ones that the list begins with; None: it begins otherwise."""
        start = self._start + len(lead)
        if start > self._end or not self._data.startswith(lead, self._start):
            return None
        return OperandList(self._decoder, self._data, start, self._end, self._offset)

    def memory(self) -> tuple[Operand, ...]:
        """Those that are memory, in order; much cheaper than looking at all. Damage to registers goes unnoticed."""
        return self._decoder.memory_operands(self._data, self._start, self._end, self._offset)

    def entries(self) -> tuple[bytes, ...] | None:
        """The list cut into the operands as they stand in the trace; None: it has no usual shape.

        The same bytes are the same operand, whatever list they are of: see :meth:`operand`.
        """
        return self._decoder.entries(self._data, self._start, self._end)

    def operand(self, entry: bytes) -> Operand:
        """Decode one of the :meth:`entries`."""
        return self._decoder.operand(entry, self._offset + self._start)

    def differing(self, other: OperandList, passed: Container[EntryPair] = ()) -> list[EntryPair] | None:
        """The entries that are not the same in another list, in pairs; nothing is decoded.

        None: the lists are not laid out alike, or in no usual way, so which belong together is not known. Operands that
        stand in the same place need not be the same register.

        :param passed: pairs that are passed over.
        """
        data, start, end = self._data, self._start, self._end
        if data[start:end] == other._data[other._start : other._end]:
            return []
        entries, others = self.entries(), other.entries()
        if entries is None or others is None or len(entries) != len(others):
            return None
        pairs = [pair for pair in zip(entries, others, strict=True) if pair[0] != pair[1]]
        return [pair for pair in pairs if pair not in passed] if passed else pairs

    def has_register(self, name: bytes) -> bool:
        """Whether a register of that name may be listed: False is certain."""
        return self._data.find(name, self._start, self._end) >= 0

    def __len__(self) -> int:
        return len(self.decoded())

    def __iter__(self) -> Iterator[Operand]:
        return iter(self.decoded())

    @overload
    def __getitem__(self, index: int) -> Operand: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Operand, ...]: ...

    def __getitem__(self, index: int | slice) -> Operand | tuple[Operand, ...]:
        return self.decoded()[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, tuple | list | OperandList):
            return NotImplemented
        return self.decoded() == tuple(other)

    def __hash__(self) -> int:
        return hash(self.decoded())

    def __repr__(self) -> str:
        return repr(self.decoded())

    def __reduce__(self) -> tuple[type[tuple[Operand, ...]], tuple[tuple[Operand, ...]]]:
        """Pickled and copied as a plain tuple: the decoder stays with its file."""
        return tuple, (self.decoded(),)


@dataclass(slots=True, unsafe_hash=True)
class StdFrame:
    """One executed instruction.

    A value like the others: it does not change. ``frozen`` would see to it at each of its fields, which took a fifth
    of the time in which a trace is read; ``Final`` leaves it to mypy.
    """

    address: Final[int]
    thread_id: Final[int]
    rawbytes: Final[bytes]
    """The instruction, in memory order."""
    pre: Final[Sequence[Operand]]
    """Values before it."""
    post: Final[Sequence[Operand] | None]
    """Values after it; None: it did not finish."""
    mode: Final[str | None] = None
    """Instruction set, where it can change: ``arm:t32``."""

    def memory_reads(self) -> Sequence[Operand]:
        """The memory operands of ``pre``. Of a frame from a file this decodes nothing else."""
        return _memory_of(self.pre)

    def memory_writes(self) -> Sequence[Operand]:
        """The memory operands of ``post``. Of a frame from a file this decodes nothing else."""
        return () if self.post is None else _memory_of(self.post)


def _memory_of(operands: Sequence[Operand]) -> Sequence[Operand]:
    if isinstance(operands, OperandList):
        return operands.memory()
    return tuple(operand for operand in operands if operand.is_memory)


@dataclass(frozen=True, slots=True)
class SyscallFrame:
    """A system call."""

    address: int
    thread_id: int
    number: int
    arguments: tuple[int, ...]
    """Signed 64-bit numbers."""


@dataclass(frozen=True, slots=True)
class ExceptionFrame:
    """An exception or interrupt taken, a signal delivered."""

    exception_number: int
    thread_id: int | None = None
    from_addr: int | None = None
    to_addr: int | None = None


@dataclass(frozen=True, slots=True)
class ModloadFrame:
    """A module that was loaded."""

    module_name: str
    low_address: int
    high_address: int


@dataclass(frozen=True, slots=True)
class TaggedValues:
    """Values that belong together."""

    thread_id: int | None
    """None: they belong to no thread (memory)."""
    values: tuple[Operand, ...]
    """Without usage: nothing reads or writes here."""


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """The state at one point of the trace."""

    tagged_values: tuple[TaggedValues, ...]


@dataclass(frozen=True, slots=True)
class TaintIntro:
    """A tainted byte."""

    addr: int
    taint_id: int
    value: bytes | None = None
    source_name: str | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class TaintIntroFrame:
    """Taint brought in, by input for instance."""

    taints: tuple[TaintIntro, ...]


@dataclass(frozen=True, slots=True)
class UnknownFrame:
    """A kind of frame that is younger than this program."""

    data: bytes


Frame: TypeAlias = StdFrame | SyscallFrame | ExceptionFrame | ModloadFrame | KeyFrame | TaintIntroFrame | UnknownFrame


@dataclass(frozen=True, slots=True)
class Tracer:
    """The program that made the trace."""

    name: str
    args: tuple[str, ...]
    envp: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Target:
    """The program that was traced."""

    path: str
    args: tuple[str, ...]
    envp: tuple[str, ...]
    md5sum: bytes
    """16 raw bytes."""


@dataclass(frozen=True, slots=True)
class FileStats:
    """Of the traced program's file; times are seconds since 1970."""

    size: int
    """The format has 32 bits: a file of 2 GiB or more wraps."""
    atime: float
    mtime: float
    ctime: float


@dataclass(frozen=True, slots=True)
class MetaFrame:
    """Where a trace comes from."""

    tracer: Tracer
    target: Target
    fstats: FileStats
    user: str
    host: str
    time: float
    """When it was made, seconds since 1970."""
