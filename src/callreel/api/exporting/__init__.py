"""The formats of exports, by name: those that name the fields of a record, and those that do not.

To add one, write a `Writer`, here if it names fields, else in `archive.exporting`, and name it in
`FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from callreel.api.exporting.csv_file import CsvWriter
from callreel.api.exporting.json_lines import JsonLinesWriter
from callreel.api.exporting.parquet_file import ParquetWriter
from callreel.api.wire import LIST_PATH, Bodies
from callreel.archive import Archive
from callreel.archive.exporting import Draft, Writer
from callreel.archive.exporting.audio import AudioWriter
from callreel.archive.exporting.members import Container, FolderContainer, TarContainer
from callreel.archive.exporting.sounds import Sounds
from callreel.archive.exporting.vcon import VconForm, VconWriter
from callreel.archive.exporting.zip_file import ZipContainer
from callreel.errors import Misconfigured
from callreel.model import Access


@dataclass(frozen=True, slots=True)
class Parts:
    """What a writer is made of.

    Attributes:
        archive: The archive.
        access: Who asks.
        base: The address by which clients reach the server, without a slash at its end.
        draft: Where the export goes.
        now: Seconds UTC.
        by_url: Whether vCons name the audio by its address.
    """

    archive: Archive
    access: Access
    base: str
    draft: Draft
    now: int
    by_url: bool = False

    @property
    def opening(self) -> bytes:
        """What comes before each body."""
        return Bodies().opening(self.base)

    @property
    def sounds(self) -> Sounds:
        """The audio that is asked for; raises NotAllowed where the key may not listen."""
        return Sounds(self.archive, self.access, self.opening)


@dataclass(frozen=True, slots=True)
class Format:
    """A format.

    Attributes:
        make: Makes its writer.
        extension: How the names of such files end, or None for a folder.
        media_type: What such a file is.
        has_audio: Whether the key must be allowed to listen.
        can_resume: Whether an export that was cut short can go on.
    """

    make: Callable[[Parts], Writer]
    extension: str | None
    media_type: str = "application/octet-stream"
    has_audio: bool = False
    can_resume: bool = True

    @property
    def is_folder(self) -> bool:
        return self.extension is None


def _audio(container: Callable[[Draft], Container]) -> Callable[[Parts], Writer]:
    return lambda parts: AudioWriter(parts.sounds, parts.draft, container(parts.draft))


def _vcon(container: Callable[[Draft], Container]) -> Callable[[Parts], Writer]:
    def make(parts: Parts) -> Writer:
        def url_of(recording_id: str) -> str:
            return f"{parts.base}{LIST_PATH}/{recording_id}/audio"

        form = VconForm(parts.now, url_of if parts.by_url else None)
        return VconWriter(parts.sounds, parts.draft, container(parts.draft), form)

    return make


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "csv": Format(lambda parts: CsvWriter(parts.draft), "csv", "text/csv; charset=utf-8"),
        "jsonl": Format(
            lambda parts: JsonLinesWriter(parts.draft), "jsonl", "application/jsonl; charset=utf-8"
        ),
        "parquet": Format(
            lambda parts: ParquetWriter(parts.draft),
            "parquet",
            "application/vnd.apache.parquet",
            can_resume=False,  # what ends the file is in the writer's memory until then
        ),
        "zip": Format(_audio(ZipContainer), "zip", "application/zip", has_audio=True),
        "tar": Format(_audio(TarContainer), "tar", "application/x-tar", has_audio=True),
        "folder": Format(_audio(FolderContainer), None, has_audio=True),
        "vcon": Format(_vcon(ZipContainer), "zip", "application/zip", has_audio=True),
        "vcon-folder": Format(_vcon(FolderContainer), None, has_audio=True),
    }
)


def format_named(name: str) -> Format:
    """Return a format.

    Raises:
        Misconfigured: there is none of this name.
    """
    if name not in FORMATS:
        raise Misconfigured(f"There is no format '{name}'; there are {', '.join(FORMATS)}.")
    return FORMATS[name]
