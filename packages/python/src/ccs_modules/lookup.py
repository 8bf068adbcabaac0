"""Lookups: by name, the latest, those that fit a Redis version, and differences."""

from dataclasses import dataclass
from typing import Any

from ccs_modules.catalog import Module, module, ok


class Lookups:
    """The lookups of a catalog."""

    def find_modules(
        self, roles: list[str], name: str, version: str | None = None
    ) -> list[Module]:
        """Returns the modules of a name, newest first. Case does not matter. Raises `CatalogError`.

        The version is the semantic version, its beginning, or the version as one number: `2.10.17`,
        `2.10`, `21017`.
        """
        found = ok(self._look_up("find-modules", roles, name, version))
        return [module(record) for record in found]

    def latest_modules(self, roles: list[str]) -> list[Module]:
        """Returns the newest module of each name. Raises `CatalogError`."""
        return [module(record) for record in ok(self._look_up("latest-modules", roles))]

    def fitting_modules(self, roles: list[str], redis_version: str) -> "list[Fitting]":
        """Returns, for each name, the module that a database of this Redis version gets.

        The version is one such as `7.4`. Raises `CatalogError`.
        """
        records = ok(self._look_up("fitting-modules", roles, redis_version))
        return [fitting(record) for record in records]

    def _look_up(self, function: str, *arguments: object) -> Any:
        """Calls a function of the component."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Fitting:
    """The module that a database of one Redis version gets, of the modules of one name."""

    module_name: str
    """The name, as the first module of the list spells it."""
    chosen: "ChosenModule | None"
    """The module that the database gets; None where no module of the name fits."""
    others: "list[OtherModule]"
    """The other modules of the name, newest first."""


@dataclass(frozen=True, slots=True)
class ChosenModule:
    """The module that a database gets."""

    module: Module
    """The module."""
    rule: str
    """The rule by which it was chosen: `compatible-redis-version` or `min-redis-version`."""
    reason: str
    """The reason, for people."""


@dataclass(frozen=True, slots=True)
class OtherModule:
    """A module that a database does not get."""

    uid: str
    """The uid of the module."""
    semantic_version: str | None
    """The semantic version of the module."""
    reason: str
    """The reason, for people."""


@dataclass(frozen=True, slots=True)
class Differences:
    """The differences between two catalogs, an older one and a newer one."""

    added: list[Module]
    """The modules that only the newer catalog has."""
    removed: list[Module]
    """The modules that only the older catalog has."""
    changed: "list[ChangedModule]"
    """The modules whose documents differ."""


@dataclass(frozen=True, slots=True)
class ChangedModule:
    """A module whose document differs between two catalogs."""

    module: Module
    """The module in the newer catalog."""
    fields: "list[FieldDifference]"
    """The fields that differ, by name."""


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field that differs between two documents."""

    name: str
    """The name of the field."""
    before: str | None
    """Its value in the older document, as canonical JSON; None where it is absent."""
    after: str | None
    """Its value in the newer document, as canonical JSON; None where it is absent."""


def fitting(record: Any) -> Fitting:
    """Makes a choice of the component's record."""
    chosen = record.chosen and ChosenModule(
        module(record.chosen.module), record.chosen.rule, record.chosen.reason
    )
    others = [
        OtherModule(other.uid, getattr(other, "semantic-version"), other.reason)
        for other in record.others
    ]
    return Fitting(getattr(record, "module-name"), chosen, others)


def differences(record: Any) -> Differences:
    """Makes differences of the component's record."""
    changed = [
        ChangedModule(
            module(change.module),
            [FieldDifference(field.name, field.before, field.after) for field in change.fields],
        )
        for change in record.changed
    ]
    return Differences(
        [module(added) for added in record.added],
        [module(removed) for removed in record.removed],
        changed,
    )
