"""Where a stub listens, as one writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdbtrace.errors import UsageError
from gdbtrace.stub.endpoint import Endpoint


@pytest.mark.parametrize(
    ("text", "endpoint", "said"),
    [
        ("localhost:1234", Endpoint(host="localhost", port=1234), "localhost:1234"),
        (":1234", Endpoint(host="localhost", port=1234), "localhost:1234"),
        ("tcp:localhost:1234", Endpoint(host="localhost", port=1234), "localhost:1234"),
        ("tcp::1234", Endpoint(host="localhost", port=1234), "localhost:1234"),
        ("127.0.0.1:65535", Endpoint(host="127.0.0.1", port=65535), "127.0.0.1:65535"),
        ("[::1]:1234", Endpoint(host="::1", port=1234), "[::1]:1234"),
        ("unix:stub", Endpoint(Path("stub")), "unix:stub"),
        ("unix:/run/stub", Endpoint(Path("/run/stub")), "/run/stub"),
        ("/run/a:1", Endpoint(Path("/run/a:1")), "/run/a:1"),
        ("./stub", Endpoint(Path("stub")), "unix:stub"),
    ],
)
def test_endpoints_are_read_and_can_be_read_again(text: str, endpoint: Endpoint, said: str) -> None:
    assert Endpoint.parse(text) == endpoint
    assert str(endpoint) == said
    assert Endpoint.parse(said) == endpoint


@pytest.mark.parametrize("text", ["", "1234", "host", "host:", "host:0", "host:65536", "host:x", "::1:1234", "unix:"])
def test_others_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not an endpoint: give HOST:PORT"):
        Endpoint.parse(text)


def test_what_listens_is_what_is_connected_to(tmp_path: Path) -> None:
    endpoint = Endpoint(tmp_path / "stub")
    with endpoint.listen() as listener, endpoint.connect() as client:
        accepted, _ = listener.accept()
        with accepted:
            client.sendall(b"+")
            assert accepted.recv(1) == b"+"
