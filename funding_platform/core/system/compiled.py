"""The doors to numba: decorators that keep a function's type, and compile on first call.

Machine code is kept on disk between processes, in a folder that is named after a digest of all the
source it may come from. numba alone looks at the file that a function is in: it would go on
running what it had built in from functions and constants of other files, whatever became of these.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba

from funding_platform.core.system.source_code import CODE, source_digest

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_UNCOUNTED: Final[dict[str, Any]] = {"_nrt": False}
"""numba's option for functions without its runtime, which its own library is compiled with."""

_any_number: Final[Callable[[Any], Any]] = numba.types.unliteral

_NUMBA: Final[Any] = numba.config  # its stubs name no setting
_PREFIX: Final = "funding-backtest-"
_KEPT: Final = 8
"""Folders that stay: other branches and installations may share the place. One has 10 MB."""

_CHOOSING: Final = Lock()
"""The place of the cache is a setting of the whole process."""


def compiled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Turn a function into machine code, cached on disk between processes."""
    return _compiled(function)


def compiled_in_place(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Do the same as ``compiled`` for a function that only reads and writes what it is given.

    Numba counts references atomically, for every array of a tuple at every use of it: that was two
    thirds of the time of an order. What allocates nothing and outlives none of its arguments needs
    no counting. A function that does allocate is refused when it is compiled.
    """
    return _compiled(function, **_UNCOUNTED)


def compiled_into_callers(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Do the same as ``compiled_in_place``, and have its code stand wherever it is called.

    A call hands over every array of every tuple, seven numbers each: for a panel, rules and books
    that is more work than what a short step does with them. Not for what is called in many places.
    """
    return _compiled(function, forceinline=True, **_UNCOUNTED)


def _compiled(
    function: Callable[Parameters, Result], **options: Any
) -> Callable[Parameters, Result]:
    """Hand a function to numba; look for a place on disk when it is first compiled.

    A number that is written out in a call is any other number: numba would compile the function
    once more for each, which was a fifth of the time that it took for the whole kernel.
    """
    made = numba.njit(function, nogil=True, **options)

    def compile_first(signature: Any) -> Any:
        vars(made).pop("compile", None)  # of the instance: from now on the class's own serves
        _keep_on_disk(made)
        return made.compile(signature)

    def template_of(args: Any, kws: Any) -> Any:
        named = {name: _any_number(kind) for name, kind in kws.items()}
        return find_template(tuple(map(_any_number, args)), named)

    find_template = made.get_call_template
    made.compile = compile_first
    made.get_call_template = template_of
    return cast("Callable[Parameters, Result]", made)


def _keep_on_disk(made: Any) -> None:
    """Have the machine code of a function cached; numba asks where as it is told to."""
    with _CHOOSING:
        folder = _cache_folder()
        if folder is None:
            return
        before, _NUMBA.CACHE_DIR = _NUMBA.CACHE_DIR, str(folder)
        try:
            made.enable_caching()
        finally:
            _NUMBA.CACHE_DIR = before


@cache
def _cache_folder() -> Path | None:
    """Find where machine code of this source is kept; None where nothing can be written."""
    name = f"{_PREFIX}{source_digest(*CODE)[:16]}"
    for place in _places():
        with suppress(OSError):
            if not (place / name).is_dir():
                (place / name).mkdir(parents=True, exist_ok=True)
                _forget_oldest(place)
            TemporaryFile(dir=place / name).close()
            return place / name
    return None


def _places() -> Iterator[Path]:
    """Yield the folders to try: numba's own if it was given one, beside this file, the home."""
    yield Path(_NUMBA.CACHE_DIR or Path(__file__).parent / "__pycache__")
    with suppress(RuntimeError):  # a user without a home
        yield Path.home() / ".cache" / "funding_platform"


def _forget_oldest(place: Path) -> None:
    """Remove all but the newest folders of machine code."""
    folders = sorted(place.glob(f"{_PREFIX}*"), key=lambda folder: folder.stat().st_mtime)
    for folder in folders[:-_KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
