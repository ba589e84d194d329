"""Options of ``funding opportunities``, generated from the fields of ``OpportunityFilter``.

Types, choices, defaults and help texts are those of the model, which a command imports when it is
asked for its options, not when the program starts.
"""

import re
from collections.abc import Collection
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

import click

from funding_platform.commands.common import known_venue, known_venues

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_UNIT: Final = re.compile(r"(_24h)?_(usd|bps|8h|hours)$")
_SHORT: Final = {
    "min_open_interest_ratio": "min_oi_ratio",
    "max_open_interest_ratio": "max_oi_ratio",
    "open_interest_balance": "balance",
    "sort_by": "sort",
}
"""Spellings that do not follow from the name of the field."""


class FilterCommand(click.Command):
    """A command with an option for each field of the filter that none of its own options sets.

    Parameters
    ----------
    without
        Fields that the command decides by itself.
    """

    _params: list[click.Parameter]

    def __init__(self, *arguments: Any, without: Collection[str] = (), **more: Any) -> None:
        self._without = without
        self._generated = False
        super().__init__(*arguments, **more)

    @property
    def params(self) -> list[click.Parameter]:
        """Its options and arguments, those generated first; the one list that click adds to."""
        if not self._generated:
            decided = {*self._without, *(parameter.name for parameter in self._params)}
            self._params = [*_options(decided), *self._params]
            self._generated = True
        return self._params

    @params.setter
    def params(self, own: list[click.Parameter]) -> None:
        self._params = own


def _options(without: Collection[str]) -> list[click.Option]:
    from funding_platform.arbitrage.filters import OpportunityFilter

    fields = OpportunityFilter.model_fields.items()
    return [_option(name, field) for name, field in fields if name not in without]


def _option(name: str, field: "FieldInfo") -> click.Option:
    """Return the option that sets a field; ``min_volume_24h_usd`` is ``--min-volume``."""
    kind, several = field.annotation, False
    if get_origin(kind) is UnionType:  # a bound or None
        kind = get_args(kind)[0]
    if get_origin(kind) in (tuple, dict):
        kind, several = get_args(kind)[0], True
    spelling = _SHORT.get(name, _UNIT.sub("", name))
    text = str(field.description)
    more: dict[str, Any] = {}
    if several:
        spelling, text = spelling.removesuffix("s"), f"{text.removesuffix('.')}; repeatable."
    elif field.default is not None:
        more = {"default": field.default, "show_default": True}
    if name.endswith("venues"):
        more["callback"] = known_venues
    if name == "fee_tiers":
        more |= {"callback": venue_tiers, "metavar": "VENUE=TIER"}
    return click.Option(
        [f"--{spelling.replace('_', '-')}", name],
        type=click.Choice(get_args(kind)) if get_origin(kind) is Literal else kind,
        multiple=several,
        help=text,
        **more,
    )


def venue_tiers(
    context: click.Context, parameter: click.Parameter, stated: tuple[str, ...]
) -> dict[str, str]:
    """Read ``VENUE=TIER``, any number of times, each venue once."""
    tiers: dict[str, str] = {}
    for text in stated:
        venue, equals, tier = text.partition("=")
        if not (venue and equals and tier):
            raise click.BadParameter(f"{text!r} is not VENUE=TIER, e.g. binance=vip_1")
        if tiers.setdefault(known_venue(context, parameter, venue) or venue, tier) != tier:
            raise click.BadParameter(f"two tiers are named for {venue}: {tiers[venue]} and {tier}")
    return tiers
