/** What a page of pairs asks, as the address has it. */

export const HORIZONS = [['8h', '8 h'], ['1d', '1 d'], ['3d', '3 d'], ['7d', '7 d']];
export const TIERS = ['actionable', 'watch', 'reject'];

/** Sizes that the slider stops at, USD per leg. */
export const SIZES = [1e3, 2.5e3, 5e3, 1e4, 2.5e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 2.5e6, 5e6];
export const DEFAULT_SIZE = 1e4;

/** How costs are reckoned: the same on the list and on a pair's page. */
export function pricing(route) {
  const size = Number(route.get('size', DEFAULT_SIZE));
  return {
    size_usd: size > 0 ? size : DEFAULT_SIZE,
    fee_mode: route.get('fees') === 'maker' ? 'maker' : 'taker',
    horizon: HORIZONS.some(([one]) => one === route.get('horizon')) ? route.get('horizon') : '7d',
  };
}

const DAYS = { '8h': 1 / 3, '1d': 1, '3d': 3, '7d': 7 };

/** The net of a pair over a horizon, annualised. The answer's own is of 7 days. */
export function netApr(pair, horizon) {
  const net = pair[`net_${horizon}`];
  return net === null ? null : (net / DAYS[horizon]) * 365;
}

export const costOf = (pair, mode) => (mode === 'maker' ? pair.maker_cost_bps : pair.cost_bps);
