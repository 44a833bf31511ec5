from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from gdbtrace.arch.registry import ARCHITECTURES, MACHINES
from gdbtrace.errors import ToolMissing, UsageError
from gdbtrace.machine.profile import DIRECTORY, KEYS, MachineProfile, iter_profiles, load_profile

LEAST = {
    "description": '"a board"',
    "arch": '"arm"',
    "qemu": '"qemu-system-arm"',
    "machine": '"board"',
}
ASKED_FOR = {
    *("lm3s6965evb", "mps2-an385", "netduinoplus2", "virt-arm", "virt-aarch64", "virt-riscv32", "virt-riscv64"),
    *("sifive_e", "leon3_generic", "SS-5", "sun4u", "ppce500", "bamboo", "virtex-ml507", "g3beige", "pseries"),
    *("tricore_testboard", "malta", "maltael", "pc-i386", "pc-x86_64", "uno", "s390-ccw-virtio", "mcf5208evb", "r2d"),
}
ELF = b"\x7fELF\2\1\1"


class Desk:
    """A directory for profiles and images."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def profile(self, *lines: str, name: str = "mine", least: bool = True) -> str:
        """Write a profile and return its path."""
        path = self.directory / f"{name}.toml"
        given = {line.split(" =")[0] for line in lines}
        before = [f"{key} = {value}" for key, value in LEAST.items() if least and key not in given]
        path.write_text("\n".join([*before, *lines]) + "\n")
        return str(path)

    def image(self, data: bytes, name: str = "image") -> Path:
        path = self.directory / name
        path.write_bytes(data)
        return path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def problem_of(path: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_profile(path)
    assert str(caught.value).startswith(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_all_that_were_asked_for_are_there() -> None:
    profiles = {profile.name: profile for profile in iter_profiles()}
    assert ASKED_FOR - set(profiles) == set()
    for profile in profiles.values():
        assert profile.arch in {*ARCHITECTURES, *MACHINES}
        assert profile.package
        assert profile.interrupts
        assert profile.icount == (None if profile.arch == "avr" else 0)
        assert not profile.firmware or profile.firmware_package
        assert "\n" not in profile.description + profile.image


def test_every_key_is_explained_and_is_a_field() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", (DIRECTORY / "README.md").read_text(), re.MULTILINE)
    assert rows == list(KEYS)
    names = {field.name for field in fields(MachineProfile)}
    assert {key.replace("-", "_") for key in KEYS} - {"base"} == names - {"name"}


def test_gdb_architecture_is_that_of_the_architecture() -> None:
    for profile in iter_profiles():
        if profile.arch in ARCHITECTURES:
            assert profile.gdb_architecture == ARCHITECTURES[profile.arch].gdb_architecture


def test_address_space_is_the_register_that_frames_list() -> None:
    for profile in iter_profiles():
        system = MACHINES[profile.arch].system
        assert system is not None
        # A processor may lack the register that others of its architecture have.
        assert profile.address_space in (system.address_space, *system.monitored, ""), profile.name


def test_defaults(desk: Desk) -> None:
    profile = load_profile(desk.profile())
    assert (profile.name, profile.vcpus, profile.most_vcpus) == ("mine", 1, None)
    assert (profile.interrupts, profile.icount, profile.stages) == (True, 0, {})
    assert profile.machine_arguments == ["-M", "board", "-smp", "1"]


def test_everything_said(desk: Desk) -> None:
    profile = load_profile(
        desk.profile(
            'cpu = "fast"',
            'memory = "1G"',
            'arguments = ["-nic", "none"]',
            "vcpus = 2",
            "most-vcpus = 4",
            "interrupts = false",
            'icount = "off"',
            'address-space = "satp"',
            "[stages]",
            "reset = 0xfffffff0",
            'kernel = "start_kernel"',
        )
    )
    assert (profile.vcpus, profile.most_vcpus, profile.interrupts, profile.icount) == (2, 4, False, None)
    assert list(profile.stages.items()) == [("reset", 0xFFFFFFF0), ("kernel", "start_kernel")]
    assert profile.machine_arguments == ["-M", "board", "-smp", "2", "-cpu", "fast", "-m", "1G", "-nic", "none"]


def test_base_gives_what_is_not_said(desk: Desk) -> None:
    desk.profile('cpu = "slow"', 'memory = "1G"', "[stages]", "reset = 0", "bios = 1", name="first")
    desk.profile('base = "./first.toml"', "vcpus = 2", name="second", least=False)
    profile = load_profile(
        desk.profile('base = "second.toml"', 'cpu = "fast"', "[stages]", "bios = 2", "kernel = 3", least=False)
    )
    assert (profile.name, profile.cpu, profile.memory, profile.vcpus) == ("mine", "fast", "1G", 2)
    assert list(profile.stages.items()) == [("reset", 0), ("bios", 2), ("kernel", 3)]


def test_a_stage_of_the_base_may_be_none_of_this_machine(desk: Desk) -> None:
    desk.profile("[stages]", "reset = 0", "bios = 1", name="first")
    profile = load_profile(desk.profile('base = "./first.toml"', "[stages]", "bios = false", least=False))
    assert profile.stages == {"reset": 0}


def test_base_may_be_one_of_ours(desk: Desk) -> None:
    ours = load_profile("virt-riscv64")
    profile = load_profile(desk.profile('base = "virt-riscv64"', "vcpus = 4", least=False))
    assert (profile.vcpus, profile.qemu, profile.stages) == (4, ours.qemu, ours.stages)


def test_base_of_itself(desk: Desk) -> None:
    desk.profile('base = "mine.toml"', name="other")
    assert problem_of(desk.profile('base = "other.toml"')) == "is its own base"


def test_base_that_is_not_there(desk: Desk) -> None:
    path = desk.profile('base = "virt-riscv46"')
    assert problem_of(path) == (
        "base: no machine 'virt-riscv46', did you mean 'virt-riscv64'?; `gdbtrace machines` lists them"
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("vcpu = 2", "no key 'vcpu', did you mean 'vcpus'?"),
        ("most_vcpus = 2", "no key 'most_vcpus', did you mean 'most-vcpus'?"),
        ("qqq = 2", "no key 'qqq'"),
        ('vcpus = "2"', "vcpus must be a number from 1 up, not '2'"),
        ("vcpus = true", "vcpus must be a number from 1 up, not True"),
        ("vcpus = 0", "vcpus must be a number from 1 up, not 0"),
        ("icount = 11", "icount must be a number from 0 to 10, or 'off', not 11"),
        ("interrupts = 1", "interrupts must be true or false, not 1"),
        ("machine = 2", "machine must be a string, not 2"),
        ('machine = ""', "machine must be a string, not ''"),
        ('arguments = "-nic none"', "arguments must be a list of strings, not '-nic none'"),
        ("arguments = [1]", "arguments must be a list of strings, not [1]"),
        ("stages = [1]", "stages must be a table of addresses and symbols, not [1]"),
        ("stages = { reset = -1 }", "stages must be a table of addresses and symbols, not {'reset': -1}"),
        ("most-vcpus = 2\nvcpus = 3", "3 vcpus, and most-vcpus is 2"),
    ],
)
def test_wrong_setting(desk: Desk, line: str, problem: str) -> None:
    assert problem_of(desk.profile(line)) == problem


@pytest.mark.parametrize("key", LEAST)
def test_missing_setting(desk: Desk, key: str) -> None:
    path = desk.profile(*(f"{other} = {value}" for other, value in LEAST.items() if other != key), least=False)
    assert problem_of(path) == f"{key!r} is missing"


def test_not_toml(desk: Desk) -> None:
    assert problem_of(desk.profile("vcpus = ")) == "not TOML: invalid value (at line 5, column 9)"


def test_not_utf_8(desk: Desk) -> None:
    path = desk.image(b'arch = "\xff"', "mine.toml")
    assert problem_of(str(path)) == "not TOML: not UTF-8 at offset 0x8"


def test_no_such_file(desk: Desk) -> None:
    assert problem_of(str(desk.directory / "none.toml")) == "cannot be read: No such file or directory"
    assert problem_of(str(desk.directory)) == "cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("lm3s6965", ", did you mean 'lm3s6965evb'?"),
        ("virt", ", did you mean one of virt-aarch64, virt-arm, virt-riscv32, virt-riscv64?"),
        ("zx81", ""),
        ("", ""),
    ],
)
def test_no_such_machine(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_profile(name)
    assert str(caught.value) == f"no machine {name!r}{hint}; `gdbtrace machines` lists them"


def test_image_is_given_by_its_kind(desk: Desk) -> None:
    profile = load_profile(
        desk.profile('image-arguments = ["-kernel", "{image}"]', 'raw-image-arguments = ["-bios", "{image}"]')
    )
    elf, raw, empty = desk.image(ELF), desk.image(b"\x7fELK", "raw"), desk.image(b"", "empty")
    assert profile.qemu_arguments(elf)[4:] == ["-kernel", str(elf)]
    assert profile.qemu_arguments(raw)[4:] == ["-bios", str(raw)]
    assert profile.qemu_arguments(empty)[4:] == ["-bios", str(empty)]


@pytest.mark.parametrize(
    ("offset", "magic", "arch"),
    [
        (0x202, b"HdrS", "i386"),
        (0x202, b"HdrS", "x86_64"),
        (0x38, b"ARM\x64", "aarch64"),
        (0x38, b"RSC\x05", "riscv64"),
        (0x24, b"\x18\x28\x6f\x01", "arm"),
    ],
)
def test_linux_is_given_as_it_should_be_or_as_what_is_raw(desk: Desk, offset: int, magic: bytes, arch: str) -> None:
    kernel = desk.image(b"MZ".ljust(offset, b"\0") + magic)
    raw = 'raw-image-arguments = ["-bios", "{image}"]'
    machine = load_profile(desk.profile(raw, 'kernel-image-arguments = ["-kernel", "{image}"]'))
    assert replace(machine, arch=arch).qemu_arguments(kernel)[4:] == ["-kernel", str(kernel)]
    machine = load_profile(desk.profile(raw))
    assert replace(machine, arch=arch).qemu_arguments(kernel)[4:] == ["-bios", str(kernel)]


def test_linux_of_another_architecture(desk: Desk) -> None:
    kernel = desk.image(b"HdrS".rjust(0x206))
    machine = replace(load_profile(desk.profile()), arch="aarch64")
    with pytest.raises(UsageError, match=f"^{kernel}: a Linux kernel for i386 or x86_64, and mine runs aarch64$"):
        machine.qemu_arguments(kernel)


@pytest.mark.parametrize(
    ("key", "data", "kind"),
    [
        ("image-arguments", ELF, "an ELF"),
        ("raw-image-arguments", b"raw", "not an ELF"),
        ("kernel-image-arguments", b"HdrS".rjust(0x206), "a Linux kernel"),
    ],
)
def test_image_of_the_wrong_kind(desk: Desk, key: str, data: bytes, kind: str) -> None:
    profile = load_profile(desk.profile('arch = "i386"', f"{key} = []", 'image = "something else"'))
    image = desk.image(data)
    with pytest.raises(UsageError, match=f"^{image}: {kind}, and an image for mine is something else$"):
        profile.qemu_arguments(image)


def test_path_within_an_argument_is_quoted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.directory)
    desk.image(ELF, "a,b:c")
    profile = load_profile(desk.profile('image-arguments = ["-device", "loader,file={image},addr=0", "{image}"]'))
    assert profile.qemu_arguments(Path("a,b:c"))[4:] == ["-device", "loader,file=./a,,b:c,addr=0", "a,b:c"]


def test_image_is_required_without_firmware(desk: Desk) -> None:
    profile = load_profile(desk.profile('image = "an ELF at 0"'))
    with pytest.raises(UsageError, match=r"^mine has no firmware of its own: pass an IMAGE, an ELF at 0$"):
        profile.qemu_arguments()


def test_image_that_cannot_be_read(desk: Desk) -> None:
    profile = load_profile(desk.profile())
    with pytest.raises(UsageError, match=r"none: cannot be read: No such file or directory$"):
        profile.qemu_arguments(desk.directory / "none")


def test_firmware_of_qemu_needs_no_argument(desk: Desk) -> None:
    profile = load_profile(desk.profile('firmware-name = "BIOS"'))
    assert profile.builtin_firmware
    assert profile.qemu_arguments()[4:] == []


def test_first_firmware_that_exists_is_used(desk: Desk) -> None:
    desk.image(b"", "second")
    desk.image(b"", "third")
    profile = load_profile(desk.profile('firmware = ["first", "second", "third"]'))
    assert not profile.builtin_firmware
    assert profile.firmware_name == "first"
    assert profile.qemu_arguments()[4:] == ["-bios", str(desk.directory / "second")]


def test_firmware_that_is_not_installed(desk: Desk) -> None:
    profile = load_profile(
        desk.profile(
            'firmware-name = "U-Boot"',
            'firmware = ["/nowhere/a", "/nowhere/b"]',
            'firmware-package = "u-boot-qemu"',
        )
    )
    with pytest.raises(ToolMissing) as caught:
        profile.qemu_arguments()
    assert str(caught.value) == (
        "U-Boot, the firmware of mine, is not at /nowhere/a or /nowhere/b: "
        "install Debian's u-boot-qemu, or pass an IMAGE, an ELF"
    )
