"""The senders of requests. The component decides what a role may do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ccs_modules._component import Resource

Headers = list[tuple[str, str]]
"""Header fields in the order received: names in lower case, values with U+FFFD for what is not UTF-8."""


@dataclass(frozen=True)
class Anonymous:
    """Any sender: every request has these management roles, so that shared caches may keep responses."""

    roles: list[str]


@dataclass(frozen=True)
class Unauthenticated:
    """A caller who is not authenticated."""

    challenge: str | None
    """The challenge of the response 401. None: `Bearer realm="ccs-modules"`."""


Sender = list[str] | Anonymous | Unauthenticated | None
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
        self._resource = Resource("access", "policy", "parse", text)
        if isinstance(self._resource.made, str):
            raise PolicyError(self._resource.made)

    def __call__(self, headers: Headers) -> Sender:
        """Finds the sender of these header fields."""
        found = self._resource.call("caller", headers)
        match found.tag:
            case "unauthenticated":
                return Unauthenticated(found.payload)
            case "anonymous":
                return Anonymous(found.payload)
        roles: list[str] = found.payload
        return roles
