"""How to reach a server: what aiohttp is told of it, and what nobody is shown."""

from aiotravis._transport import TransportConfig


def test_timeouts_limit_connecting_and_silence_but_not_the_total() -> None:
    timeout = TransportConfig(connect_timeout=1.5, read_timeout=2.5).timeout
    assert (timeout.total, timeout.sock_connect, timeout.sock_read) == (None, 1.5, 2.5)


def test_the_repr_hides_the_proxy_with_its_password() -> None:
    assert "secret" not in repr(TransportConfig(proxy="http://me:secret@proxy.example.org"))
