/** Rates as a table of bases and venues. */

/** The asset of a row: a share called META is not the coin. */
export function assetOf(row) {
  return !row.asset_class || row.asset_class === 'crypto' ? row.base : `${row.base} ${row.asset_class}`;
}

const weight = (row) => row.open_interest_usd ?? row.volume_24h_usd ?? -1;

/**
 * Set instruments out by asset and venue.
 *
 * Where a venue lists several of an asset, the one with the largest open interest stands for it.
 * `kind`: predicted or settled.
 */
export function pivot(rates, kind) {
  const field = `${kind}_rate_8h`;
  const assets = new Map();
  const venues = new Set();
  for (const row of rates) {
    if (!row.base || row[field] === null || row[field] === undefined) continue;
    const name = assetOf(row);
    venues.add(row.venue);
    if (!assets.has(name)) assets.set(name, { name, base: row.base, cells: new Map() });
    const { cells } = assets.get(name);
    const before = cells.get(row.venue);
    if (!before || weight(row) > weight(before.row)) cells.set(row.venue, { row, rate: row[field] });
  }
  for (const asset of assets.values()) summarise(asset);
  return { venues: [...venues].sort(), assets: [...assets.values()] };
}

function summarise(asset) {
  let low = Infinity;
  let high = -Infinity;
  let interest = null;
  for (const { rate, row } of asset.cells.values()) {
    low = Math.min(low, rate);
    high = Math.max(high, rate);
    if (row.open_interest_usd !== null) interest = (interest ?? 0) + row.open_interest_usd;
  }
  Object.assign(asset, { low, high, interest, spread: asset.cells.size > 1 ? high - low : null });
}

const last = (value) => value ?? -Infinity;

const ORDERS = {
  interest: (a, b) => last(b.interest) - last(a.interest),
  spread: (a, b) => last(b.spread) - last(a.spread),
  high: (a, b) => b.high - a.high,
  low: (a, b) => a.low - b.low,
};

/** Order assets by name, a figure of theirs, or the rate on one venue (the highest first). */
export function ordered(assets, order) {
  const byName = (a, b) => a.name.localeCompare(b.name);
  const byVenue = (a, b) => last(b.cells.get(order)?.rate) - last(a.cells.get(order)?.rate);
  const compare = order === 'name' ? byName : (ORDERS[order] ?? byVenue);
  return [...assets].sort((a, b) => compare(a, b) || byName(a, b)); // -∞ − -∞ is NaN: by name
}
