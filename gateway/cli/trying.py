"""`keyra trial`: one key is asked and verified, step by step, and nothing follows."""

import argparse
import sys
from contextlib import closing

from gateway.cli.changing import find_credential
from gateway.cli.texts import say, say_json, table
from gateway.client import ApiError, Client, Disconnected
from gateway.errors import AdministrationError
from gateway.printing import printable
from gateway.schemas import Event
from gateway.schemas.trials import Trial


def trial(options: argparse.Namespace) -> int:
    """Try a key; 0 if its answer keeps every rule. Ctrl-C ends the trial.

    Raises:
        RegistryError: no credential, or several, have this id.
        AdministrationError: the trial is gone.
    """
    with Client(options.socket) as client:
        known = find_credential(list(client.credentials()), options.id)
        begun = client.begin_trial(known.id)
        try:
            ended = _followed(client, begun, quiet=options.json)
        except KeyboardInterrupt:
            _cancelled(client)
            raise
    if options.json:
        say_json(ended)
    else:
        say("\n".join(_lines(ended)))
    return 0 if ended.state == "passed" else 1


def _followed(client: Client, begun: Trial, *, quiet: bool) -> Trial:
    now, shown = begun, ""
    with closing(client.events()) as items:
        while True:
            if now.state != shown and not quiet:
                shown = now.state
                say(f"{now.state:<9} {printable(now.hint)}")
            if now.is_over:
                return now
            item = next(items)
            if isinstance(item, Disconnected):
                sys.stderr.write(f"keyra: {item.why} Trying again.\n")
            elif not isinstance(item, Event) or item.kind == "trial":
                now = _current(client, begun.id)


def _current(client: Client, trial_id: str) -> Trial:
    now = client.trial()
    if now is None or now.id != trial_id:
        raise AdministrationError(
            "The trial is gone: the gateway was restarted, or somebody else began "
            "another one; begin anew.",
            "superseded",
        )
    return now


def _cancelled(client: Client) -> None:
    try:
        client.cancel_trial()
    except ApiError:
        return  # it was over by itself


def _lines(ended: Trial) -> list[str]:
    rows = [(stage, f"{us / 1000:.1f} ms") for stage, us in ended.stages_us.items()]
    flags = {"UP": ended.user_present, "UV": ended.user_verified}
    if ended.signature:
        rows += [(name, "yes" if given else "NO") for name, given in flags.items()]
        rows.append(("counter", str(ended.counter)))
    lines = table(("what", "found"), rows)
    said = {
        "challenge": ended.challenge,
        "clientDataJSON": printable(ended.client_data_json),
        "request": ended.request,
        "authenticatorData": ended.authenticator_data,
        "signature": ended.signature,
    }
    lines += [f"{name}\n  {text}" for name, text in said.items() if text]
    if ended.reason:
        lines.append(f"failed: {printable(ended.reason)}")
    return lines
