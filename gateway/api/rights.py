"""Who may do what: root, the gateway's own user, and two groups.

The user comes from the kernel, the groups from the system's user database, which may
sit on a network. The look-up therefore runs in a thread of its own: a slow directory
makes the API wait, never the door.
"""

import asyncio
import grp
import os
import pwd
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from typing import Final

ADMIN_GROUP: Final = "keyra-admin"
AUDIT_GROUP: Final = "keyra-audit"
ROOT_UID: Final = 0

GroupsOf = Callable[[int], frozenset[str]]


class Right(IntEnum):
    """What a user may do; each includes the ones before it."""

    NONE = 0
    READ = 1
    WRITE = 2


def system_groups(uid: int) -> frozenset[str]:
    """Return the names of all groups of a user; none for a user nobody knows."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return frozenset()
    names = set()
    for gid in os.getgrouplist(user.pw_name, user.pw_gid):
        try:
            names.add(grp.getgrgid(gid).gr_name)
        except KeyError:
            continue  # a group id without a name can be neither of ours
    return frozenset(names)


class Rights:
    """Answers what a user may do, afresh for each request."""

    def __init__(
        self, groups_of: GroupsOf = system_groups, own_uid: int | None = None
    ) -> None:
        self._groups_of: Final = groups_of
        self._own_uid: Final = os.getuid() if own_uid is None else own_uid
        self._thread: Final = ThreadPoolExecutor(1, "keyra-groups")

    def is_master(self, uid: int) -> bool:
        """Tell whether the user has the machine anyway: root, or the gateway's own."""
        return uid in {ROOT_UID, self._own_uid}

    async def of(self, uid: int) -> Right:
        """Return what the user may do."""
        if self.is_master(uid):
            return Right.WRITE
        loop = asyncio.get_running_loop()
        groups = await loop.run_in_executor(self._thread, self._groups_of, uid)
        if ADMIN_GROUP in groups:
            return Right.WRITE
        return Right.READ if AUDIT_GROUP in groups else Right.NONE
