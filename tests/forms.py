"""Bodies of `multipart/form-data`, made by hand so that they can be wrong."""

from __future__ import annotations

Part = tuple[str, str, bytes]
BOUNDARY = b"a-boundary"


def form(*parts: Part, boundary: bytes = BOUNDARY) -> bytes:
    """Return a multipart body of (name, further parameters and headers, content)."""
    pieces = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
        % (boundary, name.encode(), more.encode("utf-8", "surrogatepass"), content)
        for name, more, content in parts
    ]
    return b"".join(pieces) + b"--%b--\r\n" % boundary
