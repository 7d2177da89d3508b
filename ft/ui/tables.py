"""Tables for people to read, in HTML. No gradio here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with one cell of each row under each header; on a narrow page each row becomes a list of its cells.

    All text is escaped, but for cells that are `Markup` already. A keyboard reaches it to scroll it.
    """
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(each) for each in headers)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup('<td data-label="{}">{}</td>').format(name, escape(cell))
                for name, cell in zip(headers, row, strict=True)
            )
        )
        for row in rows
    )
    whole = Markup('<table class="plain"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>').format(head, body)
    label = Markup("Table: {}").format(", ".join(headers))
    return f'<div class="table-box" role="group" tabindex="0" aria-label="{label}">{whole}</div>'
