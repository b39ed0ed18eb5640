#!/bin/sh
# Part of install.sh: the gateway as this machine's purpose.
# shellcheck disable=SC2154,SC2034 # variables are shared with the other parts

patience_s=${KEYRA_PATIENCE_S:-120}
settle_s=${KEYRA_SETTLE_S:-3}

# appliance_options OPTION...: sets what the user asked for.
appliance_options() {
    action=install root='' dry_run='' unattended='' offline='' config_given=''
    no_start='' remove_ledger='' restart_needed=''
    while [ $# -gt 0 ]; do
        case $1 in
        --upgrade | --rollback | --uninstall)
            [ "$action" = install ] ||
                die "$exit_usage" "$1 and --$action exclude each other; see --help."
            action=${1#--}
            ;;
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
    [ -z "$remove_ledger" ] || [ "$action" = uninstall ] ||
        die "$exit_usage" "--remove-ledger goes with --uninstall alone; see --help."
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
    --root) root=$(realpath -m -- "$2") ;;
    esac
}

appliance() {
    config=$root/etc/keyra/gateway.toml
    case $action in
    install | upgrade) install_appliance ;;
    rollback) go_back ;;
    uninstall) uninstall_appliance ;;
    esac
}

check_root() {
    [ "$(uname -s)" = Linux ] ||
        die "$exit_unavailable" "a door runs on Linux; this is $(uname -s)."
    [ -n "$root" ] || [ "$(id -u)" -eq 0 ] ||
        die "$exit_no_permission" "installing on a door needs root: run it with" \
            "sudo; './install.sh --demo' shows the gateway without."
}

# What a door needs of Debian; in a folder that stands for a machine, only Python.
check_door_machine() {
    missing=
    find_door_python
    [ -n "$python" ] || missing="$missing python3 python3-venv"
    if [ -z "$root" ]; then
        need dbus-daemon dbus
        [ -e /usr/libexec/bluetooth/bluetoothd ] || missing="$missing bluez"
        need systemctl systemd
        # Lets the gateway restart BlueZ; a door without a network does without.
        [ -n "$offline" ] || [ -e /usr/lib/polkit-1/polkitd ] ||
            missing="$missing polkitd"
    fi
    [ -n "$missing" ] || return 0
    [ -z "$offline" ] || die "$exit_unavailable" "this machine lacks$missing, and" \
        "--offline gets no packages: install them first."
    # shellcheck disable=SC2086 # package names, one word each
    change "install$missing with apt" with_apt $missing
    find_door_python
    [ -n "$python" ] || [ -n "$dry_run" ] || die "$exit_unavailable" \
        "this release has no Python from 3.11 to 3.13 with venv."
}

# The wheelhouse is as it was when it was built.
check_wheelhouse() {
    [ -n "$offline" ] || return 0
    (cd -- "$offline" && sha256sum --check --strict --quiet SHA256SUMS) >&2 ||
        die "$exit_unavailable" "$offline is no whole wheelhouse; build one with" \
            "'./install.sh --build-wheelhouse'."
}

# One at a time, with a folder for what is not kept.
begin_work() {
    if [ "$action" != uninstall ] && [ -z "$dry_run" ]; then
        mkdir -p -- "$root/opt/keyra/versions" ||
            die "$exit_no_permission" "$root/opt/keyra cannot be made."
    fi
    if [ -d "$root/opt/keyra" ] && [ -z "$dry_run" ]; then
        exec 9>"$root/opt/keyra/lock"
        flock 9
    fi
    work=$(mktemp -d)
    trap 'rm -rf -- "$work"' EXIT
    trap 'exit 130' INT TERM
}

current_version() { readlink -- "$root/opt/keyra/current" || :; }

# use_version NAME: the one that the next steps speak of and with.
use_version() {
    place=$root/opt/keyra/$1
    keyra=$place/bin/keyra
    share=$place/share/keyra/systemd
    [ -d "$share" ] || share=$here/systemd
}

install_appliance() {
    check_root
    before=$(current_version)
    [ "$action" = install ] || [ -n "$before" ] ||
        die "$exit_usage" "there is nothing to upgrade here; see --help."
    check_door_machine
    check_wheelhouse
    begin_work
    name_version
    make_version
    use_version "versions/$version"
    make_users
    settle_config
    if [ -n "$before" ] && [ "$before" != "versions/$version" ]; then
        upgrade_from "$before"
    else
        settle_on "versions/$version"
        begin_ledger
        take_effect
        # An upgrade was cut off after the switch, and this run has finished it.
        [ -z "$works" ] || remove "$root/opt/keyra/unproved"
    fi
    conclude
}

# settle_on VERSION: from here on, units and commands are this version's.
settle_on() {
    link_to "$1" "$root/opt/keyra/current"
    use_version "$1"
    place_settings
    place_units
    enable_units
}

# The config is the installer's to write once, and from then on the owner's.
settle_config() {
    if [ -e "$config" ]; then
        if [ -n "$config_given" ] && ! cmp -s -- "$config_given" "$config"; then
            say "    /etc/keyra/gateway.toml is kept; $config_given differs from it."
        fi
        check_config "$config"
    elif [ -n "$config_given" ]; then
        check_config "$config_given"
        put "$config_given" "$config" 0640 root:keyra
    elif [ -n "$unattended" ]; then
        die "$exit_config" "there is no config: give one with --config FILE."
    elif [ -n "$dry_run" ]; then
        change "ask for pins and wiring, and write /etc/keyra/gateway.toml" :
    else
        "$keyra" write-config "$work/gateway.toml" ||
            die "$exit_config" "no config was made; nothing was started."
        put "$work/gateway.toml" "$config" 0640 root:keyra
    fi
}

# Only where the environment is there: --dry-run makes none.
check_config() {
    [ -x "$keyra" ] || return 0
    "$keyra" check-config --config "$1" >/dev/null ||
        die "$exit_config" "correct the config and run this again."
}

# One ledger for ever: it is begun once, by root, who alone can read the seal's key.
begin_ledger() {
    [ -z "$root" ] && [ ! -e /var/lib/keyra/ledger.db ] || return 0
    change "begin the ledger in /var/lib/keyra" "$keyra" init --config "$config"
}

# Tells the running system what changed, and starts what should run and does not.
take_effect() {
    works=1
    on_machine || return 0
    [ "$changes" -eq 0 ] || change "tell systemd, udev and D-Bus" reload_managers
    [ -z "$no_start" ] || return 0
    if [ "$changes" -gt 0 ] || ! door_is_ready; then
        change "start the strike, then the gateway" :
        [ -n "$dry_run" ] || restart_door || works=
    fi
}

conclude() {
    if [ "$changes" -eq 0 ]; then
        say "Nothing to do: KEYRA gateway ${place##*/} is installed."
    elif [ -n "$dry_run" ]; then
        say "$changes actions; nothing was changed."
    else
        say "KEYRA gateway ${place##*/} is installed ($changes changes)."
        look_at_it
    fi
    [ -n "$works" ] ||
        die 1 "the gateway is not ready; 'journalctl -u keyra-strike -u keyra-gateway'" \
            "says why. The door stays secured, and getting out is in hardware."
}

# The end of each installation: what doctor finds, and the door itself.
look_at_it() {
    [ -z "$restart_needed" ] ||
        say "Restart this machine once: settings of the boot changed."
    on_machine && [ -z "$no_start" ] || return 0
    "$keyra" doctor >&2 || :
    say "A door is in order once somebody got out with this machine switched off:" \
        "sudo keyra commission"
    if [ -z "$works" ]; then
        say "The gateway is not running, so the door did not try itself. Once it runs:" \
            "sudo keyra self-test"
    elif [ -n "$unattended" ] || [ ! -t 0 ]; then
        say "Nobody is here to see the lock move. At the door: sudo keyra self-test"
    else
        "$keyra" self-test || die 1 "the door's self-test did not pass: look at the" \
            "lock and its wiring, then run it again: sudo keyra self-test"
    fi
}
