"""One line of key hints that is true: made of the keys that work at this moment."""

from collections.abc import Iterator
from typing import Any, Final

from textual.app import App
from textual.binding import Binding
from textual.content import Content
from textual.keys import key_to_character
from textual.screen import Screen
from textual.widgets import Static

from tui.screens.listening import Listening
from tui.view_models import frame

_SYMBOLS: Final = {
    "escape": "esc",
    "slash": "/",
    "question_mark": "?",
    "colon": ":",
}
_EVERYWHERE: Final = ("filter", "copy", "back", "command_palette", "quit", "help")


def working_keys(screen: Screen[Any], *, hidden: bool) -> Iterator[tuple[str, str]]:
    """Yield each key that works now, and what it does; keys for the same together.

    Args:
        screen: whose keys.
        hidden: also those that are no hint; for the help.
    """
    found: dict[str, tuple[list[str], str]] = {}
    focused = screen.focused
    for key, (node, binding, enabled, _) in screen.active_bindings.items():
        if focused is not None and focused.check_consume_key(
            key, key_to_character(key)
        ):
            continue  # it would be a letter in a field
        ours = is_ours(binding) and isinstance(node, Listening | App)
        if enabled and (ours if hidden else binding.show):
            names, _ = found.setdefault(binding.action, ([], binding.description))
            names.append(_name(binding))
    for own in screen.app.BINDINGS:
        if isinstance(own, Binding) and own.priority:
            found.setdefault(own.action, ([_name(own)], own.description))
    for action in sorted(found, key=_rank):
        names, what = found[action]
        yield "/".join(names) if hidden else names[0], what


def _rank(action: str) -> int:
    """Put what is the same everywhere behind what is this screen's own."""
    return _EVERYWHERE.index(action) if action in _EVERYWHERE else -1


def is_ours(binding: Binding) -> bool:
    """Tell whether a key does something of this console, and not of its toolkit."""
    return bool(binding.description) and not binding.action.startswith(
        ("app.", "screen.", "open(")
    )


def _name(binding: Binding) -> str:
    if binding.key_display:
        return binding.key_display
    return _SYMBOLS.get(binding.key, binding.key.replace("ctrl+", "^"))


class Hints(Static):
    """The last line of a screen."""

    def __init__(self, last: str = "") -> None:
        """Prepare.

        Args:
            last: what always has its room; if empty, the last key that works.
        """
        super().__init__(classes="hints", markup=False)
        self._last: Final = last

    def on_mount(self) -> None:
        """Follow what works."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def on_resize(self) -> None:
        """Take the room that there is."""
        self._draw()

    def _changed(self, _: Screen[Any]) -> None:
        self._draw()

    def _draw(self) -> None:
        keys = list(working_keys(self.screen, hidden=False))
        last = self._last or (" ".join(keys.pop()) if keys else "")
        keys = [key for key in keys if " ".join(key) != last]
        self.update(Content(frame.hints(keys, last, self.content_size.width or 1)))
