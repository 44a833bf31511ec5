"""Machines that firmware runs on: what ``conf/NAME.toml`` says of them, and the QEMU command line it stands for.

A profile is facts: nothing here starts QEMU. ``conf/README.md`` explains every key.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from gdbtrace.errors import ToolMissing, UsageError, nearest
from gdbtrace.toml_file import read_toml

DIRECTORY = Path(__file__).parents[1] / "conf"
"""The profiles of gdbtrace. ``conf/`` stands beside the package, and ``gdbtrace/conf`` is a link to it: an editable
install follows the link, and a wheel has the files at its place (``package_data`` in setup.cfg)."""

_SUFFIX = ".toml"
_MOST_ICOUNT = 10
"""QEMU's largest shift (``-icount``): an instruction takes 2**shift ns."""


class ImageKind(Enum):
    """What an IMAGE is, as a phrase."""

    ELF = "an ELF"
    KERNEL = "a Linux kernel"
    RAW = "not an ELF"


_MAGICS: tuple[tuple[int, bytes, ImageKind, frozenset[str]], ...] = (
    (0, b"\x7fELF", ImageKind.ELF, frozenset()),
    # Linux: Documentation/x86/boot.rst, arm64/booting.rst, riscv/boot-image-header.rst; of arm,
    # arch/arm/boot/compressed/head.S.
    (0x202, b"HdrS", ImageKind.KERNEL, frozenset({"i386", "x86_64"})),
    (0x38, b"ARM\x64", ImageKind.KERNEL, frozenset({"aarch64"})),
    (0x38, b"RSC\x05", ImageKind.KERNEL, frozenset({"riscv32", "riscv64"})),
    (0x24, b"\x18\x28\x6f\x01", ImageKind.KERNEL, frozenset({"arm"})),
)
"""Offset in an image, what is there, and what the image is then: a kernel, for which architectures."""
_HEAD_BYTES = max(offset + len(magic) for offset, magic, *_ in _MAGICS)


@dataclass(frozen=True, slots=True)
class MachineProfile:
    """One machine. A key of the file is the field's name with ``-`` for ``_``."""

    name: str
    """The file's, without ``.toml``."""
    description: str
    arch: str
    """gdbtrace's architecture."""
    qemu: str
    """Program: ``qemu-system-arm``."""
    machine: str
    """QEMU's ``-M``."""
    package: str = ""
    """Debian's package of the program, for the message that it is missing."""
    cpu: str | None = None
    memory: str | None = None
    """QEMU's ``-m``; None: the machine's own size."""
    arguments: tuple[str, ...] = ()
    """Further ones, always."""
    image: str = "an ELF"
    """What an IMAGE must be, as a phrase."""
    image_arguments: tuple[str, ...] = ("-kernel", "{image}")
    """How an image is given; empty: none can be that is an ELF."""
    raw_image_arguments: tuple[str, ...] | None = None
    """How one is given that is not an ELF; None: the same way; empty: none can be."""
    kernel_image_arguments: tuple[str, ...] | None = None
    """How a Linux kernel is given that is not an ELF; None: as what is raw; empty: none can be."""
    firmware_name: str = ""
    """What runs without an image; empty: nothing does."""
    firmware: tuple[str, ...] = ()
    """Files to find it in, the first that exists; none: QEMU brings it."""
    firmware_arguments: tuple[str, ...] = ("-bios", "{firmware}")
    """How such a file is given."""
    firmware_package: str = ""
    """Debian's package of it."""
    vcpus: int = 1
    most_vcpus: int | None = None
    """None: QEMU knows."""
    interrupts: bool = True
    """Whether they are taken while the machine is stepped, unless a run says otherwise."""
    icount: int | None = 0
    """An instruction takes 2**icount ns, which makes two runs equal; None: time is the host's."""
    stages: Mapping[str, int | str] = field(default_factory=dict)
    """Boot stage -> linear address or symbol, in the order in which they are reached."""
    address_space: str = ""
    """Register that tells address spaces apart, for every frame; empty: the architecture's, if there is one."""
    gdb_architecture: str | None = None
    """gdb's ``set architecture`` name; None: gdb does not know it."""

    @property
    def builtin_firmware(self) -> bool:
        """Whether QEMU starts the firmware without being told to."""
        return bool(self.firmware_name) and not self.firmware

    @property
    def machine_arguments(self) -> list[str]:
        """What :attr:`qemu` is told whatever software it runs."""
        command = ["-M", self.machine, "-smp", str(self.vcpus)]
        for option, value in (("-cpu", self.cpu), ("-m", self.memory)):
            command += [] if value is None else [option, value]
        return [*command, *self.arguments]

    def arguments_for_image(self, kind: ImageKind) -> tuple[str, ...]:
        """How an image of that kind is given, with ``{image}`` for it; empty: it cannot be."""
        raw = self.image_arguments if self.raw_image_arguments is None else self.raw_image_arguments
        kernel = raw if self.kernel_image_arguments is None else self.kernel_image_arguments
        return {ImageKind.ELF: self.image_arguments, ImageKind.KERNEL: kernel, ImageKind.RAW: raw}[kind]

    def qemu_arguments(self, image: Path | None = None) -> list[str]:
        """What to start :attr:`qemu` with for this machine and an image, or for its own firmware. Reads the image's
        first bytes.

        Not among them: how QEMU is stopped, watched and clocked (``-S``, ``-gdb``, ``-icount``, ...).

        :raise UsageError: the image cannot be read or is of the wrong kind, or there is none and one is needed.
        :raise ToolMissing: the firmware is not installed.
        """
        return [*self.machine_arguments, *self._software(image)]

    def _software(self, image: Path | None) -> list[str]:
        if image is not None:
            kind, architectures = _recognized(image)
            if kind is ImageKind.KERNEL and self.arch not in architectures:
                known = " or ".join(sorted(architectures))
                raise UsageError(f"{image}: {kind.value} for {known}, and {self.name} runs {self.arch}")
            if arguments := self.arguments_for_image(kind):
                return _filled(arguments, "{image}", str(image))
            raise UsageError(f"{image}: {kind.value}, and an image for {self.name} is {self.image}")
        if not self.firmware_name:
            raise UsageError(f"{self.name} has no firmware of its own: pass an IMAGE, {self.image}")
        if self.builtin_firmware:
            return []
        return _filled(self.firmware_arguments, "{firmware}", self.firmware_path())

    def firmware_path(self) -> str:
        """The file that the firmware is in.

        :raise ToolMissing: it is not installed.
        """
        for path in self.firmware:
            if Path(path).exists():
                return path
        source = f"install Debian's {self.firmware_package}, or " if self.firmware_package else ""
        raise ToolMissing(
            f"{self.firmware_name}, the firmware of {self.name},",
            f"{source}pass an IMAGE, {self.image}",
            f"is not at {' or '.join(self.firmware)}",
        )


def image_kind(image: Path) -> ImageKind:
    """What a file is, by its first bytes.

    :raise UsageError: it is not a file, or cannot be read.
    """
    return _recognized(image)[0]


def _recognized(image: Path) -> tuple[ImageKind, frozenset[str]]:
    """What a file is, and gdbtrace's architectures that a Linux kernel is for."""
    try:
        mode = image.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise UsageError(f"{image}: not a file; an image cannot be read from a pipe or device")
        with image.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        raise UsageError(f"{image}: cannot be read: {error.strerror}") from error
    found = ((kind, known) for offset, magic, kind, known in _MAGICS if head.startswith(magic, offset))
    return next(found, (ImageKind.RAW, frozenset()))


def _filled(arguments: tuple[str, ...], hole: str, path: str) -> list[str]:
    """Arguments with a path in them.

    Inside a list of options (``file={image},...``) a comma is written twice, and what is before a colon would be a
    protocol unless a slash is before that (QEMU's "Invocation" and "Device URL Syntax").
    """
    quoted = (path if path.startswith("/") else f"./{path}").replace(",", ",,")
    return [path if argument == hole else argument.replace(hole, quoted) for argument in arguments]


def iter_profiles() -> list[MachineProfile]:
    """gdbtrace's own profiles, by name."""
    return [load_profile(name) for name in _names()]


def load_profile(name_or_path: str) -> MachineProfile:
    """Read a profile.

    :param name_or_path: the name of one of gdbtrace's, or the path of another: it has a ``/`` or ends in ``.toml``.
    :raise UsageError: there is none, it cannot be read, or what it says is not a profile.
    """
    path = _located(name_or_path)
    settings = _settings_of(path, ())
    missing = [key for key in _REQUIRED if key not in settings]
    if missing:
        raise UsageError(f"{path}: {missing[0]!r} is missing")
    if settings.get("firmware"):
        settings.setdefault("firmware-name", Path(settings["firmware"][0]).name)
    settings["stages"] = {name: place for name, place in settings.get("stages", {}).items() if place is not False}
    profile = MachineProfile(path.stem, **{key.replace("-", "_"): value for key, value in settings.items()})
    if profile.most_vcpus is not None and profile.vcpus > profile.most_vcpus:
        raise UsageError(f"{path}: {profile.vcpus} vcpus, and most-vcpus is {profile.most_vcpus}")
    return profile


def _names() -> list[str]:
    return sorted((path.stem for path in DIRECTORY.glob(f"*{_SUFFIX}")), key=str.lower)


def _located(name_or_path: str) -> Path:
    if "/" in name_or_path or name_or_path.endswith(_SUFFIX):
        return Path(name_or_path)
    names = _names()
    if name_or_path in names:
        return DIRECTORY / f"{name_or_path}{_SUFFIX}"
    # Where QEMU has one name for what is several machines for us (virt, pc), all of them are near.
    variants = [name for name in names if name.startswith(f"{name_or_path}-")]
    hint = f", did you mean one of {', '.join(variants)}?" if variants else nearest(name_or_path, names)
    raise UsageError(f"no machine {name_or_path!r}{hint}; `gdbtrace machines` lists them")


def _settings_of(path: Path, derived: tuple[Path, ...]) -> dict[str, Any]:
    """The checked settings of a file on top of those of its base.

    :param derived: the files that this one is the base of.
    """
    if path.resolve() in derived:
        raise UsageError(f"{path}: is its own base")
    settings = {key: _checked(path, key, value) for key, value in read_toml(path).items()}
    base = settings.pop("base", None)
    if base is None:
        return settings
    inherited = _settings_of(_beside(path, base), (*derived, path.resolve()))
    stages = {**inherited.get("stages", {}), **settings.get("stages", {})}
    return {**inherited, **settings, "stages": stages}


def _beside(path: Path, base: str) -> Path:
    """A base that is given by a path, relative to the file that names it."""
    try:
        located = _located(base)
    except UsageError as error:
        raise UsageError(f"{path}: base: {error}") from None
    return path.parent / located


def _checked(path: Path, key: str, value: Any) -> Any:
    """A setting as the profile has it."""
    if key not in _KEYS:
        raise UsageError(f"{path}: no key {key!r}{nearest(key, _KEYS)}")
    kind = _KEYS[key]
    if not kind.accepts(value):
        raise UsageError(f"{path}: {key} must be {kind.what}, not {value!r}")
    if key == "firmware":
        return tuple(os.path.join(path.parent, name) for name in value)
    return kind.convert(value)


class _Kind(NamedTuple):
    """What a key may be set to."""

    what: str
    accepts: Callable[[Any], bool]
    convert: Callable[[Any], Any] = lambda value: value


def _is_number(value: Any, least: int, most: int | None = None) -> bool:
    # A bool is an int for Python.
    return type(value) is int and value >= least and (most is None or value <= most)


def _is_stage(value: Any) -> bool:
    """False: the base has it, and this machine does not."""
    return value is False or _is_number(value, 0, (1 << 64) - 1) or (isinstance(value, str) and value != "")


_TEXT = _Kind("a string", lambda value: isinstance(value, str) and value != "")
_TEXTS = _Kind(
    "a list of strings", lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value), tuple
)
_COUNT = _Kind("a number from 1 up", lambda value: _is_number(value, 1))
_FLAG = _Kind("true or false", lambda value: isinstance(value, bool))
_ICOUNT = _Kind(
    f"a number from 0 to {_MOST_ICOUNT}, or 'off'",
    lambda value: value == "off" or _is_number(value, 0, _MOST_ICOUNT),
    lambda value: None if value == "off" else value,
)
_STAGES = _Kind(
    "a table of addresses and symbols",
    lambda value: isinstance(value, dict) and all(_is_stage(place) for place in value.values()),
)
_KEYS: Mapping[str, _Kind] = {
    "base": _TEXT,
    "description": _TEXT,
    "arch": _TEXT,
    "qemu": _TEXT,
    "package": _TEXT,
    "machine": _TEXT,
    "cpu": _TEXT,
    "memory": _TEXT,
    "arguments": _TEXTS,
    "image": _TEXT,
    "image-arguments": _TEXTS,
    "raw-image-arguments": _TEXTS,
    "kernel-image-arguments": _TEXTS,
    "firmware-name": _TEXT,
    "firmware": _TEXTS,
    "firmware-arguments": _TEXTS,
    "firmware-package": _TEXT,
    "vcpus": _COUNT,
    "most-vcpus": _COUNT,
    "interrupts": _FLAG,
    "icount": _ICOUNT,
    "stages": _STAGES,
    "address-space": _TEXT,
    "gdb-architecture": _TEXT,
}
_REQUIRED = ("description", "arch", "qemu", "machine")
KEYS = tuple(_KEYS)
"""All that a profile may set."""
