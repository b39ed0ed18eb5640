#!/bin/sh
# Part of install.sh: from one version to another, and away.
# shellcheck disable=SC2154,SC2034 # variables are shared with the other parts

# upgrade_from VERSION: the new one is beside it and tried before it replaces it. A
# version that does not work goes by itself; `unproved` makes a power cut count as such.
upgrade_from() {
    was_ready=
    ! on_machine || ! door_is_ready || was_ready=1
    new=versions/$version
    [ -n "$dry_run" ] || try_out
    link_to "$1" "$root/opt/keyra/previous"
    mark_unproved "$1"
    settle_on "$new"
    take_effect
    if [ -z "$works" ] && [ -n "$was_ready" ]; then
        say "    the new version does not get ready; going back"
        settle_on "$1"
        rm -f -- "$root/opt/keyra/unproved" "$root/opt/keyra/previous"
        reload_managers
        restart_door || die "$exit_software" "neither the new version nor the old" \
            "one gets ready; see 'journalctl -u keyra-strike -u keyra-gateway'."
        die "$exit_software" "version $version does not get ready; $1 is back and works."
    fi
    [ -n "$dry_run" ] || rm -f -- "$root/opt/keyra/unproved"
    forget_versions
}

# Everything that can be known without touching the door.
try_out() {
    owns_its_names
    has_lgpio || die "$exit_software" "the new version has no working lgpio."
    "$keyra" check-config --config "$config" >/dev/null ||
        die "$exit_config" "the new version refuses the config; nothing was switched."
}

mark_unproved() {
    [ -z "$dry_run" ] || return 0
    printf '%s\n' "$1" >"$work/unproved"
    place "$work/unproved" "$root/opt/keyra/unproved" 0644 root:root ||
        die "$exit_software" "$root/opt/keyra/unproved could not be written."
}

# Two are kept: the current one and the one before.
forget_versions() {
    for old in "$root"/opt/keyra/versions/*; do
        name=versions/$(basename -- "${old%.log}")
        case $name in
        "$(readlink -- "$root/opt/keyra/current")") ;;
        "$(readlink -- "$root/opt/keyra/previous")") ;;
        *) remove "$old" ;;
        esac
    done
}

go_back() {
    check_root
    before=$(current_version)
    old=$(readlink -- "$root/opt/keyra/previous" || :)
    [ -n "$before" ] && [ -e "$root/opt/keyra/$old/complete" ] ||
        die "$exit_usage" "there is no version to go back to."
    begin_work
    use_version "$old"
    "$keyra" check-config --config "$config" >/dev/null ||
        die "$exit_config" "the version before refuses the config; nothing was changed."
    settle_on "$old"
    link_to "$before" "$root/opt/keyra/previous"
    take_effect
    remove "$root/opt/keyra/unproved"
    conclude
}

# What is left is the ledger with what belongs to it, unless that is to go as well.
uninstall_appliance() {
    check_root
    begin_work
    if on_machine && [ -L "$root/etc/systemd/system/keyra-strike.service" ]; then
        # shellcheck disable=SC2086 # several names
        change "stop the gateway, then the strike, which secures the door" \
            systemctl stop keyra-gateway.service keyra-strike.service $timers
    fi
    for unit in $units $timers $followers; do
        remove "$root/etc/systemd/system/multi-user.target.wants/$unit" \
            "$root/etc/systemd/system/timers.target.wants/$unit" \
            "$root/etc/systemd/system/$unit"
    done
    remove "$root/etc/systemd/system/keyra-strike.service.d" \
        "$root/etc/udev/rules.d/60-keyra.rules" "$root/etc/dbus-1/system.d/keyra.conf" \
        "$root/etc/polkit-1/rules.d/50-keyra.rules" \
        "$root/etc/systemd/system.conf.d/keyra.conf" "$root/etc/modprobe.d/keyra.conf" \
        "$root/etc/sysusers.d/keyra.conf" "$root/etc/tmpfiles.d/keyra.conf" \
        "$root/usr/local/bin/keyra" "$root/usr/local/bin/keyra-ledger"
    leave_shell
    leave_boot
    leave_data
    leave_backups
    leave_users
    remove "$root/opt/keyra" "$root"/var/lib/systemd/timers/stamp-keyra-*.timer
    on_machine && [ "$changes" -gt 0 ] && [ -z "$dry_run" ] && systemctl daemon-reload
    say_what_is_left
}

leave_boot() {
    boot=$root/boot/firmware/config.txt
    [ -e "$boot" ] || return 0
    without_block "$boot" >"$work/config.txt"
    put "$work/config.txt" "$boot" keep
}

# The settings and the signing key go with the ledger: without them it is hard to read.
leave_data() {
    if [ -n "$remove_ledger" ]; then
        remove "$root/var/lib/keyra" "$root/etc/keyra"
        return 0
    fi
    if [ -d "$root/var/lib/keyra" ] && [ -e "$config" ]; then
        put "$config" "$root/var/lib/keyra/gateway.toml" 0600
    fi
    remove "$root/etc/keyra"
}

# A backup holds the ledger too; a folder for backups that never came does not.
leave_backups() {
    backups=$root/var/backups/keyra
    [ -d "$backups" ] || return 0
    if [ -n "$remove_ledger" ] || [ -z "$(ls -A "$backups")" ]; then
        remove "$backups"
    fi
}

# No user is left, so no later one may get the ledger by getting the same number.
leave_users() {
    [ -z "$root" ] || return 0
    for kept in /var/lib/keyra /var/backups/keyra; do
        if [ -d "$kept" ] && [ "$(stat -c %U "$kept")" != root ]; then
            change "give $kept to root" chown -R root:root "$kept"
        fi
    done
    for user in keyra keyra-strike; do
        if id "$user" >/dev/null 2>&1; then
            change "remove the user $user" userdel "$user"
        fi
    done
}

say_what_is_left() {
    if [ "$changes" -eq 0 ]; then
        say "Nothing to do: no KEYRA gateway is installed here."
    elif [ -n "$dry_run" ]; then
        say "$changes actions; nothing was changed."
    elif [ -d "$root/var/lib/keyra" ]; then
        say "The gateway is gone ($changes changes); its ledger stays in" \
            "/var/lib/keyra, backups in /var/backups/keyra. Look after the door:" \
            "nothing drives its strike now."
    elif [ -n "$remove_ledger" ]; then
        say "The gateway is gone, and so is its ledger ($changes changes)."
    else
        say "The gateway is gone ($changes changes); it had no ledger."
    fi
}
