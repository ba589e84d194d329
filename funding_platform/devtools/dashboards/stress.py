"""How far curves are from their mean."""

from typing import Final

from funding_platform.devtools.dashboards.grafana import Dashboard, Panel

STRESS: Final = Dashboard(
    "stress",
    "Funding: stress",
    "How far the curves of FUNDING_ALERT_BASES are from their mean, and what that pays.",
    {
        "Now": (
            Panel(
                "Strongest level",
                {"|z|": 'max(abs(funding_curve_level_z{base=~"$base",venue=~"$venue"}))'},
                kind="stat",
                width=6,
                limits=(2, 3),
            ),
            Panel(
                "Strongest slope",
                {"|z|": 'max(abs(funding_curve_slope_z{base=~"$base",venue=~"$venue"}))'},
                kind="stat",
                width=6,
                limits=(2, 3),
            ),
            Panel(
                "Curves further than 2 from their mean",
                {
                    "curves": 'count(abs(funding_curve_level_z{base=~"$base",venue=~"$venue"}) > 2)'
                    " or vector(0)"
                },
                kind="stat",
                width=6,
                limits=(3, 10),
            ),
            Panel(
                "Best actionable pair, net per year",
                {"net": 'funding_best_opportunity_net_apr_ratio{tier="actionable"}'},
                "percentunit",
                "stat",
                6,
            ),
            Panel(
                "z of the level",
                {
                    "{{base}} {{venue}}": 'sort_desc(funding_curve_level_z{base=~"$base",'
                    'venue=~"$venue"})'
                },
                kind="bargauge",
                width=12,
            ),
            Panel(
                "z of the slope",
                {
                    "{{base}} {{venue}}": 'sort_desc(funding_curve_slope_z{base=~"$base",'
                    'venue=~"$venue"})'
                },
                kind="bargauge",
                width=12,
            ),
        ),
        "Over time": (
            Panel(
                "z of the level, over time",
                {"{{base}} {{venue}}": 'funding_curve_level_z{base=~"$base",venue=~"$venue"}'},
                width=12,
                limits=(2, 3),
            ),
            Panel(
                "z of the slope, over time",
                {"{{base}} {{venue}}": 'funding_curve_slope_z{base=~"$base",venue=~"$venue"}'},
                width=12,
                limits=(2, 3),
            ),
            Panel(
                "Level, per year",
                {"{{base}} {{venue}}": 'funding_curve_level_ratio{base=~"$base",venue=~"$venue"}'},
                "percentunit",
                width=12,
            ),
            Panel(
                "Dispersion across venues, per year",
                {"{{base}}": 'max by (base) (funding_curve_dispersion_ratio{base=~"$base"})'},
                "percentunit",
                width=12,
            ),
        ),
        "What pays": (
            Panel("Pairs by tier", {"{{tier}}": "funding_opportunities"}, width=12),
            Panel(
                "Best net return per year, by tier",
                {"{{tier}}": "funding_best_opportunity_net_apr_ratio"},
                "percentunit",
                width=12,
            ),
        ),
    },
    {
        "base": "label_values(funding_curve_level_ratio, base)",
        "venue": "label_values(funding_curve_level_ratio, venue)",
    },
)
