"""What routes share: the desk they ask at, and columns that several answers have."""

from typing import Annotated, TypeAlias

from fastapi import Path, Request

from funding_platform.service.desk import Desk
from funding_platform.service.parameters import Name


def desk_of(request: Request) -> Desk:
    """Return where questions become bytes."""
    desk: Desk = request.app.state.desk
    return desk


VenueName: TypeAlias = Annotated[Name, Path(description="A venue.", examples=["hyperliquid"])]
SymbolName: TypeAlias = Annotated[
    Name,
    Path(description="The venue's own symbol, slashes and all.", examples=["BTC"]),
]
BaseName: TypeAlias = Annotated[Name, Path(description="Canonical base.", examples=["BTC"])]
