"""Prints the warnings and faults that REDbot finds in the response to one request: notes.py METHOD URL [NAME VALUE].

Runs in the environment in which REDbot is installed. The first line has the status of the response.
"""

import re
import sys
from configparser import ConfigParser

import thor
from httplint.note import levels
from redbot.resource import HttpResource

EXPECTED = re.compile("STATUS_BAD_REQUEST|FRESHNESS_NO_CACHE_NO_VALIDATOR")
"""A note that only explains 400, and one that an error without an entity tag gets. The tests of the server
see to it that what is no error has one."""


def main() -> None:
    method, url, *header = sys.argv[1:]
    config = ConfigParser()
    config.read_dict({"redbot": {"enable_local_access": "True"}})
    resource = HttpResource(config["redbot"])
    resource.set_request(url, method, [tuple(header)] if header else [])
    thor.events.on(resource, "check_done")(thor.stop)

    resource.check()
    thor.run()

    print(resource.response.status_code_str or resource.fetch_error)
    for note in resource.response.notes:
        if note.level in (levels.WARN, levels.BAD) and not EXPECTED.match(type(note).__name__):
            print(f"{note.level.value}: {note.summary}")


main()
