"""The senders of requests. What a role may do is decided by the component."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ccs_modules._component import Standalone, as_text

Headers = list[tuple[str, bytes]]
"""Header fields in the order received: names in lower case, values as received."""


@dataclass(frozen=True)
class Anonymous:
    """Anybody: every request has these management roles, so that shared caches may keep responses."""

    roles: list[str]


Sender = list[str] | Anonymous | None
"""The sender of a request: the management roles of a caller, or None for one who is not authenticated."""

Authenticate = Callable[[Headers], Sender | Awaitable[Sender]]
"""A function that finds the sender of these header fields, such as a `Policy`."""


class PolicyError(ValueError):
    """The text is not an access policy. The message names the field and shows no value."""


class Policy:
    """An access policy, read from JSON by the component. It is a function that finds senders.

    The policy is one of

    - `{"users":[{"name":"ann","password_sha256":"<64 hex digits>","roles":["db_viewer"]}]}`: HTTP
      Basic, against the SHA-256 digests of the passwords;
    - `{"trusted_header":"x-roles"}`: the roles, comma separated, in a header field that an
      authenticating proxy in front sets, and removes from what clients send;
    - `{"anonymous":["db_viewer"]}`: every request has these roles.
    """

    def __init__(self, text: str):
        """Parses a policy. Raises `PolicyError`."""
        self._component = Standalone()
        parsed = self._component.call("access", "[static]policy.parse", text)
        if isinstance(parsed, str):
            raise PolicyError(parsed)
        self._resource = parsed

    def __call__(self, headers: Headers) -> Sender:
        """Finds the sender of these header fields."""
        found = self._component.call("access", "[method]policy.caller", self._resource, as_text(headers))
        if found.tag == "unauthenticated":
            return None
        roles: list[str] = found.payload
        return Anonymous(roles) if found.tag == "anonymous" else roles
