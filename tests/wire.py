"""A raw HTTP server that sends scripted bytes, ends connections where a test says, and records requests."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.waiting import until


class End(Enum):
    """What happens to the connection after the scripted bytes."""

    CLOSE = "close"
    RESET = "reset"
    HOLD = "hold"
    """Stay silent until the client disconnects."""
    FOR_EVER = "for ever"
    """Repeat the same bytes until the client disconnects."""
    KEEP = "keep"
    """Wait for the next request."""


@dataclass(frozen=True)
class Answer:
    """The bytes for one request, and what happens then.

    Attributes:
        sent: All bytes of the response, or its first bytes.
        end: What happens to the connection then.
        more: The bytes to repeat.
    """

    sent: bytes = b""
    end: End = End.CLOSE
    more: bytes = b""


def framed(body: bytes, *headers: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """Return a response with its correct length."""
    return headed(f"Content-Length: {len(body)}", *headers, status=status, kind=kind) + body


def headed(*headers: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """Return the head of a response."""
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {kind}", *headers, "", ""]).encode()


def chunks(*pieces: bytes) -> bytes:
    """Return pieces as chunks, without the last chunk of length 0."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


LAST_CHUNK = b"0\r\n\r\n"

PIECE = 1 << 16
"""Bytes per write; more would block the event loop, which the client shares."""


@dataclass
class Wire:
    """A server on the loopback interface.

    Attributes:
        answer: Returns the answer to a request head.
        endpoint: Its URL.
        heads: Heads of the requests, in order.
        bodies: Their bodies.
        open: Number of open connections.
        sent: Number of bytes sent.
    """

    answer: Callable[[bytes], Answer]
    endpoint: str = ""
    heads: list[bytes] = field(default_factory=list[bytes])
    bodies: list[bytes] = field(default_factory=list[bytes])
    open: int = 0
    sent: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while await self._one(reader, writer) is End.KEEP:
                pass
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> End:
        head = await reader.readuntil(b"\r\n\r\n")
        # Read all of it: closing a socket with unread bytes sends a reset instead of an end.
        body = await reader.readexactly(_length(head))
        self.heads.append(head)
        self.bodies.append(body)
        answer = self.answer(head)
        await self._send(writer, answer.sent)
        while answer.end is End.FOR_EVER:
            await self._send(writer, answer.more)
        if answer.end is End.HOLD:
            await reader.read()
        if answer.end is End.RESET:
            found: socket.socket = writer.get_extra_info("socket")
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        return answer.end

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            writer.write(piece)
            await writer.drain()
            self.sent += len(piece)
            # If the peer reads as fast as this writes, `drain` never waits, and other tasks would starve.
            await asyncio.sleep(0)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


@asynccontextmanager
async def wire(
    answer: Answer | Callable[[bytes], Answer], *, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[Wire]:
    """Serve; at the end, check that no connection is open and no task is left. Close the client before."""
    before = asyncio.all_tasks()
    served = Wire((lambda head: answer) if isinstance(answer, Answer) else answer)
    listening = await asyncio.start_server(served.serve, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    served.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    async with listening:
        yield served
        await until(lambda: not served.open and all(task.done() for task in asyncio.all_tasks() - before))


def certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for the loopback interface; return contexts for the server and for a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certified.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=str(file))
