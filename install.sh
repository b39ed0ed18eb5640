#!/bin/sh
# KEYRA gateway: install it on a door, see it (--demo), test it (--test); see --help.
set -eu

exit_usage=64
exit_unavailable=69
exit_software=70
exit_no_permission=77
exit_config=78

usage() {
    cat <<'EOF'
usage: ./install.sh [OPTION ...]              make this machine a gateway
       ./install.sh --upgrade [OPTION ...]    to the version in this folder
       ./install.sh --rollback                to the version before
       ./install.sh --uninstall [--remove-ledger]
       ./install.sh --build-wheelhouse DIR [--for 3.13-aarch64]
                                              for doors without a network
       ./install.sh --demo [ARGUMENT ...]
       ./install.sh --test [--quick | --all | --appliance]
       ./install.sh --help

On a Raspberry Pi or Debian (12 or 13), as root; docs/install.md tells the rest:

  --config FILE    the door's gateway.toml; without it, pins and wiring are asked for
  --unattended     never ask; what is missing is an error
  --offline DIR    take every package from this wheelhouse
  --dry-run        say each action, and do none
  --no-start       start nothing now; the next boot does
  --root DIR       install into a folder instead of this machine, for images and tests

Run again, it changes only what is not as it should be. A new version that does not
get ready is replaced by the old one again. --uninstall keeps /var/lib/keyra, where the
ledger is, unless told otherwise.

  --demo   run the real gateway over simulated keys, air and pins, on any Linux
           machine; the arguments go to `keyra demo` (--keys 200 --seed 7)
  --test   run the gate: style, types, import contracts, tests, coverage
             --quick   without the tests that start processes (about two minutes)
             (none)    the usual part, under ten minutes on two cores
             --all     the slow tests too
             --appliance  an emulated machine, installed on and mistreated: about half
                       an hour, needs root and 4 GB of disk (tests/appliance)

These two make a virtual environment of their own beside this file (or, where that may not
be written, under ${XDG_CACHE_HOME:-~/.cache}/keyra-gateway), from locked versions with
hashes, and nothing else on the machine changes. What the machine lacks (git, python3,
python3-venv; for the tests also dbus-daemon, jq, strace, systemd, tmux) is installed with apt when
root, and named otherwise.

  KEYRA_PYTHON   the Python to use, 3.11 to 3.13; by default the first that fits

exit codes: 0 done; 1 a demo step or a test failed, or the door does not work yet; 64
wrong use; 69 something is missing or not available here; 70 an installation step
failed; 77 not root; 78 the config is missing or wrong
EOF
}

say() { printf '%s\n' "$*" >&2; }

# die EXIT_CODE SENTENCE
die() {
    code=$1
    shift
    say "install.sh: $*"
    exit "$code"
}

# A Python that this product runs on, with the means to make an environment.
python_fits() {
    "$1" -c 'import sys
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13)
         or sys.implementation.name != "cpython")' >/dev/null 2>&1
}

python_complete() {
    "$1" -c 'import ensurepip, sqlite3, ssl, venv' >/dev/null 2>&1
}

# Sets $python; $missing gets the packages that would provide what is not there.
find_python() {
    python=
    for candidate in ${KEYRA_PYTHON:+"$KEYRA_PYTHON"} \
        python3 python3.13 python3.12 python3.11; do
        python_fits "$candidate" || continue
        [ -n "$python" ] || python=$candidate
        if python_complete "$candidate"; then
            python=$candidate
            return
        fi
    done
    missing="$missing python3 python3-venv"
}

# need COMMAND PACKAGE
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }

find_missing() {
    missing=
    find_python
    [ "$mode" = --test ] || return 0
    need git git
    need dbus-daemon dbus-daemon
    need jq jq
    need strace strace
    need tmux tmux
    need systemd-analyze systemd
    # Everywhere else it comes with the test lock.
    [ "$(uname -m)" = x86_64 ] || need shellcheck shellcheck
}

check_machine() {
    [ "$(uname -s)" = Linux ] ||
        die $exit_unavailable "the gateway runs on Linux; this is $(uname -s)."
    find_missing
    [ -n "$missing" ] || return 0
    line="apt-get install --yes --no-install-recommends$missing"
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "Installing$missing with apt ..."
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2086 # package names, one word each
        { apt-get update -qq && apt-get install --yes -qq \
            --no-install-recommends $missing; } >&2 ||
            die $exit_unavailable "apt failed; put it right and run: $line"
        find_missing
        [ -n "$missing" ] || return 0
        die $exit_unavailable "this release has no Python from 3.11 to 3.13 with" \
            "venv; name one with KEYRA_PYTHON=/path/to/python3."
    fi
    die $exit_unavailable "this machine lacks$missing; run as root: $line"
}

# Where the environments live: beside this file, or in the cache of who runs it.
choose_place() {
    place=$here
    [ ! -w "$here" ] || return 0
    cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
    [ -n "$cache" ] ||
        die $exit_unavailable "$here may not be written; set XDG_CACHE_HOME or HOME."
    place=$cache/keyra-gateway/$(printf %s "$here" | cksum | tr ' ' -)
    mkdir -p -- "$place"
}

# What the environment was made from; another value means: make it anew.
fingerprint() {
    {
        printf '%s\n' "$here" "$venv"
        "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
        cat -- "$here/pyproject.toml" "$here/install.sh" "$@"
    } | sha256sum
}

# Keeps the output of pip in a log; counts packages on a terminal.
follow() {
    count=0
    while IFS= read -r line; do
        printf '%s\n' "$line"
        [ -t 2 ] || continue
        case $line in
        Collecting*) count=$((count + 1)) && printf '\r    %d packages ' "$count" >&2 ;;
        Installing\ coll*) printf '\r    %d packages, unpacking\n' "$count" >&2 ;;
        esac
    done >"$venv.log"
}

# try_pip COMMAND ARGUMENT...: false if it failed; $venv.log says why.
try_pip() {
    rm -f -- "$venv.failed"
    { "$venv/bin/python" -m pip --no-input --disable-pip-version-check "$@" 2>&1 ||
        : >"$venv.failed"; } | follow
    [ -e "$venv.failed" ] || return 0
    rm -f -- "$venv.failed"
    return 1
}

# run_pip COMMAND ARGUMENT...: the same, for what has to work.
run_pip() {
    try_pip "$@" || pip_failed
}

pip_failed() {
    tail -n 15 -- "$venv.log" >&2
    [ -z "${offline-}" ] ||
        say "Was $offline built from this very version? Build it anew, and try again."
    die $exit_software "pip failed (whole output: $venv.log); nothing was started."
}

# Wheels only, so that nothing unlocked is run to build one.
install_locked() {
    run_pip install --no-warn-script-location --require-hashes --only-binary :all: "$@"
}

# make_environment NAME LOCK...: $place/.venv-NAME, from the locks, with the project.
make_environment() {
    venv=$place/.venv-$1
    shift
    # Two at once would tread on each other: the second waits, then finds it done.
    exec 9>"$venv.lock"
    flock 9
    want=$(fingerprint "$@")
    if [ "$(cat -- "$venv/made-from" 2>/dev/null)" != "$want" ]; then
        say "1/3 environment $venv"
        "$python" -m venv --clear -- "$venv" ||
            die $exit_software "$python could not make $venv; see above."
        say "2/3 locked packages, hashes checked"
        for lock; do
            set -- "$@" --requirement "$lock"
            shift
        done
        install_locked "$@"
        say "3/3 the gateway itself"
        run_pip install --no-deps --no-build-isolation --no-index --editable "$here"
        printf '%s\n' "$want" >"$venv/made-from"
    fi
    exec 9>&-
}

demo() {
    check_machine
    choose_place
    make_environment demo "$here/locks/build.txt" "$here/locks/sim.txt"
    exec "$venv/bin/keyra" demo "$@"
}

gate() {
    case "${1-}" in
    '' | --quick | --all | --appliance) ;;
    *) die $exit_usage "--test knows --quick, --all and --appliance, not '$1';" \
        "see --help." ;;
    esac
    [ $# -le 1 ] || die $exit_usage "--test takes one word; see --help."
    check_machine
    choose_place
    make_environment test "$here/locks/test.txt"
    exec "$venv/bin/python" "$here/.ci/gate.py" "$@"
}

# What an appliance needs and the demo does not.
load_parts() {
    # shellcheck source=systemd/installer/actions.sh
    . "$here/systemd/installer/actions.sh"
    # shellcheck source=systemd/installer/environment.sh
    . "$here/systemd/installer/environment.sh"
    # shellcheck source=systemd/installer/wheelhouse.sh
    . "$here/systemd/installer/wheelhouse.sh"
    # shellcheck source=systemd/installer/machine.sh
    . "$here/systemd/installer/machine.sh"
    # shellcheck source=systemd/installer/change.sh
    . "$here/systemd/installer/change.sh"
    # shellcheck source=systemd/installer/appliance.sh
    . "$here/systemd/installer/appliance.sh"
}

# Another environment's settings would reach into ours.
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
mode=${1-}
[ $# -eq 0 ] || shift
case $mode in
--demo) demo "$@" ;;
--test) gate "$@" ;;
--help | -h) usage ;;
--build-wheelhouse)
    load_parts
    build_wheelhouse "$@"
    ;;
'' | --*)
    load_parts
    appliance_options ${mode:+"$mode"} "$@"
    appliance
    ;;
*) die $exit_usage "unknown option '$mode'; see --help." ;;
esac
