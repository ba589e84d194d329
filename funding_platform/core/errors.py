"""The root of every error that the platform raises on purpose.

FundingError
├── core      UnknownNameError (a table, column or dataset that is not declared)
├── paper     PaperError and its children, in ``paper/errors.py``
├── telemetry AlertError and its children, in ``telemetry/alerts/errors.py``
├── lake      LakeError and its children, in ``lake/errors.py``
├── venues    VenueError and its children, in ``venues/errors.py``
├── curves    CurveError
├── arbitrage ArbitrageError and its children, in ``arbitrage/errors.py``
├── strategies StrategyContractError and its children, in ``strategies/errors.py``
├── backtest  BacktestError and its children, in ``backtest/errors.py``
├── execution ExecutionError and its children, in ``execution/errors.py``
├── sandbox   SandboxError and its children, in ``sandbox/errors.py``
├── agents    AgentsError and its children, in ``agents/errors.py``
└── flows     FlowError and its children, in ``flows/errors.py``

A message says what happened and where; the hint says what to do about it.
"""


class FundingError(Exception):
    """What happened and where, with a hint that says what to do.

    Parameters
    ----------
    message
        What happened, to which table, venue, symbol or file.
    hint
        What the reader can do about it. Shown on a line of its own.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message}\n  hint: {hint}")
        self.message = message
        self.hint = hint


class UnknownNameError(FundingError):
    """A table, column, venue or dataset that nothing declares."""
