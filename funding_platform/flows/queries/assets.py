"""Which asset is asked for by a base: a share and a coin may go by one ticker, and are two."""

from typing import Final

import duckdb
import polars as pl

from funding_platform.core.market.asset_classes import ASSET_CLASSES, UNSAID
from funding_platform.core.validation_errors import did_you_mean
from funding_platform.flows.errors import FlowError, SeveralAssetsError
from funding_platform.flows.queries.connection import answer

ASSET_OF: Final = f"coalesce({{facts}}.asset_class, '{UNSAID}')"
"""The class that an instrument counts as, in SQL."""

_LISTED: Final = f"""
SELECT DISTINCT {ASSET_OF.format(facts="i")} AS asset_class FROM core.instruments AS i
WHERE base = $base AND coalesce(venue = $venue, true) ORDER BY 1
"""


def asset_class_of(
    connection: duckdb.DuckDBPyConnection,
    base: str,
    asset_class: str | None = None,
    venue: str | None = None,
) -> str:
    """Find the class of what a base stands for, where nobody names it: the only one it has.

    Parameters
    ----------
    base
        A canonical base, or the symbol of an instrument without contract facts, which counts as
        ``UNSAID``.
    asset_class
        What was asked for by name.
    venue
        One venue's listings only.

    Raises
    ------
    FlowError
        If there is no such class, or none was named and the base stands for several assets.
    """
    if asset_class is not None:
        if asset_class not in ASSET_CLASSES:
            meant = did_you_mean(asset_class, ASSET_CLASSES)
            raise FlowError(
                f"there is no asset class {asset_class!r}{meant}",
                hint=f"one of {', '.join(ASSET_CLASSES)}",
            )
        return asset_class
    schema = pl.Schema({"asset_class": pl.String()})
    found = answer(connection, schema, _LISTED, {"base": base, "venue": venue})
    classes = found["asset_class"].to_list() or [UNSAID]
    if len(classes) > 1:
        raise SeveralAssetsError(
            f"{base} stands for {len(classes)} assets: {', '.join(classes)}",
            hint="name its class: asset_class, or --asset-class",
        )
    return str(classes[0])
