"""What the venues' streams say, and what the service answers."""

from typing import Final

from funding_platform.devtools.dashboards.grafana import Dashboard, Panel

SERVICE: Final = Dashboard(
    "service",
    "Funding: streams and service",
    "What the venues' streams say, and what the service answers.",
    {
        "Streams": (
            Panel(
                "Since the collector handed the market out",
                {"age": "funding_live_age_seconds"},
                "s",
                "stat",
                6,
                (5, 15),
            ),
            Panel(
                "Instruments heard of",
                {"instruments": "sum(funding_live_instruments)"},
                kind="stat",
                width=6,
            ),
            Panel(
                "Instruments not heard of any more",
                {"instruments": "sum(funding_live_stale_instruments)"},
                kind="stat",
                width=6,
                limits=(50, 500),
            ),
            Panel(
                "Updates a second",
                {"all venues": "sum(funding_live_updates_per_second)"},
                kind="stat",
                width=6,
            ),
            Panel(
                "Age of the newest data",
                {"{{venue}}": 'funding_live_data_age_seconds{venue=~"$venue"}'},
                "s",
                limits=(30, 60),
            ),
            Panel(
                "Updates a second, by venue",
                {"{{venue}}": 'funding_live_updates_per_second{venue=~"$venue"}'},
            ),
            Panel(
                "Streams that broke off, in an hour",
                {"{{venue}}": 'increase(funding_live_reconnects_total{venue=~"$venue"}[1h])'},
            ),
        ),
        "Answers": (
            Panel(
                "Requests a second",
                {
                    "{{status}}": "sum by (status) "
                    "(rate(funding_service_answers_total[$__rate_interval]))"
                },
                "reqps",
            ),
            Panel(
                "How long answers take",
                {
                    f"{share}": f"histogram_quantile({share}, sum by (le) "
                    "(rate(funding_service_answer_seconds_bucket[$__rate_interval])))"
                    for share in (0.5, 0.9, 0.99)
                },
                "s",
                limits=(0.1, 0.5),
            ),
            Panel(
                "Share that had been encoded already",
                {
                    "{{tier}}, since the service began": "funding_service_cache_hit_ratio",
                    "{{tier}}, now": "sum by (tier) "
                    '(rate(funding_service_cache_answers_total{found="yes"}[$__rate_interval])) / '
                    "sum by (tier) "
                    "(rate(funding_service_cache_answers_total[$__rate_interval]))",
                },
                "percentunit",
            ),
            Panel(
                "Memory of kept answers", {"{{instance}}": "funding_service_cache_bytes"}, "bytes"
            ),
            Panel("Open streams", {"{{instance}}": "funding_service_stream_clients"}),
            Panel(
                "Streams let go, in an hour",
                {"{{instance}}": "increase(funding_service_streams_let_go_total[1h])"},
                about="Whoever had them took nothing.",
            ),
            Panel(
                "What Redis did not answer, in an hour",
                {"{{instance}}": "increase(funding_service_redis_failures_total[1h])"},
                about="Answers come without it; instances no longer share them.",
            ),
            Panel("Webhooks", {"{{instance}}": "funding_service_webhooks"}),
            Panel(
                "Messages of webhooks, in an hour",
                {
                    "{{outcome}}": "sum by (outcome) "
                    "(increase(funding_service_webhook_messages_total[1h]))"
                },
            ),
        ),
    },
    {"venue": "label_values(funding_breaker_state, venue)"},
)
