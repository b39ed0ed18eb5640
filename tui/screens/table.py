"""A table of which one row is chosen; enter opens it."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable


class Table(DataTable[Text]):
    """Rows of plain text, by key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Open"),
        Binding("home", "scroll_top", "First", show=False),
        Binding("end", "scroll_bottom", "Last", show=False),
    ]

    def __init__(self, id: str, *, opens: bool = True) -> None:  # noqa: A002 - Textual's name
        """Prepare.

        Args:
            id: in its screen.
            opens: whether enter does something with a row.
        """
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._opens: Final = opens

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        """Take enter away where it does nothing."""
        return self._opens or action != "select_cursor"

    @property
    def chosen(self) -> str | None:
        """The key of the row under the cursor."""
        if not 0 <= self.cursor_row < self.row_count:
            return None
        return self.ordered_rows[self.cursor_row].key.value

    def fill(self, rows: Iterable[tuple[str, Sequence[str]]]) -> None:
        """Show these rows, by key; the cursor stays on the one where it was."""
        before = self.chosen
        self.clear()
        self.extend(rows)
        if before is not None and before in self.rows:
            self.move_cursor(row=self.get_row_index(before))

    def extend(self, rows: Iterable[tuple[str, Sequence[str]]]) -> None:
        """Add rows at the end.

        Their widths are told here: the toolkit measures new rows when it is idle, and
        on a busy machine it was seen to leave columns as narrow as their heads.
        """
        for key, cells in rows:
            texts = [Text(cell) for cell in cells]
            self.add_row(*texts, key=key)
            for column, text in zip(self.ordered_columns, texts, strict=False):
                column.content_width = max(column.content_width, text.cell_len)
