"""Colours and borders. None of them says anything that words do not say, too."""

from typing import Final

from textual.theme import Theme

DARK: Final = "keyra-dark"
LIGHT: Final = "keyra-light"
CONTRAST: Final = "keyra-contrast"

THEMES: Final = (
    Theme(
        name=DARK,
        primary="#6fa8dc",
        secondary="#4a6a8a",
        accent="#f6c177",
        warning="#f6c177",
        error="#f2858d",
        success="#8fd19e",
        foreground="#e6e6e6",
        background="#14181d",
        surface="#1b2027",
        panel="#232a33",
    ),
    Theme(
        name=LIGHT,
        primary="#1f4e79",
        secondary="#5b7ea1",
        accent="#8a4b00",
        warning="#8a4b00",
        error="#9b1c1c",
        success="#1d6b34",
        foreground="#1a1a1a",
        background="#fbfaf7",
        surface="#f2f0ea",
        panel="#e6e3da",
        dark=False,
    ),
    Theme(
        name=CONTRAST,
        primary="#ffff00",
        secondary="#ffffff",
        accent="#00ffff",
        warning="#ffff00",
        error="#ff8080",
        success="#80ff80",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#202020",
        text_alpha=1.0,
    ),
)

CSS: Final = """
#title { height: 1; text-style: bold; padding: 0 1; }
#places { height: 1; padding: 0 1; color: $primary; }
#banner { height: auto; padding: 0 1; text-style: reverse bold; display: none; }
#body { height: 1fr; }
#filter, #filter:focus { display: none; border: none; height: 1; padding: 0 1; }
#said { height: auto; max-height: 4; padding: 0 1; display: none; }
#said.failed { color: $error; text-style: bold; }
#banner.shown, #filter.shown, #said.shown { display: block; }
.panel { border: round $primary; padding: 0 1; }
.-tty .panel { border: ascii $primary; }
.dialog {
    width: 76; max-width: 100%; height: auto; max-height: 100%;
    border: round $accent; padding: 1 2; background: $surface;
}
.-tty .dialog { border: ascii $accent; }
.hints { height: 1; padding: 0 1; background: $panel; color: $foreground; }
ModalScreen .hints { dock: bottom; }
"""
