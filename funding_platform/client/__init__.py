"""A client of the service, for programs in Python: blocking, and for ``asyncio``.

>>> from funding_platform.client import Client
>>> with Client("http://127.0.0.1:8400") as client:  # doctest: +SKIP
...     best = client.best_opportunities(min_net_apr=0.1)
...     print(best.as_of, best.frame())
"""

from funding_platform.client.answers import Answer, ServiceError, UnreachableError
from funding_platform.client.clients import AsyncClient, Client

__all__ = ["Answer", "AsyncClient", "Client", "ServiceError", "UnreachableError"]
