"""Whether everything runs, and what collecting is like."""

from typing import Final

from funding_platform.devtools.dashboards.grafana import Dashboard, Panel

PLATFORM: Final = Dashboard(
    "platform",
    "Funding: platform",
    "Whether everything runs, and what collecting is like.",
    {
        "In one look": (
            Panel("Answering", {"{{job}}": "min by (job) (up)"}, kind="stat", width=4),
            Panel(
                "Active alerts",
                {"{{severity}}": "sum by (severity) (funding_alerts_active)"},
                kind="stat",
                width=4,
                limits=(1, 5),
            ),
            Panel("Runs under way", {"runs": "funding_runs_under_way"}, kind="stat", width=4),
            Panel(
                "Jobs whose last run failed",
                {"jobs": "sum(funding_last_run_failed)"},
                kind="stat",
                width=4,
                limits=(1, 3),
            ),
            Panel(
                "Failed checks",
                {"checks": "funding_failed_checks"},
                kind="stat",
                width=4,
                limits=(1, 5),
            ),
            Panel(
                "Oldest heartbeat of the daemon",
                {"age": "max(funding_daemon_heartbeat_age_seconds)"},
                "s",
                "stat",
                4,
                (120, 300),
            ),
        ),
        "Collecting": (
            Panel(
                "Mean time to an answer",
                {"{{venue}} {{dataset}}": 'funding_collection_answer_seconds{venue=~"$venue"}'},
                "s",
            ),
            Panel(
                "How long the newest attempt took",
                {"{{venue}} {{dataset}}": 'funding_collection_duration_seconds{venue=~"$venue"}'},
                "s",
            ),
            Panel(
                "Since the newest attempt",
                {"{{venue}} {{dataset}}": 'funding_collection_lag_seconds{venue=~"$venue"}'},
                "s",
            ),
            Panel(
                "Share of a day's attempts that failed",
                {
                    "{{venue}}": 'sum by (venue) (funding_collections{status="failed",'
                    'venue=~"$venue"}) / sum by (venue) (funding_collections{venue=~"$venue"})'
                },
                "percentunit",
                limits=(0.05, 0.2),
            ),
            Panel(
                "Requests of the last 24 hours",
                {"{{venue}}": 'sum by (venue) (funding_collected_requests{venue=~"$venue"})'},
            ),
            Panel(
                "Rows of the last 24 hours",
                {"{{dataset}}": 'sum by (dataset) (funding_collected_rows{venue=~"$venue"})'},
            ),
        ),
        "Venues": (
            Panel(
                "Breakers that are not closed",
                {
                    "{{venue}} {{state}}": 'funding_breaker_state{state!="closed",venue=~"$venue"}'
                    " == 1"
                },
                kind="state-timeline",
                width=12,
            ),
            Panel(
                "Failures in a row",
                {"{{venue}}": 'funding_breaker_failures{venue=~"$venue"}'},
                kind="bargauge",
                width=12,
                limits=(2, 5),
            ),
        ),
        "What is there": (
            Panel(
                "Share of this month's settlements that are stored",
                {
                    "{{venue}}": '1 - funding_settlements_missing{venue=~"$venue"}'
                    ' / funding_settlements_expected{venue=~"$venue"}'
                },
                "percentunit",
                "bargauge",
                12,
                (0.999, 0.98),
            ),
            Panel(
                "Age of data, as a share of what is tolerated",
                {
                    "{{asset}} {{venue}}": 'funding_data_age_seconds{venue=~"$venue|"}'
                    " / on (asset, venue) funding_data_age_tolerated_seconds"
                },
                "percentunit",
                width=12,
                limits=(0.8, 1),
            ),
        ),
        "Dagster": (
            Panel("Slots held", {"{{pool}}": "funding_pool_slots_held"}),
            Panel("Slots of runs that have ended", {"slots": "funding_pool_slots_of_ended_runs"}),
            Panel(
                "Messages of alerts",
                {
                    "{{sink}} wait": "funding_alert_messages_waiting",
                    "{{sink}} dropped": "funding_alert_messages_dropped",
                },
            ),
        ),
    },
    {"venue": "label_values(funding_breaker_state, venue)"},
)
