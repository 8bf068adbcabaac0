"""The requests of a mirror, by the standard library. Redirects are not followed."""

import http.client
import socket
import ssl
import time
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

from wasmtime.component import Record


def fetched(fetch: Any, tls: ssl.SSLContext | None) -> Any:
    """Sends the request of a fetch. Returns the response as the component takes it, or a text with
    the reason for its absence. The text contains no credentials."""
    end = time.monotonic() + fetch.timeout / 1000
    connection = _connection(fetch.url)
    late = f"no response in {fetch.timeout} ms"
    try:
        connection.sock = _connected(connection, end, tls)
        # A response that comes byte by byte meets no timeout of the socket.
        timer = Timer(max(0.0, end - time.monotonic()), _shut, [connection.sock])
        timer.daemon = True
        timer.start()
        try:
            response = _response(connection, fetch)
        finally:
            timer.cancel()
    except Exception as error:
        return late if time.monotonic() >= end else _reason(error, late)
    finally:
        connection.close()
    # A body whose length is not known ends where the connection does.
    return late if time.monotonic() >= end else response


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port or kind.default_port)


def _connected(
    connection: http.client.HTTPConnection, end: float, tls: ssl.SSLContext | None
) -> socket.socket:
    """Connects to the first address of the host that accepts. Each address gets an equal part of the time
    that is left."""
    host = connection.host
    addresses: list[Any] = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    for at, (*_, address) in enumerate(addresses):
        left = max(0.001, end - time.monotonic())
        try:
            sock = socket.create_connection(address[:2], left / (len(addresses) - at))
            break
        except OSError as error:
            failure = error
    else:
        raise failure

    sock.settimeout(max(0.001, end - time.monotonic()))
    if not isinstance(connection, http.client.HTTPSConnection):
        return sock
    return (tls or ssl.create_default_context()).wrap_socket(sock, server_hostname=host)


def _response(connection: http.client.HTTPConnection, fetch: Any) -> Any:
    parts = urlsplit(fetch.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection.request("GET", target, headers=dict(fetch.headers))
    response = connection.getresponse()
    most = getattr(fetch, "body-bytes")
    body = response.read(most + _LONGEST_CHARACTER)
    is_cut = len(body) > most
    if response.length and not is_cut:
        raise http.client.IncompleteRead(body, response.length)
    made: Any = Record()
    made.status = response.status
    made.headers = [(name.lower(), value) for name, value in response.getheaders()]
    # A body that was cut may end inside a character.
    made.body = body.decode(errors="ignore") if is_cut else body.decode()
    return made


_LONGEST_CHARACTER = 4
"""The most bytes of a character in UTF-8. A body that is cut this much after the limit is still too long."""


def _shut(sock: socket.socket | None) -> None:
    """Ends a connection, even while another thread reads from it."""
    if sock is not None:
        try:
            # Of the socket below TLS, which another thread may be reading.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        except OSError:
            pass  # It has ended already.


def _reason(error: Exception, late: str) -> str:
    """The reason why a request has no response, in our words, because an exception may contain anything."""
    match error:
        case TimeoutError():
            return late
        case UnicodeDecodeError():
            return "a body that is not UTF-8"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionError() | http.client.IncompleteRead():
            return "the connection broke off"
        case socket.gaierror():
            return "the host name is not known"
        case ssl.SSLCertVerificationError():
            return f"the certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"no TLS connection: {error.reason}"
        case http.client.HTTPException():
            return "the response is not HTTP"
        case OSError() if error.strerror:
            return error.strerror
    return f"the request failed: {type(error).__name__}"
