"""What the config switches on and off, with what each risks, for people."""

from collections.abc import Iterator
from typing import Final

from gateway.config import Config, PairingMethod
from gateway.core.door_policy import OnUntrustedTime, Passback
from gateway.core.orders import OnFire
from gateway.service.front_views import SettingView

_OFF: Final = "off"
_MS_PER_S: Final = 1000


def switches_of(config: Config) -> tuple[SettingView, ...]:
    """Return the switches that this config sets, those of the door first."""
    return (*_of_the_door(config), *_of_its_rules(config), *_of_its_keys(config))


def _of_the_door(config: Config) -> Iterator[SettingView]:
    door, gateway = config.door, config.gateway
    yield SettingView(
        "Unlocked by schedule",
        door.unlocked or _OFF,
        "[door] unlocked",
        "While it is open, everybody passes and nobody is recorded.",
        door.unlocked is None,
    )
    yield SettingView(
        "When nobody vouches for the clock",
        door.on_untrusted_time.value,
        "[door] on_untrusted_time",
        "Whoever sets the clock wrong could choose the hour.",
        door.on_untrusted_time is OnUntrustedTime.DENY,
    )
    yield SettingView(
        "Time by a clock with a battery",
        f"up to {gateway.rtc_error_ms / _MS_PER_S:g} s"
        if gateway.rtc_error_ms
        else _OFF,
        "[gateway] rtc_error_s",
        "Hours are kept by a clock that may be wrong by so much.",
        not gateway.rtc_error_ms,
    )
    yield SettingView(
        "When the fire input is active",
        door.on_fire.value,
        "[door] on_fire",
        "Whoever sets off the fire alarm opens the door; hardware lets people out.",
        door.on_fire is OnFire.OBSERVE,
    )


def _of_its_rules(config: Config) -> Iterator[SettingView]:
    rules = config.rules
    yield SettingView(
        "Passback",
        rules.passback.value,
        "[rules] passback",
        "A key that is handed back outside lets a second person in.",
        rules.passback is Passback.HARD,
    )
    yield SettingView(
        "Two persons",
        f"within {rules.two_person_ms // _MS_PER_S} s" if rules.two_person_ms else _OFF,
        "[rules] two_person_s",
        "One forced person is enough to open.",
        rules.two_person_ms > 0,
    )
    yield SettingView(
        "Silent call under duress",
        config.duress.route if config.duress.socket else _OFF,
        "[duress] socket",
        "Nobody hears of a forced opening before the ledger is read.",
        config.duress.socket is not None,
    )


def _of_its_keys(config: Config) -> Iterator[SettingView]:
    methods = " ".join(method.value for method in config.radio.pairing)
    yield SettingView(
        "Pairing of new keys",
        methods,
        "[radio] pairing",
        "Just-works pairing shows no number to compare: somebody in reach could pair "
        "in between while a key is enrolled.",
        PairingMethod.JUST_WORKS not in config.radio.pairing,
    )
    yield SettingView(
        "List of fallen models",
        "on" if config.trust.model_list else _OFF,
        "[trust] model_list",
        "A model that its maker reported as broken can still be enrolled.",
        config.trust.model_list is not None,
    )
    yield SettingView(
        "Backups",
        "on" if config.backup.recipient else _OFF,
        "[backup] recipient",
        "What dies with this disk is gone, the names too.",
        config.backup.recipient is not None,
    )
