"""One line per instruction: as QEMU's execlog plugin prints it, as JSON, or exactly the memtrace oracle's line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from gdbtrace.analysis.disassembly import Syntax
from gdbtrace.analysis.reading import Reading
from gdbtrace.analysis.source import SourceText
from gdbtrace.image import SourceLine
from gdbtrace.trace.frames import (
    ExceptionFrame,
    Frame,
    KeyFrame,
    MemoryLocation,
    ModloadFrame,
    Operand,
    StdFrame,
    SyscallFrame,
)

_MOST_KEPT = 1 << 16
_RAM = "RAM"
"""What execlog calls memory, whatever it is, where devices have names."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What a log shows beyond execlog's fields, and of which instructions."""

    has_symbols: bool = True
    has_values: bool = False
    """Of the memory that was accessed."""
    registers: Sequence[str] = ()
    """Globs of names: these registers are shown where an instruction has changed them."""
    has_source: bool = False
    """Lines of source, before the instructions that they became."""
    has_events: bool = False
    """What happened between instructions."""
    prefixes: tuple[str, ...] = ()
    """Only instructions whose text begins with one of these..."""
    addresses: frozenset[int] = frozenset()
    """...or that are at one of these addresses; all where nothing is said."""
    syntax: Syntax = Syntax.ATT
    """How x86 is written."""


PLAIN = LogOptions()


class _Known(NamedTuple):
    """What all lines of an instruction share."""

    text: str
    head: str
    symbol: str
    source: SourceLine | None


class _Log:
    """What all formats do."""

    def __init__(self, reading: Reading, options: LogOptions) -> None:
        self._symbols, self._disassembly = reading.symbols, reading.disassembly
        self._arch, self._is_machine = reading.arch, reading.is_machine
        self._options = options
        self._is_filtered = bool(options.prefixes or options.addresses)
        self._known: dict[tuple[int, bytes, str | None], _Known | None] = {}
        self._globs: dict[str, bool] = {}

    def _looked_up(self, frame: StdFrame) -> _Known | None:
        """What is known of an instruction; None: it is not to be shown."""
        key = frame.address, frame.rawbytes, frame.mode
        try:
            return self._known[key]
        except KeyError:
            pass
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        known = self._known[key] = self._learned(frame)
        return known

    def _learned(self, frame: StdFrame) -> _Known | None:
        options, address, rawbytes = self._options, frame.address, frame.rawbytes
        text = self._disassembly.text_of(address, rawbytes, frame.mode, options.syntax)
        if self._is_filtered and address not in options.addresses and not text.startswith(options.prefixes):
            return None
        # A number, as execlog's little-endian host reads the bytes; of the whole instruction, not its first four.
        opcode = int.from_bytes(rawbytes, "little")
        return _Known(
            text,
            f'{address:#x}, {opcode:#x}, "{text}"',
            self._symbols.name_at(address) if options.has_symbols else "",
            self._symbols.line_at(address) if options.has_source else None,
        )

    def _is_shown(self, event: Frame) -> bool:
        if type(event) is ModloadFrame:
            # What was known of addresses may no longer be so.
            self._known.clear()
        return self._options.has_events

    def _changed(self, frame: StdFrame) -> Iterator[tuple[str, Operand]]:
        """The registers asked for that an instruction has changed, by execlog's name of them; those that it wrote where
        the frame does not have their values before."""
        before = {each.name: each for each in frame.pre if not each.is_memory}
        for name, operand in {each.name: each for each in frame.post or () if not each.is_memory}.items():
            wanted = self._globs.get(name)
            if wanted is None:
                lower = name.lower()
                wanted = self._globs[name] = any(
                    fnmatchcase(name, glob) or fnmatchcase(lower, glob) for glob in self._options.registers
                )
            if wanted and (name not in before or before[name].value != operand.value):
                yield name.lower(), operand

    def _order(self, mode: str | None) -> Literal["little", "big"] | None:
        """Of the guest's data, as far as the trace says; None: nobody knows."""
        if self._arch is None:
            return None
        return "little" if mode is not None and mode.endswith(":le") else self._arch.byte_order

    def _value(self, operand: Operand, mode: str | None) -> str:
        """``0x...`` with all digits; bytes in memory order where nobody knows the guest's; ``?``: not observed."""
        order = "little" if not operand.is_memory else self._order(mode)
        if not operand.value:
            return "?"
        if order is None:
            return operand.value.hex(" ")
        return f"0x{operand.as_int(order):0{2 * len(operand.value)}x}"

    def _place(self, operand: Operand) -> tuple[int, str]:
        """Address and device of an access: a machine's are the physical one and, of memory, RAM."""
        location = operand.location
        assert isinstance(location, MemoryLocation)
        if not (self._is_machine or location.device):
            return location.address, ""
        return location.address if location.physical is None else location.physical, location.device or _RAM


class LogLines(_Log):
    """Formats frames as execlog does.

    ``vCPU, 0xaddress, 0xopcode, "disassembly"[, load|store, 0xaddress[, device]]...``; then come
    ``, register -> 0xvalue`` for changed registers, and the symbol.
    """

    def __init__(self, reading: Reading, options: LogOptions = PLAIN) -> None:
        super().__init__(reading, options)
        modules = reading.symbols.modules
        self._source = SourceText([module.image.path.parent for module in modules if module.image])
        self._shown: SourceLine | None = None

    def lines(self, frame: Frame) -> Sequence[str]:
        """The lines of a frame; comments begin with ``#``. None where it is not to be shown."""
        if type(frame) is not StdFrame:
            return [f"# {event_line(frame)}"] if self._is_shown(frame) else ()
        known = self._looked_up(frame)
        if known is None:
            return ()
        line = self._line(frame, known)
        if known.source == self._shown:
            return (line,)
        self._shown = known.source
        return (line,) if known.source is None else (f"# {self._quoted(known.source)}", line)

    def _quoted(self, source: SourceLine) -> str:
        text = self._source.text_of(source)
        return f"{source}: {text}" if text else str(source)

    def _line(self, frame: StdFrame, known: _Known) -> str:
        options = self._options
        line = f"{frame.thread_id}, {known.head}"
        for kind, operands in (("load", frame.memory_reads()), ("store", frame.memory_writes())):
            for operand in operands:
                address, device = self._place(operand)
                line += f", {kind}, 0x{address:08x}"
                if device:
                    line += f", {device}"
                if options.has_values:
                    line += f" -> {self._value(operand, frame.mode)}"
        if options.registers:
            for name, operand in self._changed(frame):
                line += f", {name} -> {self._value(operand, None)}"
        return f"{line}, {known.symbol}" if known.symbol else line


class JsonLog(_Log):
    """Formats frames as JSON, an object a line. Numbers of 64 bits are strings: not every reader can hold them."""

    def lines(self, frame: Frame) -> Sequence[str]:
        """The line of a frame, if it is to be shown."""
        if type(frame) is not StdFrame:
            return [json.dumps({"event": event_line(frame)})] if self._is_shown(frame) else ()
        known = self._looked_up(frame)
        return () if known is None else (json.dumps(self._object(frame, known)),)

    def _object(self, frame: StdFrame, known: _Known) -> dict[str, object]:
        options = self._options
        shown: dict[str, object] = {
            "vcpu": frame.thread_id,
            "address": f"{frame.address:#x}",
            "bytes": frame.rawbytes.hex(),
            "disassembly": known.text,
        }
        if frame.mode is not None:
            shown["mode"] = frame.mode
        if known.symbol:
            shown["symbol"] = known.symbol
        if known.source is not None:
            shown |= {"file": known.source.file, "line": known.source.line}
        shown["accesses"] = [
            self._access(kind, operand, frame.mode)
            for kind, operands in (("load", frame.memory_reads()), ("store", frame.memory_writes()))
            for operand in operands
        ]
        if options.registers:
            shown["registers"] = {name: self._value(operand, None) for name, operand in self._changed(frame)}
        return shown

    def _access(self, kind: str, operand: Operand, mode: str | None) -> dict[str, object]:
        shown: dict[str, object] = {"kind": kind, "address": f"{operand.address:#x}", "bits": operand.bits}
        place, device = self._place(operand)
        if device:
            shown |= {"physical": f"{place:#x}", "device": device}
        if self._options.has_values:
            shown["value"] = self._value(operand, mode)
        return shown


def event_line(frame: Frame) -> str:
    """A frame that is no instruction."""
    match frame:
        case SyscallFrame():
            arguments = "".join(f", {argument & (1 << 64) - 1:#x}" for argument in frame.arguments)
            return f"{frame.thread_id}, {frame.address:#x}, syscall {frame.number}{arguments}"
        case ExceptionFrame():
            said = {"from": frame.from_addr, "to": frame.to_addr}
            places = "".join(f", {name} {address:#x}" for name, address in said.items() if address is not None)
            vcpu = "" if frame.thread_id is None else f"{frame.thread_id}, "
            return f"{vcpu}exception {frame.exception_number}{places}"
        case ModloadFrame():
            return f"modload {frame.low_address:#x}-{frame.high_address:#x}, {frame.module_name}"
        case KeyFrame():
            held = [
                f"{len(each.values)} values" + ("" if each.thread_id is None else f" of {each.thread_id}")
                for each in frame.tagged_values
            ]
            return ", ".join(["key frame", *held])
    return "a frame of another kind"


def memtrace_line(frame: StdFrame) -> str:
    """``<vcpu> <pc> <bytes> [L<address>:<size> | S<address>:<size>]...``, as the QEMU plugin in our tests prints it."""
    parts = [f"{frame.thread_id} {frame.address:x} {frame.rawbytes.hex()}"]
    parts += [_access("L", operand) for operand in frame.memory_reads()]
    parts += [_access("S", operand) for operand in frame.memory_writes()]
    return " ".join(parts)


def _access(letter: str, operand: Operand) -> str:
    return f"{letter}{operand.address:x}:{operand.bits // 8}"
