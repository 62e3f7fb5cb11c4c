"""The server of one large response: ``python -m benchmarks.body_server text/plain < body`` prints its port."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Generator

__all__ = ["serving"]

HOST = "127.0.0.1"


async def serve(content_type: str, body: bytes) -> None:
    """Answer every request with the same body until killed; print the port."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(head)
                writer.write(body)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def serving(content_type: str, body: bytes) -> Generator[str]:
    """Run the server in a separate process; yield its URL."""
    command = [sys.executable, "-m", "benchmarks.body_server", content_type]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(body)
            process.stdin.close()
            yield f"http://{HOST}:{int(process.stdout.readline())}"
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.stdin.buffer.read()))
