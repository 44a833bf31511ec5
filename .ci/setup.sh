# Sourced by demo.sh and test.sh: what both need before their work.  Nothing here runs by itself.
# shellcheck shell=bash

PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
VENV=$PROJECT/.venv
# QEMU 10.0 beside the installed one, for the tests: tests/toolchain.py looks for it here.
QEMU_10_0=$PROJECT/build/qemu-10.0

# The same messages and decimal points everywhere.
export LC_ALL=C.UTF-8

# A Debian package, or package=program: the program also serves where it was not installed as that package.
RUN_PACKAGES=(qemu-user=qemu-sparc64 gdb-multiarch=gdb-multiarch)
# Without their recommended packages, which have the graphical interfaces.  seabios and ipxe-qemu come with qemu-system-x86;
# OpenBIOS, OpenSBI, SLOF and the s390x boot ROM are in qemu-system-data, which all of them need.
SYSTEM_PACKAGES=(
    qemu-system-arm=qemu-system-aarch64
    qemu-system-mips=qemu-system-mips64el
    qemu-system-misc=qemu-system-riscv64
    qemu-system-ppc=qemu-system-ppc64
    qemu-system-sparc=qemu-system-sparc64
    qemu-system-x86=qemu-system-x86_64
    u-boot-qemu
    # Text of AVR instructions.
    binutils-avr=avr-objdump
)
TEST_PACKAGES=(
    "${SYSTEM_PACKAGES[@]}"
    gdbserver=gdbserver
    lcov=genhtml
    gcc=gcc libc6-dev
    gcc-sparc64-linux-gnu=sparc64-linux-gnu-gcc libc6-dev-sparc64-cross
    gcc-multilib-sparc64-linux-gnu libc6-dev-sparc-sparc64-cross
    gcc-powerpc-linux-gnu=powerpc-linux-gnu-gcc libc6-dev-powerpc-cross
    gcc-powerpc64-linux-gnu=powerpc64-linux-gnu-gcc libc6-dev-ppc64-cross
    gcc-powerpc64le-linux-gnu=powerpc64le-linux-gnu-gcc libc6-dev-ppc64el-cross
    gcc-arm-linux-gnueabihf=arm-linux-gnueabihf-gcc libc6-dev-armhf-cross
    gcc-aarch64-linux-gnu=aarch64-linux-gnu-gcc libc6-dev-arm64-cross
    gcc-i686-linux-gnu=i686-linux-gnu-gcc libc6-dev-i386-cross
    gcc-mips-linux-gnu=mips-linux-gnu-gcc libc6-dev-mips-cross
    gcc-mipsel-linux-gnu=mipsel-linux-gnu-gcc libc6-dev-mipsel-cross
    gcc-mips64-linux-gnuabi64=mips64-linux-gnuabi64-gcc libc6-dev-mips64-cross
    gcc-mips64el-linux-gnuabi64=mips64el-linux-gnuabi64-gcc libc6-dev-mips64el-cross
    gcc-riscv64-linux-gnu=riscv64-linux-gnu-gcc libc6-dev-riscv64-cross
    gcc-s390x-linux-gnu=s390x-linux-gnu-gcc libc6-dev-s390x-cross
    clang=clang lld=ld.lld llvm=llvm-objdump
    gcc-alpha-linux-gnu=alpha-linux-gnu-gcc libc6.1-dev-alpha-cross
    gcc-hppa-linux-gnu=hppa-linux-gnu-gcc libc6-dev-hppa-cross
    gcc-m68k-linux-gnu=m68k-linux-gnu-gcc libc6-dev-m68k-cross
    gcc-sh4-linux-gnu=sh4-linux-gnu-gcc
)

say() { printf '\n== %s\n' "$*"; }

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Print those of the given packages that are not there, one a line.
missing_packages() {
    local installed="" entry
    if command -v dpkg-query >/dev/null; then
        # shellcheck disable=SC2016  # dpkg-query's own placeholders; it fails where one package is unknown
        installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${@%%=*}" 2>/dev/null) || true
    fi
    for entry in "$@"; do
        if grep -qxF "${entry%%=*} installed" <<<"$installed"; then continue; fi
        if [[ $entry == *=* ]] && command -v "${entry#*=}" >/dev/null; then continue; fi
        printf '%s\n' "${entry%%=*}"
    done
}

# Install what is missing of the given packages; say nothing and need nothing where all are there.
need_packages() {
    local missing become_root=()
    mapfile -t missing < <(missing_packages "$@")
    [[ ${#missing[@]} -gt 0 ]] || return 0

    command -v apt-get >/dev/null ||
        fail "missing: ${missing[*]}; apt-get was not found: install these (Debian's names) by other means"
    if [[ $(id -u) -ne 0 ]]; then
        # With a terminal sudo may ask for the password.
        { command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; } ||
            fail "missing, and neither root nor sudo is available; as root: apt-get install ${missing[*]}"
        become_root=(sudo)
    fi
    say "installing system packages: ${missing[*]}"
    local apt=("${become_root[@]}" env DEBIAN_FRONTEND=noninteractive
        apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
    "${apt[@]}" update || fail "apt-get update failed"
    "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" || fail "apt-get could not install: ${missing[*]}"
}

# Unpack the user-mode emulators of QEMU 10.0 into build/: those of Debian's backports are static, and the installed ones
# stay as they are.  Nothing of the system changes: apt gets a list of sources, and a place for what it fetches, of its own.
need_qemu_10_0() {
    if [[ -x $QEMU_10_0/qemu-hexagon ]]; then return 0; fi
    local remedy="unpack the programs of Debian's qemu-user 10.0 into $QEMU_10_0 by other means"
    command -v apt-get >/dev/null || fail "QEMU 10.0 is not here, and apt-get was not found: $remedy"

    # One at a time; who waited finds it there.
    mkdir -p "${QEMU_10_0%/*}"
    exec 8<"${QEMU_10_0%/*}"
    flock 8
    if [[ -x $QEMU_10_0/qemu-hexagon ]]; then
        exec 8<&-
        return 0
    fi
    local codename mirror work
    # shellcheck disable=SC1091  # the system's own file
    codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
    # Whatever form the sources have, apt says where this release's packages come from.
    # shellcheck disable=SC2016  # apt-get's own placeholders
    mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v release="$codename" '$1 == release && $2 == "main" { print $3; exit }')
    [[ -n $mirror ]] || fail "QEMU 10.0: apt has no source for ${codename:-this system}'s main packages; $remedy"
    say "fetching QEMU 10.0 from $codename-backports at $mirror"
    work=$(mktemp -d "$QEMU_10_0.XXXXXX")
    _unpack_qemu_user "$work" "$mirror" "$codename-backports" ||
        { rm -rf "$work"; fail "QEMU 10.0 could not be fetched from $codename-backports at $mirror; $remedy"; }
    rm -rf "$QEMU_10_0"
    mv "$work/unpacked/usr/bin" "$QEMU_10_0"
    rm -rf "$work"
    exec 8<&-
}

# $1: an empty directory, $2: a mirror's address, $3: the suite.  Leaves the suite's qemu-user in $1/unpacked.
_unpack_qemu_user() {
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg options=""
    if [[ -r $keyring ]]; then options="[signed-by=$keyring] "; fi
    local apt=(apt-get -q -o Acquire::Retries=3 -o Dir::Etc::SourceList="$1/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists="$1/lists" -o Dir::Cache="$1/cache" -o APT::Sandbox::User=root)
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial" &&
        printf 'deb %s%s %s main\n' "$options" "$2" "$3" >"$1/sources.list" &&
        "${apt[@]}" -o APT::Update::Error-Mode=any update &&
        (cd "$1" && "${apt[@]}" download qemu-user && dpkg-deb -x qemu-user_*.deb unpacked) &&
        "$1/unpacked/usr/bin/qemu-hexagon" --version | grep 'version 10\.'
}

# Set PYTHON to a Python of at least 3.11 which can make a virtual environment.
need_python() {
    if [[ -z ${PYTHON:-} ]]; then
        PYTHON=python3
        command -v python3 >/dev/null || need_packages python3=python3 python3-venv
    fi
    command -v "$PYTHON" >/dev/null || fail "PYTHON=$PYTHON: no such program"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$PYTHON is $("$PYTHON" -V 2>&1); Python 3.11 or newer is needed: set PYTHON to one"
    if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian's own Python has the module in a package of its own; any other one cannot be helped from here.
        [[ $("$PYTHON" -c 'import sys; print(sys.base_prefix)') == /usr ]] ||
            fail "$PYTHON cannot make a virtual environment (no ensurepip): set PYTHON to another one"
        need_packages "python$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    fi
}

# Make .venv, or use it as it is.  $1: what of setup.cfg's extras is needed, or nothing.
#
# The stamp in it says for which place and Python it was made (scripts in it hold its path), from which requirements,
# and with which extra.  An environment without a stamp is somebody's own: it is added to, not cleared.
need_venv() {
    local extra=${1:-} stamp=$VENV/.gdbtrace-stamp
    local place requirements made_for="" made_from="" made_with=""
    need_python
    place=$("$PYTHON" -c 'import sys; print(sys.argv[1], sys.base_prefix, sys.version)' "$PROJECT" | sha256sum)
    place=${place%% *}
    requirements=$(cat "$PROJECT/pyproject.toml" "$PROJECT/setup.cfg" | sha256sum)
    requirements=${requirements%% *}

    # One at a time: a demo and a test run started together share the environment.
    exec 9<"$PROJECT"
    flock 9
    if [[ -r $stamp ]]; then read -r made_for made_from made_with <"$stamp" || true; fi
    if [[ -n $made_for && $made_for != "$place" ]] || ! "$VENV/bin/python" -c 'import pip' 2>/dev/null; then
        say "making the virtual environment .venv with $("$PYTHON" -V)"
        "$PYTHON" -m venv --clear "$VENV" || fail "could not make $VENV"
        made_from=""
        made_with=""
    fi
    if [[ $made_from != "$requirements" || ( -n $extra && $made_with != "$extra" ) ]]; then
        extra=${extra:-$made_with}
        say "installing gdbtrace${extra:+ and its $extra packages} into .venv"
        "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$PROJECT${extra:+[$extra]}" ||
            fail "pip could not install gdbtrace: is a package index reachable?"
        printf '%s %s %s\n' "$place" "$requirements" "$extra" >"$stamp"
    fi
    exec 9<&-
    PATH=$VENV/bin:$PATH
}
