"""The API does what its OpenAPI document says: asked all that it allows and forbids.

Every operation of the document is asked, over the real socket, with requests that the
document calls right and with ones that it calls wrong. The answers must be what it
says: statuses, media types, schemas, methods. Wrong requests are refused, right ones
are not called invalid, and nothing makes the gateway fail.
"""

import runpy
import tempfile
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import schemathesis
from hypothesis import Phase, settings
from schemathesis.config import SanitizationConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.transport.prepare import prepare_request

from gateway.api import create_app
from tests.books import FakeBooks

FAKES: Final[dict[str, Any]] = runpy.run_path(
    str(Path(__file__).parent / "fake_gateway.py")
)
DOCUMENT: Final = create_app(FAKES["FakeFacade"](), ledger=FakeBooks(Path())).openapi()
EXAMPLES_MAX: Final = 12
AS_IT_IS: Final = SanitizationConfig(enabled=False)

Case = schemathesis.Case[Any]
schema = schemathesis.openapi.from_dict(DOCUMENT)
# A body that is too large is refused unseen, and some changes take a finger.
for check, more in (
    (schema.config.checks.negative_data_rejection, ["413"]),
    (schema.config.checks.positive_data_acceptance, ["413", "428"]),
):
    check.expected_statuses = [*check.expected_statuses, *more]


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """A client of a gateway that lives as long as this file's tests."""
    with tempfile.TemporaryDirectory(prefix="keyra-") as folder:
        gateway = FAKES["FakeGateway"](Path(folder) / "gateway.sock")
        gateway.start()
        transport = httpx.HTTPTransport(uds=str(gateway.path))
        with httpx.Client(
            transport=transport, base_url="http://keyra", trust_env=False, timeout=60
        ) as client:
            yield client
        gateway.stop()


def ask(http: httpx.Client, case: Case) -> httpx.Response:
    """Send the request as it was made; of a stream, hear the beginning."""
    wanted = prepare_request(case, None, config=AS_IT_IS, base_url="http://keyra")
    body = wanted.body or b""
    assert isinstance(body, str | bytes)
    request = http.build_request(
        str(wanted.method),
        str(wanted.url),
        headers=[(name, str(value)) for name, value in wanted.headers.items()],
        content=body.encode() if isinstance(body, str) else body,
    )
    answer = http.send(request, stream=True)
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        answer._content = next(answer.iter_raw())
        answer.close()
    else:
        answer.read()
    return answer


def is_a_rule_in_words(answer: httpx.Response) -> bool:
    """Whether only what JSON Schema cannot say speaks against the request.

    Such as a name in printable characters, or a key that was not used before: the
    document says it in a description.
    """
    if answer.status_code != HTTPStatus.UNPROCESSABLE_ENTITY:
        return False
    problem = answer.json()
    if problem["code"] == "idempotency-key-reused":
        return True
    whats = [one["what"] for one in problem["faults"]]
    return bool(whats) and all(what.startswith("Value error") for what in whats)


def test_the_document_that_is_served_is_the_one_that_is_checked(
    http: httpx.Client,
) -> None:
    assert http.get("/v1/openapi.json").json() == DOCUMENT


@schema.parametrize()
@settings(
    max_examples=EXAMPLES_MAX, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
def test_every_operation_does_what_the_document_says(
    http: httpx.Client, case: Case
) -> None:
    answer = ask(http, case)
    in_words = is_a_rule_in_words(answer)
    case.validate_response(
        answer, excluded_checks=[positive_data_acceptance] if in_words else None
    )
