#!/bin/sh
# Part of install.sh: one way to change the machine, so that --dry-run can say it all.
# shellcheck disable=SC2154,SC2034 # variables are shared with the other parts

changes=0

# change SENTENCE COMMAND...: do it, or with --dry-run only say it.
change() {
    sentence=$1
    shift
    changes=$((changes + 1))
    if [ -n "$dry_run" ]; then
        say "would $sentence"
        return 0
    fi
    say "    $sentence"
    "$@" || die "$exit_software" "could not $sentence; see above, put it right and" \
        "run the same command again: it goes on where it stopped."
}

# owned_by OWNER FILE: chown, where there is a machine to own it.
owned_by() {
    [ -z "$root" ] || return 0
    chown -- "$1" "$2"
}

# place SOURCE FILE MODE OWNER: the file in one move, or not at all. The boot's file
# system knows no modes and owners: `keep` there.
place() {
    mkdir -p -- "$(dirname -- "$2")" && cp -- "$1" "$2.new" || return
    if [ "$3" != keep ]; then
        chmod -- "$3" "$2.new" && owned_by "$4" "$2.new" || return
    fi
    sync -- "$2.new" && mv -f -- "$2.new" "$2" && sync -- "$(dirname -- "$2")"
}

# put SOURCE FILE [MODE [OWNER]]: make FILE like SOURCE; nothing to do if it is.
put() {
    mode=${3:-0644}
    owner=${4:-root:root}
    if cmp -s -- "$1" "$2"; then
        [ "$mode" != keep ] && [ "0$(stat -c %a -- "$2")" != "$mode" ] || return 0
    fi
    change "write ${2#"$root"}" place "$1" "$2" "$mode" "$owner"
}

# link_to TARGET NAME: a symbolic link, replaced in one move.
link_to() {
    [ "$(readlink -- "$2")" != "$1" ] || return 0
    change "let ${2#"$root"} lead to $1" link_now "$1" "$2"
}

link_now() {
    mkdir -p -- "$(dirname -- "$2")" && rm -f -- "$2.new" &&
        ln -s -- "$1" "$2.new" && mv -fT -- "$2.new" "$2" &&
        sync -- "$(dirname -- "$2")"
}

# remove FILE...: what is there of it.
remove() {
    for file; do
        if [ -e "$file" ] || [ -L "$file" ]; then
            change "remove ${file#"$root"}" rm -rf -- "$file"
        fi
    done
}

# with_apt PACKAGE...: from the machine's own package sources.
with_apt() {
    DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 &&
        DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq \
            --no-install-recommends "$@" >&2
}

# Only where systemd runs: not in an image, and not in a chroot.
on_machine() { [ -d "$root/run/systemd/system" ]; }
