#!/bin/sh
# Part of install.sh: everything that pip would fetch, in a folder, for a door that has
# no network. It is built on a machine with the door's architecture and Python.
# shellcheck disable=SC2154,SC2034 # variables are shared with the other parts

build_wheelhouse() {
    [ $# -eq 1 ] || die "$exit_usage" "--build-wheelhouse wants one folder; see --help."
    missing=
    find_door_python
    [ -n "$python" ] ||
        die "$exit_unavailable" "this machine lacks python3 or python3-venv."
    mkdir -p -- "$1" || die "$exit_usage" "the folder $1 cannot be made."
    house=$(realpath -- "$1")
    offline='' root='' dry_run=''
    work=$(mktemp -d)
    trap 'rm -rf -- "$work"' EXIT
    trap 'exit 130' INT TERM
    venv=$work/venv
    "$python" -m venv -- "$venv" || die "$exit_software" "no environment; see above."
    say "locked packages, hashes checked"
    run_pip download --require-hashes --only-binary :all: --dest "$house" \
        --requirement "$here/locks/door.txt"
    run_pip download --require-hashes --only-binary :all: --dest "$house" \
        --requirement "$here/locks/build.txt"
    say "lgpio $lgpio_version"
    gather_lgpio
    (cd -- "$house" && rm -f SHA256SUMS && sha256sum -- *.whl >SHA256SUMS)
    say "$house is ready: $(find "$house" -name '*.whl' | wc -l) wheels for" \
        "$("$python" -c 'import platform; print("Python", platform.python_version(),
            "on", platform.machine())')."
}

# A wheel where there is one for this Python, else a build; else the door's own system
# must have it, and the installer says so there.
gather_lgpio() {
    try_pip download --require-hashes --only-binary :all: --dest "$house" \
        --requirement "$here/locks/lgpio.txt" && return
    if build_lgpio "$python" "$work/lgpio"; then
        cp -- "$work"/lgpio/lgpio-*.whl "$house/"
        return
    fi
    say "    there is no wheel, and no build without swig, cc and python3-dev:"
    say "    the door will need its system's python3-lgpio."
}
