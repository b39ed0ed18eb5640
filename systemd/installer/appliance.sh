#!/bin/sh
# Part of install.sh: the gateway as this machine's purpose.
# shellcheck disable=SC2154,SC2034 # variables are shared with the other parts

units='keyra-strike.service keyra-gateway.service'
gateway_patience_s=120

# appliance_options MODE OPTION...: sets what the user asked for.
appliance_options() {
    action=$1
    shift
    root='' dry_run='' unattended='' offline='' config_given='' no_start=''
    remove_ledger=''
    while [ $# -gt 0 ]; do
        case $1 in
        --dry-run) dry_run=1 ;;
        --unattended) unattended=1 ;;
        --no-start) no_start=1 ;;
        --remove-ledger) remove_ledger=1 ;;
        --config | --offline | --root)
            [ $# -ge 2 ] || die "$exit_usage" "$1 wants a path after it; see --help."
            take_path "$1" "$2"
            shift
            ;;
        *) die "$exit_usage" "unknown option '$1'; see --help." ;;
        esac
        shift
    done
}

take_path() {
    case $1 in
    --config)
        [ -r "$2" ] || die "$exit_usage" "the config file $2 cannot be read."
        config_given=$(realpath -- "$2")
        ;;
    --offline)
        [ -d "$2" ] || die "$exit_usage" "there is no wheelhouse $2."
        offline=$(realpath -- "$2")
        ;;
    --root)
        root=$(realpath -m -- "$2")
        ;;
    esac
}

# What a door needs of Debian; in a folder that stands for a machine, only Python.
check_door_machine() {
    [ "$(uname -s)" = Linux ] ||
        die "$exit_unavailable" "a door runs on Linux; this is $(uname -s)."
    if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
        die "$exit_no_permission" "installing on a door needs root: run it with sudo;" \
            "'./install.sh --demo' shows the gateway without."
    fi
    missing=
    find_door_python
    [ -n "$python" ] || missing="$missing python3 python3-venv"
    if [ -z "$root" ]; then
        need dbus-daemon dbus
        [ -e /usr/libexec/bluetooth/bluetoothd ] || missing="$missing bluez"
        need runuser util-linux
        need systemctl systemd
    fi
    [ -n "$missing" ] || return 0
    [ -z "$offline" ] || die "$exit_unavailable" "this machine lacks$missing, and" \
        "--offline gets no packages: install them first."
    # shellcheck disable=SC2086 # package names, one word each
    change "install$missing with apt" with_apt $missing
    find_door_python
    [ -n "$python" ] || [ -n "$dry_run" ] ||
        die "$exit_unavailable" "this release has no Python from 3.11 to 3.13 with venv."
}

# The wheelhouse is as it was when it was built.
check_wheelhouse() {
    [ -n "$offline" ] || return 0
    (cd -- "$offline" && sha256sum --check --strict --quiet SHA256SUMS) >&2 ||
        die "$exit_unavailable" "$offline is no whole wheelhouse; build one with" \
            "'./install.sh --build-wheelhouse'."
}

make_users() {
    put "$share/keyra.sysusers.conf" "$root/etc/sysusers.d/keyra.conf"
    put "$share/keyra.tmpfiles.conf" "$root/etc/tmpfiles.d/keyra.conf"
    [ -z "$root" ] || return 0
    if ! id keyra >/dev/null 2>&1 || ! id keyra-strike >/dev/null 2>&1; then
        change "make the users keyra and keyra-strike" systemd-sysusers \
            /etc/sysusers.d/keyra.conf
    fi
    if [ ! -d /etc/keyra ] || [ ! -d /var/lib/keyra ]; then
        change "make /etc/keyra and /var/lib/keyra" systemd-tmpfiles --create \
            /etc/tmpfiles.d/keyra.conf
    fi
}

# The config is the installer's to write once, and from then on the owner's.
settle_config() {
    config=$root/etc/keyra/gateway.toml
    if [ -e "$config" ]; then
        if [ -n "$config_given" ] && ! cmp -s -- "$config_given" "$config"; then
            say "    /etc/keyra/gateway.toml is kept; $config_given differs from it."
        fi
    elif [ -n "$config_given" ]; then
        check_config "$config_given"
        put "$config_given" "$config" 0640 root:keyra
    elif [ -n "$unattended" ]; then
        die "$exit_config" "there is no config: give one with --config FILE."
    elif [ -n "$dry_run" ]; then
        change "ask for pins and polarity, and write /etc/keyra/gateway.toml" :
    else
        ask_for_config
    fi
    [ ! -e "$config" ] || check_config "$config"
}

ask_for_config() {
    "$keyra" write-config --out "$work/gateway.toml" ||
        die "$exit_config" "no config was made; nothing was started."
    put "$work/gateway.toml" "$config" 0640 root:keyra
}

# Only where the environment is there: --dry-run makes none.
check_config() {
    [ -x "$keyra" ] || return 0
    "$keyra" check-config --config "$1" >&2 ||
        die "$exit_config" "the config is not right; correct it and run this again."
}

# print_strike KIND FILE: what keyra itself makes of gateway.toml, for other programs.
print_strike() {
    uid=$(id -u keyra 2>/dev/null || id -u)
    "$keyra" print-strike "$1" --uid "$uid" --config "$config" >"$work/$1" ||
        die "$exit_config" "the strike's settings could not be made from $config."
    put "$work/$1" "$2"
}

place_settings() {
    if [ ! -x "$keyra" ] || [ ! -e "$config" ]; then
        change "write /etc/keyra/strike.env from gateway.toml" :
        return 0
    fi
    print_strike env "$root/etc/keyra/strike.env"
    print_strike chip "$root/etc/systemd/system/keyra-strike.service.d/chip.conf"
}

place_units() {
    for unit in $units; do
        link_to "/opt/keyra/current/share/keyra/systemd/$unit" \
            "$root/etc/systemd/system/$unit"
    done
    put "$share/keyra.rules" "$root/etc/udev/rules.d/60-keyra.rules"
    put "$share/keyra.dbus.conf" "$root/etc/dbus-1/system.d/keyra.conf"
    put "$share/keyra.watchdog.conf" "$root/etc/systemd/system.conf.d/keyra.conf"
    for command in keyra keyra-ledger; do
        link_to "/opt/keyra/current/bin/$command" "$root/usr/local/bin/$command"
    done
}

# Not `systemctl enable`: it would lead past `current`, to this very version.
enable_units() {
    for unit in $units; do
        link_to "../$unit" "$root/etc/systemd/system/multi-user.target.wants/$unit"
    done
}

# One ledger for ever: it is begun once, as the gateway's own user.
begin_ledger() {
    [ ! -e "$root/var/lib/keyra/ledger.db" ] || return 0
    [ -z "$root" ] || return 0
    change "begin the ledger in /var/lib/keyra" runuser -u keyra -- \
        "$keyra" init --config "$config"
}

switch_to() {
    before=$(readlink -- "$root/opt/keyra/current" || :)
    [ "$before" != "versions/$1" ] || return 0
    if [ -n "$before" ]; then
        link_to "$before" "$root/opt/keyra/previous"
    fi
    link_to "versions/$1" "$root/opt/keyra/current"
}

# Tells the running system what changed; the strike secures first, then the gateway.
take_effect() {
    on_machine || return 0
    if [ "$changes" -gt 0 ]; then
        change "tell systemd, udev and D-Bus" reload_managers
    fi
    [ -z "$no_start" ] || return 0
    # shellcheck disable=SC2086 # two names
    if [ "$changes" -gt 0 ] || ! systemctl --quiet is-active $units; then
        change "start the strike, then the gateway" :
        [ -n "$dry_run" ] || start_door
    fi
}

reload_managers() {
    systemctl daemon-reload || return
    # A machine may have no pins or no bus yet; the boot tells them anyway.
    udevadm control --reload && udevadm trigger --subsystem-match=gpio --settle || :
    systemctl --quiet reload dbus || :
}

start_door() {
    timeout "$gateway_patience_s" systemctl restart keyra-strike.service &&
        systemctl restart --no-block keyra-gateway.service &&
        wait_for_gateway
}

wait_for_gateway() {
    waited_s=0
    while [ $waited_s -lt $gateway_patience_s ]; do
        ! systemctl --quiet is-active keyra-gateway.service || return 0
        sleep 1
        waited_s=$((waited_s + 1))
    done
    return 1
}

install_appliance() {
    check_door_machine
    check_wheelhouse
    prepare
    make_version
    make_users
    settle_config
    switch_to "$version"
    place_settings
    place_units
    enable_units
    begin_ledger
    started=1
    take_effect || started=
    conclude
}

prepare() {
    name_version
    keyra=$place/bin/keyra
    share=$here/systemd
    if [ -z "$dry_run" ]; then
        mkdir -p -- "$root/opt/keyra/versions" ||
            die "$exit_no_permission" "$root/opt/keyra cannot be made."
        # Two at once would tread on each other.
        exec 9>"$root/opt/keyra/lock"
        flock 9
    fi
    work=$(mktemp -d)
    trap 'rm -rf -- "$work"' EXIT
    trap 'exit 130' INT TERM
}

conclude() {
    if [ "$changes" -eq 0 ]; then
        say "Nothing to do: KEYRA gateway $version is installed."
    elif [ -n "$dry_run" ]; then
        say "$changes actions; nothing was changed."
    else
        say "KEYRA gateway $version is installed ($changes changes)."
    fi
    [ -n "$started" ] ||
        die 1 "the gateway is not ready; 'journalctl -u keyra-strike -u keyra-gateway'" \
            "says why. The door stays secured, and getting out is in hardware."
}
