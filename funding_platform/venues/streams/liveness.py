"""How old what a connection brings is: per channel, and per perpetual where each has to speak.

An open socket, an acknowledgement and a pong prove nothing: venues have been seen to keep all three
up for hours without a word of the market. Only data count, by their age. A quiet market is no
fault, so each channel has a bound of its own (``Channel.silence``).
"""

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from funding_platform.venues.streams.contract import Channel

LOOKS: Final = 4
"""How often ages are looked at within the shortest bound: a stall is seen at 1.25 times it."""


@dataclass(slots=True)
class _Heard:
    """What came of one channel."""

    bound: float
    at: float
    each: dict[str, float] = field(default_factory=dict)
    """When each perpetual last spoke; of those that never did, when it was asked to."""
    missing: set[str] = field(default_factory=set)
    """Those that have not spoken yet."""
    spoke: bool = False


class Liveness:
    """The ages of what one connection brings.

    Parameters
    ----------
    channels
        What it carries.
    symbols
        The perpetuals that are expected to speak.
    now
        Seconds, on the clock of all the times below.
    """

    def __init__(self, channels: Iterable[Channel], symbols: Collection[str], now: float) -> None:
        self._channels = {
            channel.name: _Heard(
                channel.silence.total_seconds(),
                now,
                dict.fromkeys(symbols, now) if channel.of_each else {},
                set(symbols),
            )
            for channel in channels
        }

    @property
    def look_every(self) -> float:
        """Seconds between two looks at the ages."""
        return min(heard.bound for heard in self._channels.values()) / LOOKS

    @property
    def complete(self) -> bool:
        """Whether every channel has spoken."""
        return all(heard.spoke for heard in self._channels.values())

    @property
    def everybody_spoke(self) -> bool:
        """Whether every channel has spoken of every perpetual."""
        return all(heard.spoke and not heard.missing for heard in self._channels.values())

    def begin(self, now: float) -> None:
        """Count from now: the last subscription has only been sent now."""
        for heard in self._channels.values():
            heard.at = now
            heard.each = {symbol: max(at, now) for symbol, at in heard.each.items()}

    def hear(self, channel: str, symbols: Iterable[str], now: float) -> None:
        """Note that a channel spoke, and of whom."""
        heard = self._channels.get(channel)
        if heard is None:
            return
        heard.at, heard.spoke = now, True
        if heard.each or heard.missing:
            named = [*symbols]
            heard.missing.difference_update(named)
            for symbol in named:
                if symbol in heard.each:  # strangers do not fill the memory
                    heard.each[symbol] = now

    def silent_channels(self, now: float) -> Mapping[str, float]:
        """Return the channels of which nothing is new enough, and the age of their newest data."""
        return {
            name: now - heard.at
            for name, heard in self._channels.items()
            if now - heard.at > heard.bound
        }

    def silent_symbols(self, now: float) -> Mapping[str, AbstractSet[str]]:
        """Return by channel the perpetuals that did not speak when each of them had to."""
        silent = {
            name: {symbol for symbol, at in heard.each.items() if now - at > heard.bound}
            for name, heard in self._channels.items()
        }
        return {name: symbols for name, symbols in silent.items() if symbols}

    def unheard(self, channel: str) -> AbstractSet[str]:
        """Return the perpetuals of which a channel has not said anything yet."""
        return self._channels[channel].missing

    def age(self, now: float) -> float:
        """Return seconds since anything was heard."""
        return now - max(heard.at for heard in self._channels.values())
