"""How to reach a server: what aiohttp is told of it, and what nobody is shown."""

from aiotravis._transport import TransportConfig


def test_the_timeouts_are_those_of_a_connection_and_of_silence_and_never_of_all() -> None:
    timeout = TransportConfig(connect_timeout=1.5, read_timeout=2.5).timeout
    assert (timeout.total, timeout.sock_connect, timeout.sock_read) == (None, 1.5, 2.5)


def test_a_proxy_is_not_shown_since_it_may_hold_a_password() -> None:
    assert "secret" not in repr(TransportConfig(proxy="http://me:secret@proxy.example.org"))
