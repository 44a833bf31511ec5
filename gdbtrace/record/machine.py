"""Firmware on a machine under full-system QEMU, as a target."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import MACHINES, architecture_named
from gdbtrace.errors import GdbtraceError, TargetDied, UsageError
from gdbtrace.image import Image
from gdbtrace.machine.emulator import find_emulator
from gdbtrace.machine.profile import ImageKind, MachineProfile, image_kind, iter_profiles, load_profile
from gdbtrace.machine.system import SHELL_SIGNAL, MachineCommand, SystemEmulator
from gdbtrace.record.options import MachineOptions
from gdbtrace.record.target import END_SECONDS, Running, Target
from gdbtrace.stub.description import RegisterLayout
from gdbtrace.trace.frames import MetaFrame
from gdbtrace.tracer.settings import TargetKind, TracerSettings

_STDERR = 2
_PATH = re.compile(r"(?:[^=,]|,,)*/(?:[^=,]|,,)*")
"""A path in an argument of QEMU's, whose options have a path's commas doubled."""
_ALSO_RUN = {"EM_X86_64": "EM_386", "EM_PPC64": "EM_PPC"}
"""Whose images QEMU's 64-bit machines load too: a processor that starts in its 32-bit mode."""


class MachineTarget(Target):
    """See :class:`~gdbtrace.record.target.Target`.

    :param tells_time: whether the guest's time will be asked for, where that is not the host's.
    """

    noun = "machine"

    def __init__(self, options: MachineOptions, *, tells_time: bool = False) -> None:
        super().__init__(options)
        self._run = options
        profile = _profile_of(options)
        self.arch = architecture_named(options.arch or profile.arch, is_machine=True)
        self._interrupts = profile.interrupts if options.interrupts is None else options.interrupts
        icount = profile.icount if options.icount is None else options.icount
        self._vcpus, self._address_space = profile.vcpus, profile.address_space
        only = options.schedule.only
        is_counted = options.machine is not None or options.vcpus is not None
        if only is not None and is_counted and only >= self._vcpus:
            count = "one vCPU, which is 0" if self._vcpus == 1 else f"{self._vcpus} vCPUs, numbered from 0"
            raise UsageError(f"--schedule only:{only}: the machine has {count}")
        self.name, self.stages = profile.name, profile.stages
        self.default_output = Path(f"{options.image.name if options.image is not None else profile.name}.frames")
        self.image = None if options.elf is None else Image(options.elf)
        if options.image is not None and image_kind(options.image) is ImageKind.ELF:
            image = Image(options.image)
            self._check_image(image, profile.name)
            self.image = self.image or image
        own = _bare_arguments(options) if options.machine is None else profile.qemu_arguments(options.image)
        self._command = MachineCommand(
            find_emulator(profile.qemu, options.qemu),
            (*own, *options.arguments),
            icount=None if icount == "off" else icount,
            gdb_port=options.gdb_port,
            console=_STDERR if options.console is None else options.console,
            tells_time=tells_time and icount != "off",
            semihosting=options.semihosting,
        )

    def _check_image(self, image: Image, machine: str) -> None:
        """Refuse an ELF of another architecture: QEMU says nothing of it, or loads the file as it is.

        :raise UsageError: it is one.
        """
        elf = self.arch.elf
        known = {(each, elf.byte_order) for each in (elf.machine, _ALSO_RUN.get(elf.machine))}
        if (image.machine, image.byte_order) not in known:
            found, wanted = (f"{each.machine.removeprefix('EM_')}, {each.byte_order}-endian" for each in (image, elf))
            raise UsageError(f"{image.path}: an ELF for {found}; {machine} runs {wanted}")

    def arch_with(self, layout: RegisterLayout, *, is_machine: bool) -> Arch:
        """See :class:`~gdbtrace.record.target.Target`."""
        return self.arch.with_stub_registers(layout.widths)

    def start(self) -> SystemEmulator:
        """See :class:`~gdbtrace.record.target.Target`."""
        return SystemEmulator(self._command)

    def settings(self, running: Running) -> TracerSettings:
        """See :class:`~gdbtrace.record.target.Target`."""
        assert isinstance(running, SystemEmulator)
        return TracerSettings(
            TargetKind.MACHINE,
            self.arch.name,
            running.directory,
            running.process_id,
            running.stub_endpoint,
            fetch_all=self.fetches_all,
            key_interval=self.tracer_key_interval,
            interrupts=self._interrupts,
            address_space=self._address_space,
            schedule=self._run.schedule,
        )

    def reach_start(self, running: Running, command: Callable[[str], bool]) -> None:
        """See :class:`~gdbtrace.record.target.Target`."""
        text = self._run.until_console
        if text is None:
            return
        assert isinstance(running, SystemEmulator)
        with running.listening():
            running.expect(text.encode(), running.stop)
            if not command("run"):
                raise UsageError(f"the machine ended before its console printed {text!r}; try another --until-console")

    def explain(self, error: GdbtraceError, running: Running, *, has_begun: bool) -> None:
        """See :class:`~gdbtrace.record.target.Target`."""
        assert isinstance(running, SystemEmulator)
        if isinstance(error, TargetDied):
            running.wait(END_SECONDS)
            if (end := running.end()) is not None and end != str(error):
                error.add_note(end)

    def exit_status(self, running: Running) -> int | None:
        """See :class:`~gdbtrace.record.target.Target`."""
        assert isinstance(running, SystemEmulator)
        status = running.wait(END_SECONDS)
        if status is None or not 0 <= status < SHELL_SIGNAL:
            raise TargetDied(running.end() or "QEMU closed its gdbstub")
        return status

    def meta_frame(self) -> MetaFrame:
        """See :class:`~gdbtrace.record.target.Target`."""
        run = self._run
        settings = [
            f"--machine={self.name if run.reproducible else run.machine}" if run.machine else "--machine-args",
            f"--interrupts={'on' if self._interrupts else 'off'}",
            f"--smp={self._vcpus}",
            f"--schedule={run.schedule}",
            f"--icount={'off' if self._command.icount is None else self._command.icount}",
        ]
        if run.until_console is not None:
            settings.append(f"--until-console={run.until_console}")
        return self.make_meta_frame(run.image, self._public_arguments(), (), settings)

    def _public_arguments(self) -> list[str]:
        """QEMU's arguments, without the folders of a reproducible trace's files."""
        if not self._run.reproducible:
            return list(self._command.arguments)
        return [_PATH.sub(_without_folder, argument) for argument in self._command.arguments]


def _without_folder(match: re.Match[str]) -> str:
    """A file's name of its path, and whatever else is no file as it is (a kernel's ``root=/dev/sda``)."""
    path = Path(match[0].replace(",,", ","))
    return path.name if path.is_file() else match[0]


def emulator_for(arch: Arch) -> str:
    """The program of QEMU's that has machines of an architecture, as profiles say it."""
    of = (profile.qemu for profile in iter_profiles() if MACHINES[profile.arch].elf == arch.elf)
    return next(of, f"qemu-system-{arch.name}")


def _bare_arguments(options: MachineOptions) -> list[str]:
    """What options of ours ask of a machine that has no profile."""
    asked = {"-smp": options.vcpus, "-cpu": options.cpu, "-m": options.memory}
    return [word for option, value in asked.items() if value is not None for word in (option, str(value))]


def _profile_of(options: MachineOptions) -> MachineProfile:
    """The machine that the options say, with what they set otherwise."""
    if options.machine is None:
        if options.arch is None:
            raise UsageError("--machine-args without --machine: say with --arch what the machine's processor is")
        if options.image is not None:
            raise UsageError(
                f"{options.image}: without --machine the image is one of --machine-args; give its symbols with --elf"
            )
        known = architecture_named(options.arch, is_machine=True)
        qemu = emulator_for(known) if options.qemu is None or options.qemu.is_dir() else options.qemu.name
        profile = MachineProfile("machine", "", options.arch, qemu, "")
    else:
        profile = load_profile(options.machine)
    if options.vcpus is not None and profile.most_vcpus is not None and options.vcpus > profile.most_vcpus:
        raise UsageError(f"--smp {options.vcpus}: {profile.name} has at most {profile.most_vcpus} vCPUs")
    return replace(
        profile,
        vcpus=options.vcpus or profile.vcpus,
        cpu=options.cpu or profile.cpu,
        memory=options.memory or profile.memory,
    )
