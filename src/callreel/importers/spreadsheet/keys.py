"""The keys of a TOML file: each asked for once, and every mistake named with its key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from callreel.errors import Misconfigured


class Keys:
    """A table of the file.

    Attributes:
        place: What comes before the names of its keys in a message.
    """

    def __init__(self, values: dict[str, Any], place: str) -> None:
        self._values = values
        self.place = place

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            Misconfigured: it cannot be read, or is no TOML.
        """
        try:
            return cls(tomllib.loads(path.read_text("utf-8-sig")), f"{path.name}: ")
        except OSError as error:
            says = (error.strerror or "it failed").lower()
            raise Misconfigured(f"The file of --columns cannot be read: {says}.") from error
        except UnicodeDecodeError as error:
            raise Misconfigured(f"{path.name} is no text in UTF-8.") from error
        except tomllib.TOMLDecodeError as error:
            raise Misconfigured(f"{path.name} is no TOML: {error}.") from error

    def error(self, key: str, says: str) -> Misconfigured:
        """Return what is wrong with a key; the sentence goes on behind its name."""
        return Misconfigured(f"{self.place}{key} {says}")

    def names(self) -> list[str]:
        """Return the names of all keys."""
        return list(self._values)

    def only(self, known: Iterable[str]) -> None:
        """Raise Misconfigured where there is a key that is not known."""
        known = list(known)
        for name in self._values:
            if name not in known:
                raise self.error(name, f"is no key that is known; known are {', '.join(known)}.")

    def has(self, key: str) -> bool:
        return key in self._values

    def is_table(self, key: str) -> bool:
        return isinstance(self._values.get(key), dict)

    def text(self, key: str) -> str | None:
        """Return a text, or None where there is no such key.

        Raises:
            Misconfigured: it is something else, or empty.
        """
        value = self._values.get(key)
        if value is not None and not (isinstance(value, str) and value.strip()):
            raise self.error(key, "must be a text in quotes.")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; one text alone stands for a list of it.

        Raises:
            Misconfigured: it is something else, or empty.
        """
        value = self._values.get(key, [])
        listed = [value] if isinstance(value, str) else value
        is_sound = isinstance(listed, list) and all(isinstance(each, str) for each in listed)
        if not is_sound or (self.has(key) and not any(each.strip() for each in listed)):
            raise self.error(key, "must be a text in quotes, or a list of such.")
        return tuple(listed)

    def table(self, key: str) -> Keys:
        """Return a table of this one, an empty one where there is no such key.

        Raises:
            Misconfigured: it is something else.
        """
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            raise self.error(key, f"must be a table: write [{key}] on a line of its own.")
        return Keys(value, f"{self.place}{key}.")
