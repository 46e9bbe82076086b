"""Bodies of `multipart/form-data`, made by hand so that they can be wrong."""

from __future__ import annotations

Part = tuple[str, str, bytes]
BOUNDARY = b"a-boundary"


def form(*parts: Part) -> bytes:
    """Return a multipart body of (name, further parameters and headers, content)."""
    pieces = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
        % (BOUNDARY, name.encode(), more.encode(), content)
        for name, more, content in parts
    ]
    return b"".join(pieces) + b"--%b--\r\n" % BOUNDARY
