/** Drawing the heat map: the visible cells only, in one pass per colour layer. */

import { heat, heatText } from './colour.js';
import { number, rate } from './format.js';

export const ROW = 22;
export const HEAD = 30;
export const NAME = 128;
const NARROWEST = 74;

/** Width of a venue's column: all of the room is used. A fraction: edges are rounded where drawn. */
export function widthOf(wide, venues) {
  return Math.max(NARROWEST, (wide - NAME) / Math.max(1, venues));
}

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * Draw what is visible.
 *
 * `view` has rows, venues, unit, order, wide, high, top, left (scrolled), column (its width), chosen,
 * dark.
 */
export function draw(context, view) {
  const { rows, venues, wide, high, top, left, column } = view;
  const colours = Object.fromEntries(
    ['panel', 'raised', 'line', 'text', 'dim', 'accent'].map((name) => [name, token(`--${name}`)]),
  );
  const family = token('--font');
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, wide, high);
  context.textBaseline = 'middle';
  const first = Math.floor(top / ROW);
  const last = Math.min(rows.length, Math.ceil((top + high - HEAD) / ROW));
  const from = Math.floor(left / column);
  const to = Math.min(venues.length, Math.ceil((left + wide - NAME) / column));
  cells(context, view, { first, last, from, to, family });
  names(context, view, { first, last, colours, family });
  heads(context, view, { from, to, colours, family });
}

function cells(context, view, { first, last, from, to, family }) {
  const { rows, venues, unit, top, left, column, dark } = view;
  const text = heatText(dark);
  context.font = `12px ${family}`;
  context.textAlign = 'right';
  for (let r = first; r < last; r += 1) {
    const y = HEAD + r * ROW - top;
    for (let c = from; c < to; c += 1) {
      const cell = rows[r].cells.get(venues[c]);
      if (!cell) continue;
      const x = Math.round(NAME + c * column - left);
      context.fillStyle = heat(cell.rate, dark);
      context.fillRect(x, y, Math.round(NAME + (c + 1) * column - left) - x - 1, ROW - 1);
      context.fillStyle = text;
      context.fillText(plain(cell.rate, unit), x + column - 9, y + ROW / 2);
    }
  }
  outline(context, view);
}

/** A cell's number: its sign is its colour's, and a minus. */
const plain = (value, unit) => rate(value, unit).replace('+', '');

function outline(context, { rows, venues, chosen, top, left, column, dark }) {
  const r = rows.findIndex((row) => row.name === chosen?.asset);
  const c = venues.indexOf(chosen?.venue);
  if (r < 0 || c < 0) return;
  context.strokeStyle = heatText(dark);
  context.lineWidth = 2;
  context.strokeRect(NAME + c * column - left + 1, HEAD + r * ROW - top + 1, column - 3, ROW - 3);
}

function names(context, { rows, chosen, top, order, unit }, { first, last, colours, family }) {
  context.fillStyle = colours.panel;
  context.fillRect(0, HEAD, NAME, 1e5);
  for (let r = first; r < last; r += 1) {
    const y = HEAD + r * ROW - top + ROW / 2;
    context.textAlign = 'left';
    context.font = `600 12px ${family}`;
    context.fillStyle = rows[r].name === chosen?.asset ? colours.accent : colours.text;
    context.fillText(rows[r].name, 10, y, NAME - 66);
    context.font = `11px ${family}`;
    context.textAlign = 'right';
    context.fillStyle = colours.dim;
    if (order === 'spread') context.fillText(rate(rows[r].spread, unit).replace('+', ''), NAME - 8, y, 50);
    else context.fillText(number(rows[r].cells.size, 0), NAME - 8, y);
  }
  context.fillStyle = colours.line;
  context.fillRect(NAME - 1, 0, 1, 1e5);
}

function heads(context, { venues, order, chosen, wide, left, column }, { from, to, colours, family }) {
  context.fillStyle = colours.raised;
  context.fillRect(0, 0, wide, HEAD);
  context.fillStyle = colours.line;
  context.fillRect(0, HEAD - 1, wide, 1);
  context.textAlign = 'right';
  for (let c = from; c < to; c += 1) {
    const x = NAME + c * column - left;
    const sorted = venues[c] === order;
    context.font = `${sorted ? 700 : 550} 12px ${family}`;
    context.fillStyle = sorted || venues[c] === chosen?.venue ? colours.text : colours.dim;
    context.fillText(`${venues[c]}${sorted ? ' ↓' : ''}`, x + column - 9, HEAD / 2, column - 14);
  }
  context.fillStyle = colours.raised;
  context.fillRect(0, 0, NAME - 1, HEAD - 1);
  context.textAlign = 'left';
  context.font = `550 12px ${family}`;
  context.fillStyle = order === 'name' ? colours.text : colours.dim;
  context.fillText('Base', 10, HEAD / 2);
  context.textAlign = 'right';
  context.font = `11px ${family}`;
  context.fillStyle = colours.dim;
  context.fillText(order === 'spread' ? 'spread' : 'venues', NAME - 8, HEAD / 2);
}
