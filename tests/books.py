"""A ledger to be read over an API, without processes: its pages are the real ones."""

import atexit
import json
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.adapters.ledger_books.pages import Pages
from gateway.errors import EntryUnknownError, VerificationRunningError
from gateway.service.ledger_facade import (
    Question,
    VerificationView,
    VerificationWish,
)
from ledger.errors import NoSuchEntryError
from tests.ledger_world import Made, history, make


@cache
def _original(grants: int) -> Made:
    """Make a ledger once, to be copied: each of its appends waits for the disk."""
    folder = TemporaryDirectory(prefix="keyra-")
    atexit.register(folder.cleanup)
    made = make(Path(folder.name))
    history(made, grants)
    return made


class FakeBooks:
    """Keeps the contract of service.ledger_facade.LedgerFacade.

    The ledger is made when it is first asked for; a verification goes on by `view`.
    """

    def __init__(self, folder: Path, grants: int = 3) -> None:
        self._folder = folder
        self._grants = grants
        self._pages: Pages | None = None
        self._made: Made | None = None
        self.view = VerificationView()
        self.wishes: list[VerificationWish] = []

    @property
    def made(self) -> Made:
        if self._made is None:
            original = _original(self._grants)
            shutil.copytree(original.path.parent, self._folder, dirs_exist_ok=True)
            path = self._folder / original.path.name
            self._made = Made(path, original.key, original.seal_key, original.door)
        return self._made

    def close(self) -> None:
        if self._pages is not None:
            self._pages.close()
            self._pages = None  # to be opened anew by a gateway that starts again

    async def ask(self, question: Question) -> bytes:
        if self._pages is None:
            self._pages = Pages.open(self.made.path, time.monotonic)
        while self._pages.catch_up():
            pass
        try:
            return json.dumps(self._pages.answer(question)).encode()
        except NoSuchEntryError as error:
            raise EntryUnknownError(str(error)) from error

    @asynccontextmanager
    async def export(
        self, first: int | None, last: int | None, _uid: int
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        async def pieces() -> AsyncIterator[bytes]:
            for line in self.made.lines(first=first or 0, last=last):
                yield line

        yield pieces()

    def verification(self) -> VerificationView:
        return self.view

    def verify(self, wish: VerificationWish) -> VerificationView:
        if self.view.state == "running":
            raise VerificationRunningError("It is being verified.")
        self.wishes.append(wish)
        self.view = VerificationView("running", wish.deep, 0, 100)
        return self.view

    def cancel_verification(self) -> VerificationView:
        if self.view.state == "running":
            self.view = replace(self.view, state="cancelled")
        return self.view
