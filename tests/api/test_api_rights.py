"""Who may do what; the kernel says who."""

import json
from typing import Any

import pytest

from gateway.api.rights import Right, Rights, system_groups

READ = b"GET /v1/status HTTP/1.1\r\nhost: keyra\r\nconnection: close\r\n%s\r\n"
BODY = b'{"mode":"LockedDown"}'
WRITE = (
    b"PUT /v1/door/mode HTTP/1.1\r\nhost: keyra\r\nconnection: close\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n%%s\r\n%s"
) % (len(BODY), BODY)


def status(answer: bytes) -> int:
    """The status of a raw answer."""
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("groups", "may_read", "may_write"),
    [
        (set(), False, False),
        ({"sudo", "adm", "keyra", "keyra-admins"}, False, False),
        ({"keyra-audit"}, True, False),
        ({"keyra-admin"}, True, True),
        ({"keyra-admin", "keyra-audit"}, True, True),
    ],
)
def test_groups_are_rights(
    stranger: Any, groups: set[str], *, may_read: bool, may_write: bool
) -> None:
    gateway, uid, ask = stranger
    gateway.groups[uid] = frozenset(groups)
    assert status(ask(READ % b"")) == (200 if may_read else 403)
    assert status(ask(WRITE % b"")) == (200 if may_write else 403)
    expected = [("mode LockedDown", uid)] if may_write else []
    assert gateway.facade.changes == expected


@pytest.mark.parametrize(
    "path", [b"/v1/holders", b"/v1/events", b"/v1/openapi.json", b"/nothing", b"*"]
)
def test_a_stranger_learns_nothing_of_what_is_here(stranger: Any, path: bytes) -> None:
    _, uid, ask = stranger
    answer = ask(b"GET %s HTTP/1.1\r\nhost: keyra\r\nconnection: close\r\n\r\n" % path)
    assert status(answer) == 403
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert told["code"] == "forbidden"
    assert told["detail"].startswith(f"User {uid} may not do this")


@pytest.mark.parametrize(
    "header",
    [
        b"x-forwarded-for: 127.0.0.1\r\nx-forwarded-user: root\r\n",
        b"forwarded: for=127.0.0.1;by=root\r\n",
        b"remote-user: root\r\nx-remote-user: root\r\n",
        b"authorization: Basic cm9vdDpyb290\r\n",
        b"keyra.connection: Connection(peer=Peer(pid=1, uid=0, gid=0))\r\n",
        b"keyra-connection: 0\r\nuid: 0\r\nx-uid: 0\r\nx-keyra-uid: 0\r\n",
        b"cookie: uid=0; keyra.connection=root\r\n",
    ],
)
def test_attack_no_header_makes_another_user(stranger: Any, header: bytes) -> None:
    gateway, _, ask = stranger
    gateway.groups[0] = frozenset({"keyra-admin"})
    assert status(ask(READ % header)) == 403
    assert status(ask(WRITE % header)) == 403
    assert gateway.facade.changes == []


def test_attack_a_second_request_on_the_connection_gets_no_more_rights(
    stranger: Any,
) -> None:
    gateway, uid, ask = stranger
    gateway.groups[uid] = frozenset({"keyra-audit"})
    first = (READ % b"").replace(b"connection: close\r\n", b"")
    answer = ask(first + WRITE % b"")
    assert answer.count(b"HTTP/1.1 ") == 2
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 403" in answer
    assert gateway.facade.changes == []


def test_rights_that_are_taken_away_are_gone_for_the_next_request(
    stranger: Any,
) -> None:
    gateway, uid, ask = stranger
    gateway.groups[uid] = frozenset({"keyra-admin"})
    assert status(ask(WRITE % b"")) == 200
    gateway.groups[uid] = frozenset()
    assert status(ask(WRITE % b"")) == 403


async def test_root_and_the_gateways_own_user_need_no_group() -> None:
    asked: list[int] = []

    def groups_of(uid: int) -> frozenset[str]:
        asked.append(uid)
        return frozenset()

    rights = Rights(groups_of, own_uid=990)
    assert await rights.of(0) is Right.WRITE
    assert await rights.of(990) is Right.WRITE
    assert asked == []
    assert await rights.of(991) is Right.NONE
    assert asked == [991]


def test_the_system_knows_roots_group_and_nobody_of_a_number_out_of_use() -> None:
    assert "root" in system_groups(0)
    assert system_groups(2**31 - 7) == frozenset()
