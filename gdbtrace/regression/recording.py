"""A run that was just recorded, and what a test asks of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from gdbtrace.analysis.calls import Activation, Enter, iter_calls
from gdbtrace.analysis.reading import Reading
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.analysis.timeline import Stages
from gdbtrace.arch.registry import architecture_named
from gdbtrace.errors import UsageError, nearest
from gdbtrace.image import number_of
from gdbtrace.machine.emulator import find_emulator
from gdbtrace.machine.profile import load_profile
from gdbtrace.opening import is_of_machine, open_reading
from gdbtrace.record.options import MachineOptions, Place, RunOptions, Summary
from gdbtrace.trace import open_trace
from gdbtrace.trace.frames import Frame, ModloadFrame, StdFrame


@dataclass(frozen=True, slots=True, repr=False)
class Recording:
    """A trace and how it came about. Iterating gives its frames, each time anew."""

    options: RunOptions | MachineOptions
    summary: Summary
    program: Path | None
    """Or a machine's image; None: what ran came with the machine."""
    output_path: Path
    """What the guest printed: a program on its standard output, a machine on its console."""

    def __repr__(self) -> str:
        # Short: pytest shows it where an assertion failed.
        return f"<{type(self).__name__} {self.path.name}>"

    @property
    def path(self) -> Path:
        """Of the trace."""
        return self.summary.path

    @property
    def command(self) -> Sequence[str]:
        """What traces it again, as words of a command line. A machine's arguments are those of its profile."""
        with open_trace(self.path) as reader:
            meta = reader.meta
            if meta is None:
                return ()
            # Notes on the trace stand among the options.
            options = [word for word in meta.tracer.args if word.startswith("--")]
            target = [meta.target.path] if is_of_machine(reader) else meta.target.args
            return ("gdbtrace", "run", *options, *filter(None, target))

    @property
    def exit_status(self) -> int | None:
        """The guest's own; None: it has not exited."""
        return self.summary.exit_status

    @property
    def output(self) -> str:
        """What the guest printed. Bytes that are not UTF-8 are shown as ``\\xNN``."""
        return self.output_path.read_bytes().decode(errors="backslashreplace")

    def __iter__(self) -> Iterator[Frame]:
        with open_trace(self.path) as reader:
            yield from reader

    def reading(self) -> AbstractContextManager[Reading]:
        """The trace with symbols and disassembly, for the analyses.

        :raise UsageError: the program cannot be read.
        """
        elf = self.options.elf if isinstance(self.options, MachineOptions) else None
        return open_reading(self.path, elf=elf or self.program)

    def calls(self, function: str) -> list[Activation]:
        """Each execution of a function that began within the trace, in order, however it was entered.

        :param function: its name as the source has it, with parameters or without, or as the linker knows it.
        :raise UsageError: neither the program nor one of its modules has such a function.
        """
        found = []
        with self.reading() as reading:
            for event in iter_calls(reading, reading.disassembly, reading.symbols):
                if isinstance(event, Enter):
                    known = reading.symbols.function_at(event.activation.address)
                    if known and known.name == event.activation.name and known.is_called(function):
                        found.append(event.activation)
            if not found:
                _check_function(reading.symbols, function)
        return found

    def frame_reaching(self, place: Place) -> int | None:
        """Number of the frame that reaches a place, the N-th time if the place says so; None: the trace ends before.

        :raise UsageError: there is no such symbol.
        """
        hits = 0
        with self.reading() as reading:
            address = number_of(place.text)
            stages = Stages({place.text: place.text if address is None else address}, reading.symbols)
            for number, frame in reading.iter_numbered():
                if type(frame) is ModloadFrame:
                    stages.learn()
                elif type(frame) is StdFrame and frame.address in stages.addresses:
                    hits += 1
                    if hits == place.hits:
                        return number
            if stages.unknown:
                raise _no_symbol(place.text, {function.name for function in reading.symbols.iter_functions()})
        return None

    def last_place(self) -> str:
        """Where the trace ends: address, and symbol where there is one."""
        with self.reading() as reading:
            last = None
            for frame in reading:
                if type(frame) is StdFrame:
                    last = frame.address
            if last is None:
                return "before its first instruction"
            return " ".join(filter(None, (f"at {last:#x}", reading.symbols.place_at(last))))


def find_what_runs(arch: str | None, machine: str | None) -> None:
    """See that there is a QEMU for an architecture's programs, or for a machine.

    :raise ToolMissing: there is none, or it is too old.
    :raise UsageError: there is no such architecture or machine.
    """
    if machine is not None:
        find_emulator(load_profile(machine).qemu)
    elif arch is not None:
        known = architecture_named(arch)
        find_emulator(known.qemu_user, None, known.least_qemu)


def _check_function(symbols: Symbols, name: str) -> None:
    """Refuse a name that no function has: it would never be called, whatever the program does.

    :raise UsageError: there is none of that name.
    """
    names = set()
    for function in symbols.iter_functions():
        if function.is_called(name):
            return
        names.add(function.name)
    raise _no_symbol(name, names)


def _no_symbol(name: str, names: set[str]) -> UsageError:
    return UsageError(f"no symbol {name!r}{nearest(name, names) or '; give another, or a file with symbols'}")
