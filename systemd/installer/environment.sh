#!/bin/sh
# Part of install.sh: one Python environment per version, below /opt/keyra/versions.
# shellcheck disable=SC2154,SC2034 # variables are shared with the other parts

lgpio_version=0.2.2.0

# A door's Python is the system's: its lgpio was made for that one.
find_door_python() {
    python=
    candidate=${KEYRA_PYTHON:-/usr/bin/python3}
    if python_fits "$candidate" && python_complete "$candidate"; then
        python=$candidate
    elif [ -n "${KEYRA_PYTHON-}" ]; then
        die "$exit_unavailable" "KEYRA_PYTHON is $KEYRA_PYTHON, which is no Python from" \
            "3.11 to 3.13 with venv."
    fi
}

# Everything that decides what an environment holds, in 12 hex digits.
print_of_sources() {
    (
        cd -- "$here" &&
            find pyproject.toml install.sh locks gateway ledger tui systemd -type f \
                ! -name '*.pyc' -exec sha256sum {} + | LC_ALL=C sort
        "$python" -c 'import platform, sys; print(sys.version, platform.machine())'
        printf '%s\n' "$root"
    ) | sha256sum | cut -c 1-12
}

# Sets $version, as in 0.1.0-9f86d081884c, and $place, where it lives.
name_version() {
    [ -d "$here/gateway" ] && [ -d "$here/ledger" ] && [ -d "$here/tui" ] ||
        die "$exit_usage" "$here has no gateway in it; run install.sh from a clone."
    release=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/pyproject.toml")
    version=$release-$(print_of_sources)
    place=$root/opt/keyra/versions/$version
}

# locked ARGUMENT...: from the wheelhouse if there is one, hashes checked all the same.
locked() {
    if [ -n "$offline" ]; then
        set -- --no-index --find-links "$offline" "$@"
    fi
    install_locked --no-compile "$@"
}

# Compiled by all cores at once, not by pip's one; a file that is no Python of this
# version (there are such among tests' data) stays as it is.
compile_all() {
    "$venv/bin/python" -m compileall -q -q -j 0 "$venv/lib" >"$work/compile.log" 2>&1 ||
        :
}

# The project's own wheel, by the locked backend, which never enters the environment.
install_project() {
    locked --target "$work/backend" --requirement "$here/locks/build.txt"
    PYTHONPATH=$work/backend run_pip wheel --no-deps --no-build-isolation --no-index \
        --wheel-dir "$work/wheel" "$here"
    run_pip install --no-compile --no-deps --no-index \
        "$work"/wheel/keyra_gateway-*.whl
}

# has_lgpio: is what the environment imports the real one, of the version we tested?
has_lgpio() {
    (cd -- "$work" && "$venv/bin/python" -P -c "
import lgpio
assert lgpio.get_module_version() == 'lgpio.py_$lgpio_version', 'another version'
assert callable(lgpio.gpio_claim_output)
") >"$work/lgpio.log" 2>&1
}

# Copies the system's module, which keeps using the system's liblgpio.
copy_lgpio() {
    found=$("$python" -I -c '
import importlib.util
for name in ("lgpio", "_lgpio"):
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise SystemExit(1)
    print(spec.origin)
') 2>/dev/null || return 1
    goal=$("$venv/bin/python" -I -c 'import sysconfig
print(sysconfig.get_path("platlib"))')
    printf '%s\n' "$found" | while IFS= read -r file; do
        cp -- "$file" "$goal/" || exit 1
    done
}

# PyPI's wheels end at Python 3.12, and what it gives a newer one is an empty package:
# hence the exact version, and has_lgpio after each way.
take_lgpio() {
    ways='a wheel'
    if [ -n "$offline" ]; then
        try_pip install --no-deps --only-binary :all: --no-index \
            --find-links "$offline" "lgpio==$lgpio_version" && has_lgpio && return
    fi
    ways="$ways, the system's python3-lgpio"
    copy_lgpio && has_lgpio && return
    if [ -z "$offline" ]; then
        ways="$ways, a build with swig"
        try_pip install --require-hashes --only-binary :all: \
            --requirement "$here/locks/lgpio.txt" && has_lgpio && return
        build_lgpio "$venv/bin/python" "$work/lgpio" &&
            try_pip install --no-deps --no-index "$work"/lgpio/lgpio-*.whl &&
            has_lgpio && return
    fi
    [ ! -s "$work/lgpio.log" ] || tail -n 3 -- "$work/lgpio.log" >&2
    die "$exit_unavailable" "no working lgpio $lgpio_version was found ($ways);" \
        "install python3-lgpio, or give a wheelhouse that has its wheel."
}

# build_lgpio PYTHON FOLDER: its wheel for this machine, from the locked source.
build_lgpio() {
    command -v swig >/dev/null 2>&1 && command -v cc >/dev/null 2>&1 ||
        return 1
    "$1" -m venv --clear -- "$work/build" &&
        "$work/build/bin/python" -m pip install --quiet --no-input \
            --disable-pip-version-check --require-hashes \
            --requirement "$here/locks/lgpio-build.txt" >"$work/lgpio.log" 2>&1 &&
        PYPI=1 "$work/build/bin/python" -m pip wheel --quiet --no-input --no-deps \
            --disable-pip-version-check --no-build-isolation --no-binary :all: \
            --require-hashes --requirement "$here/locks/lgpio.txt" \
            --wheel-dir "$2" >"$work/lgpio.log" 2>&1
}

# The three packages that this environment imports are its own: Debian's python3-ledger
# also calls itself `ledger`.
owns_its_names() {
    # shellcheck disable=SC2016 # the backquotes are Python's
    (cd -- "$work" && "$venv/bin/python" -P -c '
import importlib.util, sys
from importlib import metadata
owners = metadata.packages_distributions()
for name in ("gateway", "ledger", "tui"):
    origin = importlib.util.find_spec(name).origin
    if set(owners[name]) != {"keyra-gateway"} or not origin.startswith(sys.prefix):
        raise SystemExit(f"`import {name}` would get {origin} of {owners[name]}")
') || die "$exit_software" "another package owns one of our import names; see above."
}

# What must stay with a version, so that going back needs no clone.
keep_share() {
    mkdir -p -- "$place/share/keyra" &&
        cp -R -- "$here/systemd" "$here/locks" "$here/install.sh" \
            "$here/pyproject.toml" "$place/share/keyra/"
}

make_version() {
    venv=$place
    [ ! -e "$place/complete" ] || return 0
    if [ -n "$dry_run" ]; then
        change "make the environment ${place#"$root"} from locks/door.txt" :
        return 0
    fi
    change "make the environment ${place#"$root"}" "$python" -m venv --clear "$place"
    say "    install locked packages, hashes checked"
    locked --requirement "$here/locks/door.txt"
    install_project
    take_lgpio
    compile_all
    owns_its_names
    keep_share || die "$exit_software" "$place/share could not be written."
    sync -f -- "$place" && : >"$place/complete"
}
