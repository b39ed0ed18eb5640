#!/bin/sh
# Part of install.sh: everything that pip would fetch, in a folder, for a door that has
# no network: for a machine like this one, or with --for for another.
# shellcheck disable=SC2154,SC2034 # variables are shared with the other parts

build_wheelhouse() {
    target=
    if [ $# -eq 3 ] && [ "$2" = --for ]; then
        target=$3
        case $target in
        3.1[123]-aarch64 | 3.1[123]-x86_64) ;;
        *) die "$exit_usage" "--for wants a target such as 3.13-aarch64, not $target." ;;
        esac
    elif [ $# -ne 1 ]; then
        die "$exit_usage" "--build-wheelhouse wants one folder; see --help."
    fi
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
    fetch door || pip_failed
    fetch build || pip_failed
    say "lgpio $lgpio_version"
    gather_lgpio
    (cd -- "$house" && rm -f SHA256SUMS && sha256sum -- *.whl >SHA256SUMS)
    say "$house is ready: $(find "$house" -name '*.whl' | wc -l) wheels for" \
        "${target:-$("$python" -c 'import platform, sys
print("%d.%d" % sys.version_info[:2], platform.machine(), sep="-")')}."
}

# fetch LOCK: the wheels of a lock, for the target; false if that failed.
fetch() {
    set -- --requirement "$here/locks/$1.txt"
    if [ -n "$target" ]; then
        minor=${target%%-*}
        machine=${target#*-}
        # Bookworm has glibc 2.36; each of these names what wheels were built on.
        for glibc in 2_5 2_12 2_17 2_24 2_26 2_27 2_28 2_31 2_34 2_35 2_36; do
            set -- "$@" --platform "manylinux_${glibc}_$machine"
        done
        set -- "$@" --platform "manylinux2014_$machine" --implementation cp \
            --python-version "$minor" --no-deps
    fi
    try_pip download --require-hashes --only-binary :all: --dest "$house" "$@"
}

# A wheel where there is one for this Python, else a build; else the door's own system
# must have it, and the installer says so there.
gather_lgpio() {
    fetch lgpio && return
    if [ -z "$target" ] && build_lgpio "$python" "$work/lgpio"; then
        cp -- "$work"/lgpio/lgpio-*.whl "$house/"
        return
    fi
    say "    there is no wheel, and a build needs the target itself, swig, cc and"
    say "    python3-dev: the door will need its system's python3-lgpio."
}
