"""What is behind somebody's stub, as a target."""

from __future__ import annotations

import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import ARCHITECTURES, MACHINES, architecture_named
from gdbtrace.errors import UsageError
from gdbtrace.image import Image
from gdbtrace.record.options import AttachOptions, TraceOptions
from gdbtrace.record.target import Running, Target, architecture_for
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.stub.endpoint import Endpoint
from gdbtrace.trace.frames import MetaFrame
from gdbtrace.tracer.settings import TargetKind, TracerSettings

_OF_LINUX = frozenset(("orig_eax", "orig_rax", "orig_r2", "orig_r3", "restart", "system_call", "last_break", "trap"))
"""What gdbserver shows of the kernel's bookkeeping (gdb/features/*-linux.xml): no instruction's operand."""


@dataclass(slots=True)
class _Elsewhere:
    """A target that we have not started."""

    directory: Path

    def wait(self, seconds: float, /) -> int | None:
        """See :class:`~gdbtrace.record.target.Running`."""
        return None


class StubTarget(Target):
    """See :class:`~gdbtrace.record.target.Target`: what a stub that is not QEMU's steps."""

    kind = TargetKind.ATTACHED

    def __init__(self, options: TraceOptions, image: Image | None, arch: Arch) -> None:
        super().__init__(options)
        self.image = image
        self.arch = arch

    @abstractmethod
    def endpoint_of(self, running: Running) -> str:
        """Where the stub is."""

    def arch_with(self, layout: RegisterLayout, *, is_machine: bool) -> Arch:
        """See :class:`~gdbtrace.record.target.Target`."""
        arch = MACHINES[self.arch.name] if is_machine else self.arch
        return arch.with_stub_registers({name: bits for name, bits in layout.widths.items() if name not in _OF_LINUX})

    def settings(self, running: Running) -> TracerSettings:
        """See :class:`~gdbtrace.record.target.Target`."""
        return TracerSettings(
            self.kind,
            self.arch.name,
            running.directory,
            None,
            self.endpoint_of(running),
            fetch_all=self.fetches_all,
            key_interval=self.tracer_key_interval,
        )


class AttachTarget(StubTarget):
    """See :class:`~gdbtrace.record.target.Target`."""

    def __init__(self, options: AttachOptions) -> None:
        self._attach = options
        self._endpoint = Endpoint.parse(options.endpoint)
        image = None if options.elf is None else Image(options.elf)
        if options.arch is not None:
            arch = architecture_named(options.arch, is_machine=options.arch not in ARCHITECTURES)
        elif image is not None:
            arch = architecture_for(image, None, may_be_firmware=True)
        else:
            raise UsageError("a stub does not say what its processor is: give --arch or --elf")
        super().__init__(options, image, arch)
        self.default_output = Path("attach.frames" if options.elf is None else f"{options.elf.name}.frames")

    def start(self) -> AbstractContextManager[Running]:
        """See :class:`~gdbtrace.record.target.Target`."""
        return _private_directory()

    def endpoint_of(self, running: Running) -> str:
        """See :class:`StubTarget`."""
        return str(self._endpoint)

    def meta_frame(self) -> MetaFrame:
        """See :class:`~gdbtrace.record.target.Target`."""
        endpoint = [] if self.options.reproducible else [f"--attach={self._endpoint}"]
        return self.make_meta_frame(self._attach.elf, (), (), endpoint)


@contextmanager
def _private_directory() -> Iterator[Running]:
    directory = Path(tempfile.mkdtemp(prefix="gdbtrace-"))
    try:
        yield _Elsewhere(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
