/** Lines of a pair's charts. */

import { seconds } from './format.js';

const times = (rate, factor) => (rate === null ? null : rate * factor);

/** Settled rates of a leg, `factor` times what they are per 8 hours; each pays for the time before it. */
export function lineOf(name, rows = [], factor) {
  return {
    name,
    at: rows.map((row) => seconds(row.funding_time)),
    values: rows.map((row) => times(row.rate_8h, factor)),
    stepped: true,
  };
}

/** What was predicted of a leg, hour by hour, whichever side it stood on. */
export function predictedOf(name, past, leg, factor) {
  const side = (row) => (row.long_venue === leg.venue && row.long_symbol === leg.symbol ? 'long' : 'short');
  return {
    name,
    at: past.map((row) => seconds(row.hour)),
    values: past.map((row) => times(row[`${side(row)}_rate_8h`], factor)),
  };
}

/** The price gap: of bars where both legs have them, else of the past looks at the pair. */
export function gapOf(past, long, [[longBars, longUnit], [shortBars, shortUnit]]) {
  const closes = new Map(longBars.map((bar) => [bar.open_time, bar.close / longUnit]));
  const both = longUnit && shortUnit ? shortBars.filter((bar) => closes.has(bar.open_time)) : [];
  if (both.length) {
    return {
      name: 'gap of marks',
      at: both.map((bar) => seconds(bar.open_time) + 3600),
      values: both.map((bar) => (bar.close / shortUnit / closes.get(bar.open_time) - 1) * 1e4),
    };
  }
  const turned = (row) => row.long_venue !== long.venue || row.long_symbol !== long.symbol;
  return {
    name: 'gap of marks',
    at: past.map((row) => seconds(row.hour)),
    values: past.map((row) => (row.price_gap_bps === null ? null : turned(row) ? -row.price_gap_bps : row.price_gap_bps)),
  };
}
