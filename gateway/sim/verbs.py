"""What can be asked of a world, by name: the one list that server and client share."""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from gateway.core.facts import InputName
from gateway.ctap.command import Protocol
from gateway.errors import SimulationError
from gateway.sim.authenticator import ALG_ES256, AttestationStyle
from gateway.sim.key import KeyraDevice
from gateway.sim.key_model import KeyModel
from gateway.sim.key_pairing import KeyIo
from gateway.sim.look import look_around
from gateway.sim.misbehaviour import Misbehaviour
from gateway.sim.place import Place

Arguments = Mapping[str, Any]
Verb = Callable[[Place, Arguments], Awaitable[object]]

KEY_VERBS: Final[Mapping[str, Callable[..., Awaitable[object]]]] = {
    "present": KeyraDevice.present,
    "touch": KeyraDevice.touch,
    "slow_touch": KeyraDevice.slow_touch,
    "wrong_finger": KeyraDevice.wrong_finger,
    "decline": KeyraDevice.decline,
    "move": KeyraDevice.move,
    "walk_away": KeyraDevice.walk_away,
    "sleep": KeyraDevice.sleep,
    "pairing_mode": KeyraDevice.pairing_mode,
    "refuse_pairing": KeyraDevice.refuse_pairing,
    "press": KeyraDevice.press,
    "type_passkey": KeyraDevice.type_passkey,
    "lose_bond": KeyraDevice.lose_bond,
    "reset": KeyraDevice.reset,
    "run_flat": KeyraDevice.run_flat,
    "charge": KeyraDevice.charge,
    "unblock": KeyraDevice.unblock,
    "state": KeyraDevice.state,
}


async def perform(place: Place, name: str, arguments: Arguments) -> object:
    """Do what a message asks; return something that JSON can carry.

    Raises:
        SimulationError: no such verb, or not with these arguments.
    """
    verb = VERBS.get(name)
    if verb is None:
        raise SimulationError(f"A world has no verb named {name!r:.40}.")
    try:
        return _plain(await verb(place, arguments))
    except (TypeError, ValueError, KeyError) as error:
        raise SimulationError(
            f"The verb {name} does not take these arguments ({error!s:.80})."
        ) from error


async def _key(place: Place, arguments: Arguments) -> object:
    verb = KEY_VERBS[arguments["verb"]]
    return await verb(place.key(arguments["key"]), **arguments.get("how", {}))


async def _misbehave(place: Place, arguments: Arguments) -> object:
    ways = [Misbehaviour(way) for way in arguments["ways"]]
    await place.key(arguments["key"]).misbehave(*ways)
    return None


async def _add_key(place: Place, arguments: Arguments) -> object:
    model = KeyModel(
        io=KeyIo(arguments.get("io", KeyIo.COMPARE.value)),
        algorithm=int(arguments.get("algorithm", ALG_ES256)),
        style=AttestationStyle(
            arguments.get("style", AttestationStyle.PACKED_X5C.value)
        ),
        tokens=tuple(map(Protocol, arguments.get("tokens", ()))),
        by_hand=bool(arguments.get("by_hand", False)),
    )
    key = await place.add_key(arguments["key"], model)
    return await key.state()


async def _keys(place: Place, _arguments: Arguments) -> object:
    return sorted(place.keys)


async def _chain(place: Place, _arguments: Arguments) -> object:
    return {"aaguid": place.chain.aaguid.hex(), "root": place.chain.root_der.hex()}


async def _trace(place: Place, arguments: Arguments) -> object:
    edges = await place.pins.trace(arguments["line"])
    return [[edge.up_ns, edge.level] for edge in edges]


async def _set_input(place: Place, arguments: Arguments) -> object:
    name = InputName(arguments["input"])
    await place.pins.set_input(name, active=bool(arguments["active"]))
    return None


async def _look(place: Place, arguments: Arguments) -> object:
    return await look_around(place, arguments["key"])


async def _stats(place: Place, _arguments: Arguments) -> object:
    return place.stats()


VERBS: Final[Mapping[str, Verb]] = {
    "key": _key,
    "key.misbehave": _misbehave,
    "key.add": _add_key,
    "keys": _keys,
    "chain": _chain,
    "pins.trace": _trace,
    "input.set": _set_input,
    "door.state": lambda place, _arguments: place.door.state(),
    "door.open": lambda place, _arguments: place.door.open(),
    "door.close": lambda place, _arguments: place.door.close(),
    "door.force": lambda place, _arguments: place.door.force(),
    "door.press_exit": lambda place, _arguments: place.door.press_exit(),
    "look": _look,
    "stats": _stats,
}


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value
