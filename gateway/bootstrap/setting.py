"""From the config's words to the core's: files are read here, and nowhere later."""

from pathlib import Path
from typing import Final
from uuid import UUID

from gateway.bootstrap.policy import policies_of
from gateway.bootstrap.switches import switches_of
from gateway.config import BleIdentity, Config
from gateway.config.sections import Trust as TrustSection
from gateway.core.attestation import Trust
from gateway.core.certificate_path import Certificate, load_root
from gateway.core.entries import ConfigFacts
from gateway.core.model_list import LIST_BYTES_MAX, ModelList, load_model_list
from gateway.errors import ConfigError
from gateway.service.gateway import Setting
from gateway.service.new_credential import EnrolmentRules

ROOT_BYTES_MAX: Final = 64 * 1024


def setting_of(config: Config) -> Setting:
    """Return what the service is told.

    Raises:
        ConfigError: a trust root or a calendar cannot be read, or the config wants
            what this gateway cannot do.
    """
    if config.gateway.ble_identity is BleIdentity.SITE:
        raise ConfigError(
            'A Bluetooth identity for the whole site is not there yet: write "gateway" '
            "for [gateway] ble_identity, or leave the line out."
        )
    roots = tuple(_root(Path(name)) for name in config.trust.roots)
    models = {UUID(name).bytes: f"model {name}" for name in config.trust.aaguids}
    return Setting(
        place=config.place,
        timing=config.door_timing,
        policies=policies_of(config),
        challenge_life_ms=config.door.challenge_ttl_ms,
        enrolment=EnrolmentRules(
            Trust(
                rp_id=config.site.rp_id,
                roots=roots,
                models=models,
                model_list=_model_list(config.trust),
            ),
            site_name=config.site.id,
        ),
        config_facts=ConfigFacts(
            sha256=config.sha256,
            pairing=" ".join(method.value for method in config.radio.pairing),
            aaguids=tuple(models),
            trust=tuple(root.der for root in roots),
        ),
        limits=config.limits,
        on_fire=config.door.on_fire,
        wiring=f"{config.door.lock.value} {config.door.relay.value} "
        f"{config.pins.strike}",
        switches=switches_of(config),
    )


def _model_list(trust: TrustSection) -> ModelList | None:
    if trust.model_list is None:
        return None
    path = Path(trust.model_list)
    try:
        with path.open("rb") as file:
            data = file.read(LIST_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(
            f"The list of models {path} cannot be read ({error.strerror}): correct "
            "[trust] model_list in the config."
        ) from error
    roots = tuple(_root(Path(name)) for name in trust.model_list_roots)
    return load_model_list(data, roots, trust.model_list_publisher)


def _root(path: Path) -> Certificate:
    try:
        with path.open("rb") as file:
            data = file.read(ROOT_BYTES_MAX)
    except OSError as error:
        raise ConfigError(
            f"The trust root {path} cannot be read ({error.strerror}): correct [trust] "
            "roots in the config."
        ) from error
    return load_root(data)
