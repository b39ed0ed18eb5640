#!/bin/sh
# Part of install.sh: what the gateway needs around it on the machine.
# shellcheck disable=SC2154,SC2034 # variables are shared with the other parts

units='keyra-strike.service keyra-gateway.service'
timers='keyra-verify.timer keyra-backup.timer'
followers='keyra-verify.service keyra-backup.service keyra-console@.service keyra-unproved.service'
begin_mark='# keyra: begin (install.sh made this from /etc/keyra/gateway.toml)'
end_mark='# keyra: end'

make_users() {
    put "$share/keyra.sysusers.conf" "$root/etc/sysusers.d/keyra.conf"
    put "$share/keyra.tmpfiles.conf" "$root/etc/tmpfiles.d/keyra.conf"
    [ -z "$root" ] || return 0
    if ! id keyra >/dev/null 2>&1 || ! id keyra-strike >/dev/null 2>&1; then
        change "make the users keyra and keyra-strike" systemd-sysusers \
            /etc/sysusers.d/keyra.conf
    fi
    if [ ! -d /etc/keyra ] || [ ! -d /var/lib/keyra ] ||
        [ ! -d /var/backups/keyra ]; then
        change "make /etc/keyra and /var/lib/keyra" systemd-tmpfiles --create \
            /etc/tmpfiles.d/keyra.conf
    fi
    # A ledger that an earlier installation left is this gateway's again.
    if [ -n "$(not_its_own)" ]; then
        change "give what is in /var/lib/keyra to the user keyra" give_back
    fi
}

# All but the seal's first key, which the gateway must never read, and a kept config.
not_its_own() {
    find /var/lib/keyra ! -user keyra ! -name ledger.seal-key ! -name gateway.toml \
        "$@" 2>/dev/null || :
}

give_back() { not_its_own -exec chown -h keyra:keyra {} +; }

# print_strike KIND FILE: what keyra itself makes of gateway.toml, for other programs.
print_strike() {
    uid=$(id -u keyra 2>/dev/null || id -u)
    "$keyra" print-strike "$1" --uid "$uid" --config "$config" >"$work/$1" ||
        die "$exit_config" "the strike's settings could not be made from $config."
    put "$work/$1" "$2"
}

place_settings() {
    if [ ! -x "$keyra" ] || [ ! -e "$config" ]; then
        change "write /etc/keyra/strike.env and the boot's settings from gateway.toml" :
        return 0
    fi
    print_strike env "$root/etc/keyra/strike.env"
    print_strike chip "$root/etc/systemd/system/keyra-strike.service.d/chip.conf"
    settle_boot
}

# Raspberry Pi OS keeps an output as it is when its program dies, and the pin is
# nobody's until Linux runs: both are said in config.txt. Other kernels take a module's
# parameter, or do it right by themselves.
settle_boot() {
    boot=$root/boot/firmware/config.txt
    if [ ! -e "$boot" ]; then
        put "$share/keyra.modprobe.conf" "$root/etc/modprobe.d/keyra.conf"
        return 0
    fi
    lines=$("$keyra" print-strike boot --config "$config") ||
        die "$exit_config" "the boot's settings could not be made from $config."
    {
        without_block "$boot"
        printf '%s\n' "$begin_mark" '[all]' "$lines" "$end_mark"
    } >"$work/config.txt"
    if ! cmp -s -- "$work/config.txt" "$boot"; then
        restart_needed=1
        put "$work/config.txt" "$boot" keep
    fi
}

# without_block FILE: all that is not between our marks.
without_block() {
    awk -v begin="$begin_mark" -v end="$end_mark" \
        '$0 == begin { ours = 1 } !ours { print } $0 == end { ours = 0 }' "$1"
}

place_units() {
    for unit in $units $timers $followers; do
        if [ ! -e "$share/$unit" ]; then
            remove "$root/etc/systemd/system/$unit"
            continue
        fi
        link_to "/opt/keyra/current/share/keyra/systemd/$unit" \
            "$root/etc/systemd/system/$unit"
    done
    put "$share/keyra.rules" "$root/etc/udev/rules.d/60-keyra.rules"
    put "$share/keyra.dbus.conf" "$root/etc/dbus-1/system.d/keyra.conf"
    put "$share/keyra.polkit.rules" "$root/etc/polkit-1/rules.d/50-keyra.rules"
    # systemd itself reads this one as it starts.
    watchdog=$root/etc/systemd/system.conf.d/keyra.conf
    cmp -s -- "$share/keyra.watchdog.conf" "$watchdog" || restart_needed=1
    put "$share/keyra.watchdog.conf" "$watchdog"
    for command in keyra keyra-ledger; do
        link_to "/opt/keyra/current/bin/$command" "$root/usr/local/bin/$command"
    done
    place_shell
}

# Where bash, zsh, fish and man look by themselves.
shell_files='keyra.bash:bash-completion/completions/keyra
_keyra:zsh/site-functions/_keyra
keyra.fish:fish/vendor_completions.d/keyra.fish
keyra.1:man/man1/keyra.1'

place_shell() {
    for pair in $shell_files; do
        at=$root/usr/local/share/${pair#*:}
        if [ -e "$share/shell/${pair%%:*}" ]; then
            link_to "/opt/keyra/current/share/keyra/systemd/shell/${pair%%:*}" "$at"
        else # a version from before there were any
            remove "$at"
        fi
    done
    at=$root/usr/local/bin/keyra-console
    if [ -e "$share/shell/keyra-console" ]; then
        link_to /opt/keyra/current/share/keyra/systemd/shell/keyra-console "$at"
    else
        remove "$at"
    fi
}

leave_shell() {
    remove "$root/usr/local/bin/keyra-console"
    for pair in $shell_files; do
        remove "$root/usr/local/share/${pair#*:}"
    done
}

# Not `systemctl enable`: it would lead past `current`, to this very version.
enable_units() {
    for unit in $units keyra-unproved.service; do
        link_to "../$unit" "$root/etc/systemd/system/multi-user.target.wants/$unit"
    done
    for unit in $timers; do
        link_to "../$unit" "$root/etc/systemd/system/timers.target.wants/$unit"
    done
}

reload_managers() {
    systemctl daemon-reload || return
    # A machine may have no pins or no bus yet; the boot tells them anyway.
    udevadm control --reload &&
        udevadm trigger --subsystem-match=gpio --subsystem-match=misc --settle || :
    systemctl --quiet reload dbus || :
    # shellcheck disable=SC2086 # several names
    [ -n "$no_start" ] || systemctl start $timers
}

# The strike secures as it stops, and claims its line secured.
restart_door() {
    timeout "$patience_s" systemctl restart keyra-strike.service &&
        systemctl restart --no-block keyra-gateway.service &&
        wait_for_gateway
}

# Ready, still there a moment later, and answering.
wait_for_gateway() {
    waited_s=0
    while [ "$waited_s" -lt "$patience_s" ]; do
        sleep 1
        waited_s=$((waited_s + 1))
        door_is_ready || continue
        sleep "$settle_s"
        ! door_is_ready || ! "$keyra" status >/dev/null 2>&1 || return 0
    done
    return 1
}

# Both are running and said that they work. (Of several names, is-active wants one.)
door_is_ready() {
    for unit in $units; do
        systemctl --quiet is-active "$unit" || return 1
    done
}
