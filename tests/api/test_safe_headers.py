from __future__ import annotations

import pytest

from callreel.api.routes import ROUTES
from support import Running

PATHS = [*sorted({each.path for each in ROUTES}), "/docs", "/static/docs.css", "/none", "/docs/"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("key", ["all", None])
def test_every_answer_has_the_headers_that_keep_it_safe(
    server: Running, path: str, method: str, key: str | None
) -> None:
    answer = server.ask(method, path, key)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "Strict-Transport-Security" not in answer.headers  # the proxy's, which speaks TLS
    assert "Access-Control-Allow-Origin" not in answer.headers
    caching = answer.headers["Cache-Control"]
    assert "no-store" in caching or caching in {"private, no-cache", "public, no-cache"}


def test_no_cache_gives_one_key_what_is_anothers(server: Running, sound: bytes) -> None:
    found = server.add(sound)["recording_uuid"]
    one = f"/cdr_dialog_recording/{found}"
    for path in ("/cdr_dialog_recording", one, f"{one}/audio", f"{one}/peaks", "/custom_tag"):
        answer = server.ask("GET", path)
        assert answer.status_code == 200, path
        assert answer.headers["Cache-Control"].startswith("private, no-"), path
        assert "authorization" in answer.headers["Vary"].lower(), path
    assert server.ask("GET", f"{one}/audio", "other").status_code == 404
    tag = server.ask("GET", f"{one}/audio").headers["ETag"]
    same = server.ask("GET", f"{one}/audio", "other", headers={"If-None-Match": tag})
    assert same.status_code == 404
