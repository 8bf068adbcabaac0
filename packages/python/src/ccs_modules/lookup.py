"""The records of lookups and of comparisons."""

from dataclasses import dataclass
from typing import Any, Literal

from ccs_modules.catalog import Module, module


@dataclass(frozen=True, slots=True)
class Fitting:
    """The modules of one name, and the one that a database of one Redis version gets."""

    module_name: str
    """The name, as the first module of the list spells it."""
    chosen: "ChosenModule | None"
    """The module that the database gets; None if no module of the name fits."""
    others: "list[OtherModule]"
    """The other modules of the name, newest first."""


@dataclass(frozen=True, slots=True)
class ChosenModule:
    """The module that a database gets."""

    module: Module
    """The module."""
    rule: Literal["compatible-redis-version", "min-redis-version"]
    """The rule by which it was chosen."""
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
    """Its value in the older document, as JSON in compact form. None if it is absent."""
    after: str | None
    """Its value in the newer document, as JSON in compact form. None if it is absent."""


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
