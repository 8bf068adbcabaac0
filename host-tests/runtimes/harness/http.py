"""A raw HTTP/1.1 client: it sends and returns exact bytes."""

from harness.cases import Request, Response
from harness.process import connected

OF_THE_SERVER = {"connection", "date", "keep-alive", "server", "transfer-encoding"}
"""The header fields that a server adds to those of the core."""


def ask(address: tuple[str, int], request: Request, seconds: float = 30, body: bytes = b"") -> Response:
    """Sends one request on a new connection, and returns the response."""
    with connected(address, seconds) as connection:
        connection.sendall(_bytes(request, body))
        with connection.makefile("rb") as stream:
            return _response(stream, request.method)


def _bytes(request: Request, body: bytes) -> bytes:
    headers = [*request.headers, ("connection", b"close")]
    if body:
        headers.append(("content-length", str(len(body)).encode()))
    if not any(name.lower() == "host" for name, _ in headers):
        headers.insert(0, ("host", b"ccs.test"))
    lines = [request.method.encode() + b" " + request.target + b" HTTP/1.1"]
    lines += [name.encode() + b": " + value for name, value in headers]
    return b"\r\n".join([*lines, b"", body])


def _response(stream, method: str) -> Response:
    status = int(_line(stream).split(b" ")[1])
    headers = []
    while line := _line(stream):
        name, _, value = line.partition(b":")
        headers.append((name.decode("latin-1").lower(), value.strip()))
    body = _body(stream, status, method, dict(headers))
    kept = sorted(header for header in headers if header[0] not in OF_THE_SERVER)
    return Response(status, tuple(kept), body)


def _body(stream, status: int, method: str, headers: dict[str, bytes]) -> bytes:
    if method == "HEAD" or status in (204, 304):
        # Nothing may follow; this finds a server that sends something all the same.
        return stream.read()
    if headers.get("transfer-encoding", b"").lower() == b"chunked":
        chunks = []
        while size := int(_line(stream).split(b";")[0], 16):
            chunks.append(_exactly(stream, size))
            _line(stream)
        return b"".join(chunks)
    if "content-length" in headers:
        return _exactly(stream, int(headers["content-length"]))
    return stream.read()


def _exactly(stream, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise ConnectionError(f"the connection ended after {len(data)} of {size} bytes")
    return data


def _line(stream) -> bytes:
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError(f"the connection ended in the middle of a line: {line!r}")
    return line[:-2]
