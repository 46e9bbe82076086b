"""Plain sentences with `words` of code in them, as HTML."""

from __future__ import annotations

from markupsafe import Markup, escape


def prose(text: str) -> Markup:
    """Return a text as HTML: its blank lines part paragraphs, its backticks mark code."""
    return Markup("\n").join(map(_paragraph, text.split("\n\n")))


def _paragraph(text: str) -> Markup:
    pieces = text.split("`")
    marked = [
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece)
        for place, piece in enumerate(pieces)
    ]
    return Markup("<p>{}</p>").format(Markup("").join(marked))
