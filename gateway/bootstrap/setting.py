"""From the config's words to the core's: files are read here, and nowhere later."""

from pathlib import Path
from uuid import UUID

from gateway.bootstrap.policy import policies_of
from gateway.bootstrap.switches import switches_of
from gateway.bootstrap.trust import read_model_list, read_root
from gateway.config import BleIdentity, Config
from gateway.core.attestation import Trust
from gateway.core.entries import ConfigFacts
from gateway.errors import ConfigError
from gateway.service.gateway import Setting
from gateway.service.new_credential import EnrolmentRules


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
    roots = tuple(read_root(Path(name)) for name in config.trust.roots)
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
                model_list=read_model_list(config),
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
