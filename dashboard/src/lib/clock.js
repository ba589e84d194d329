/** The funding clock: what settles when, by venue. */

import { seconds } from './format.js';

export const AHEAD_HOURS = 8;

/** Group the instruments of each venue by when they settle next. */
export function clock(rates) {
  const venues = new Map();
  for (const row of rates) {
    if (!venues.has(row.venue)) venues.set(row.venue, { venue: row.venue, due: new Map(), intervals: new Map(), unknown: 0, total: 0 });
    const one = venues.get(row.venue);
    one.total += 1;
    count(one.intervals, row.predicted_interval_hours);
    if (row.next_funding_time === null) one.unknown += 1;
    else settle(one.due, seconds(row.next_funding_time), row);
  }
  const silent = (one) => one.unknown === one.total; // last: nothing is to be seen of them
  const order = (a, b) => silent(a) - silent(b) || a.venue.localeCompare(b.venue);
  return [...venues.values()].sort(order).map(finish);
}

function count(intervals, hours) {
  intervals.set(hours, (intervals.get(hours) ?? 0) + 1);
}

function settle(due, at, row) {
  if (!due.has(at)) due.set(at, { at, instruments: 0, paid: 0, interest: 0 });
  const one = due.get(at);
  one.instruments += 1;
  if (row.open_interest_usd !== null && row.predicted_rate !== null) {
    one.paid += Math.abs(row.predicted_rate) * row.open_interest_usd;
    one.interest += row.open_interest_usd;
  }
}

function finish(one) {
  const hours = [...one.intervals].sort((a, b) => b[1] - a[1]);
  return { ...one, due: [...one.due.values()].sort((a, b) => a.at - b.at), intervals: hours };
}
