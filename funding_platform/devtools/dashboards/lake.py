"""What is stored, and what that costs."""

from typing import Final

from funding_platform.devtools.dashboards.grafana import Dashboard, Panel

LAKE: Final = Dashboard(
    "lake",
    "Funding: lake and cost",
    "What is stored, how fast it grows, how long the disk will do.",
    {
        "Now": (
            Panel("The lake", {"bytes": "funding_lake_bytes"}, "bytes", "stat", 6),
            Panel(
                "Free on its disk",
                {"bytes": "funding_disk_free_bytes"},
                "bytes",
                "stat",
                6,
                (20e9, 2e9),
            ),
            Panel(
                "The disk will do, at the rate of a week",
                {
                    "time": "funding_disk_free_bytes"
                    " / clamp_min(-deriv(funding_disk_free_bytes[7d]), 1)"
                },
                "s",
                "stat",
                6,
                (60 * 86_400, 14 * 86_400),
            ),
            Panel(
                "Since the last commit",
                {"age": "funding_lake_commit_age_seconds"},
                "s",
                "stat",
                6,
                (3_900, 7_200),
            ),
        ),
        "By table": (
            Panel(
                "Bytes", {"{{table}}": "topk(15, funding_lake_table_bytes)"}, "bytes", "bargauge", 8
            ),
            Panel("Growth in a day", {"{{table}}": "delta(funding_lake_table_bytes[1d])"}, "bytes"),
            Panel("Files", {"{{table}}": "topk(15, funding_lake_table_files)"}),
        ),
        "Over time": (
            Panel("Bytes of the lake", {"lake": "funding_lake_bytes"}, "bytes"),
            Panel("Versions that can be read", {"snapshots": "funding_lake_snapshots"}),
        ),
        "What venues were asked": (
            Panel(
                "Requests a day",
                {"{{dataset}}": "sum by (dataset) (funding_collected_requests)"},
                width=12,
            ),
            Panel(
                "Rows a request",
                {
                    "{{dataset}}": "sum by (dataset) (funding_collected_rows)"
                    " / sum by (dataset) (funding_collected_requests)"
                },
                width=12,
            ),
        ),
    },
    {},
)
