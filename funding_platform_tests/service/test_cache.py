"""What is kept: good for its versions and its age, and never more than it may be."""

from funding_platform.service.cache import Cache, Entry, Key, Version

KEY: Key = ("/api/v1/venues", b"", "application/json")


def entry(version: Version = (1, None), body: bytes = b"x", made_at: float = 0.0) -> Entry:
    return Entry((), body, b'W/"1"', version, 5.0, made_at)


def test_an_answer_lasts_for_its_versions_and_its_age() -> None:
    now, newest = 0.0, (1, 7)

    def is_current(version: Version) -> bool:
        return all(one in (None, new) for one, new in zip(version, newest, strict=True))

    cache = Cache(2**20, is_current, lambda: now)
    of_lake, of_board = entry((1, None)), entry((1, 7))
    cache.put(KEY, of_lake)
    assert cache.get(KEY) is of_lake
    newest = (1, 8)
    assert cache.get(KEY) is of_lake  # the board is nothing to it
    cache.put(KEY, of_board)
    assert cache.get(KEY) is None
    cache.put(KEY, of_lake)
    now = 5.0
    assert cache.get(KEY) is None
    assert len(cache) == 0
    assert (cache.hits, cache.misses, cache.held_bytes) == (2, 3, 0)


def test_it_holds_no_more_than_it_may() -> None:
    cache = Cache(100_000, lambda _: True, lambda: 0.0)
    for number in range(40):
        cache.put((str(number), b"", ""), entry(body=b"x" * 2_000))
        cache.get(("0", b"", ""))
    assert cache.held_bytes <= 100_000
    assert cache.get(("0", b"", "")) is not None  # asked for again and again
    assert cache.get(("1", b"", "")) is None
    assert cache.get(("39", b"", "")) is not None
    cache.put(KEY, entry(body=b"x" * 50_000))
    assert cache.get(KEY) is None  # it would push out half of the others


def test_a_large_answer_is_not_gzipped_while_everybody_waits() -> None:
    large, small = entry(body=b"x" * 2**20), entry(body=b"x" * 2_000)
    assert small.goes_gzipped(b"gzip, br")
    assert not small.goes_gzipped(b"br")
    assert not large.goes_gzipped(b"gzip")
    assert len(large.gzipped) < 2**14
    assert large.goes_gzipped(b"gzip")
    assert not entry(body=b"x").goes_gzipped(b"gzip")
