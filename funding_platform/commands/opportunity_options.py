"""The options of ``funding opportunities``: a field of ``OpportunityFilter`` each, and the form."""

from collections.abc import Callable
from typing import Any

import click

from funding_platform.commands.common import TEXT_FORMATS, known_venue, known_venues

Decorated = Callable[..., Any]


def venue_tiers(
    context: click.Context, parameter: click.Parameter, stated: tuple[str, ...]
) -> dict[str, str]:
    """``VENUE=TIER``, any number of times, each venue once."""
    tiers: dict[str, str] = {}
    for text in stated:
        venue, equals, tier = text.partition("=")
        if not (venue and equals and tier):
            raise click.BadParameter(f"{text!r} is not VENUE=TIER, e.g. binance=vip_1")
        if tiers.setdefault(known_venue(context, parameter, venue) or venue, tier) != tier:
            raise click.BadParameter(f"two tiers are named for {venue}: {tiers[venue]} and {tier}")
    return tiers


def _several(spelling: str, field: str, text: str, **more: Any) -> Decorated:
    return click.option(spelling, field, multiple=True, help=f"{text}; repeatable.", **more)


def _bound(spelling: str, field: str, text: str) -> Decorated:
    return click.option(spelling, field, type=float, help=text)


WHERE = (
    _several("--venue", "venues", "Both legs on these", callback=known_venues),
    _several("--long-venue", "long_venues", "Long leg on these", callback=known_venues),
    _several("--short-venue", "short_venues", "Short leg on these", callback=known_venues),
)
"""Options that say on which venues; a comparison has its two."""

WHICH = (
    _several("--base", "bases", "Canonical base, e.g. BTC"),
    _several("--symbol", "symbols", "A venue's own symbol of either leg"),
    _several("--exclude-venue", "exclude_venues", "No leg on these", callback=known_venues),
    _several("--tier", "tiers", "Verdict", type=click.Choice(("actionable", "watch", "reject"))),
    _bound("--min-divergence", "min_divergence_8h", "Fraction per 8 hours."),
    _bound("--min-net", "min_net", "Net over the horizon, fraction of one leg's notional."),
    _bound("--min-net-apr", "min_net_apr", "Net over the horizon, fraction per year."),
    _bound("--min-volume", "min_volume_24h_usd", "USD a day, smaller leg."),
    _bound("--max-volume", "max_volume_24h_usd", "USD a day, larger leg."),
    _bound("--min-open-interest", "min_open_interest_usd", "USD, smaller leg."),
    _bound("--max-open-interest", "max_open_interest_usd", "USD, larger leg."),
    _bound("--min-oi-ratio", "min_open_interest_ratio", "Open interest, long leg over short."),
    _bound("--max-oi-ratio", "max_open_interest_ratio", "Open interest, long leg over short."),
    _several(
        "--balance",
        "open_interest_balance",
        "Which leg has the larger open interest",
        type=click.Choice(("long_heavy", "balanced", "short_heavy")),
    ),
    _bound("--max-spread", "max_spread_bps", "Bid-ask spread of either leg, basis points."),
    _bound("--max-price-gap", "max_price_gap_bps", "Between the marks, basis points."),
    _bound("--min-persistence", "min_persistence", "Share of 7 days' hours with today's sign."),
    _bound("--min-half-life", "min_half_life_hours", "Half-life of the divergence, hours."),
)
"""Options that bound the rows."""

AT_WHAT_COST = (
    click.option(
        "--horizon", type=click.Choice(("8h", "1d", "3d", "7d")), help="Holding time; 7d if unsaid."
    ),
    click.option(
        "--fee-mode",
        type=click.Choice(("taker", "maker")),
        help="maker: all four orders rest, and may not fill; taker if unsaid.",
    ),
    click.option(
        "--fee-tier",
        "fee_tiers",
        multiple=True,
        metavar="VENUE=TIER",
        callback=venue_tiers,
        help="Fee tier at a venue, base where unsaid; repeatable.",
    ),
    _bound("--size", "size_usd", "USD per leg that impact is paid for; as stored if unsaid."),
)
"""Options that say what trading costs and how long a pair is held."""

IN_WHAT_FORM = (
    click.option("--sort", "sort_by", help="Numeric column; tier, then net over the horizon."),
    click.option("--ascending", is_flag=True, help="Smallest, or worst, first."),
    click.option("--limit", type=int, default=20, show_default=True, help="Rows at most."),
    click.option("--format", "form", type=click.Choice(TEXT_FORMATS), help="table if unsaid."),
    click.option("--json", "as_json", is_flag=True, help="As --format json."),
    click.option("--csv", "as_csv", is_flag=True, help="As --format csv."),
    click.option("--left-out", is_flag=True, help="Say what each bound leaves out, on stderr."),
    click.option("--watch", is_flag=True, help="Show again and again, until Ctrl-C."),
    click.option(
        "--every",
        type=click.FloatRange(min=1),
        default=60.0,
        show_default=True,
        help="Seconds between two looks of --watch.",
    ),
)
"""Options that say what is shown, and how often."""


def with_options(*groups: tuple[Decorated, ...]) -> Decorated:
    """Add options, in the order in which help lists them."""

    def decorate(command: Decorated) -> Decorated:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return decorate
