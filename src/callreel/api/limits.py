"""The limits that keep one request from taking more than its share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOWEST_INT: Final = -(1 << 63)
HIGHEST_INT: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may hold at most; above it the answer names the limit.

    Attributes:
        max_limit: Records in a page.
        default_limit: Records in a page where the request says nothing.
        max_offset: Records that may be skipped.
        max_filter_bytes: Bytes of a filter's JSON text, percent-decoded.
        max_filter_objects: Objects in a filter.
        max_filter_items: Items in the list of one object.
        max_number_chars: Characters in a telephone number.
        max_upload_bytes: Bytes of audio in an upload.
        max_call_bytes: Bytes of JSON in an upload's call.
        max_uploads: Uploads at once in each server process.
    """

    max_limit: int = 10_000
    default_limit: int = 500
    max_offset: int = 1 << 53
    max_filter_bytes: int = 16_384
    max_filter_objects: int = 50
    max_filter_items: int = 1_000
    max_number_chars: int = 64
    max_upload_bytes: int = 512 << 20
    max_call_bytes: int = 65_536
    max_uploads: int = 128

    @property
    def page(self) -> int:
        """Records in a page where the request says nothing: never more than it may ask for."""
        return min(self.default_limit, self.max_limit)
