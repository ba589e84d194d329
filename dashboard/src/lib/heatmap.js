/** Drawing the heat map: the visible cells only, in one pass per colour layer. */

import { heat, heatText } from './colour.js';
import { number, rate } from './format.js';

/** Lengths, in proportion to the text of the page. */
export function lengths() {
  const text = parseFloat(getComputedStyle(document.documentElement).fontSize) / 13;
  const scaled = { row: 22, head: 30, name: 128, narrowest: 74, edge: 9, font: 12, small: 11 };
  return Object.fromEntries(Object.entries(scaled).map(([name, size]) => [name, Math.round(size * text)]));
}

/** Width of a venue's column: all of the room is used. A fraction: edges are rounded where drawn. */
export function widthOf(wide, venues, size) {
  return Math.max(size.narrowest, (wide - size.name) / Math.max(1, venues));
}

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * Draw what is visible.
 *
 * `view` has rows, venues, unit, order, wide, high, top, left (scrolled), column (its width), size (lengths),
 * chosen, dark.
 */
export function draw(context, view) {
  const { rows, venues, wide, high, top, left, column, size } = view;
  const colours = Object.fromEntries(
    ['panel', 'raised', 'line', 'text', 'dim', 'accent'].map((name) => [name, token(`--${name}`)]),
  );
  const family = token('--font');
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, wide, high);
  context.textBaseline = 'middle';
  const first = Math.floor(top / size.row);
  const last = Math.min(rows.length, Math.ceil((top + high - size.head) / size.row));
  const from = Math.floor(left / column);
  const to = Math.min(venues.length, Math.ceil((left + wide - size.name) / column));
  cells(context, view, { first, last, from, to, family });
  names(context, view, { first, last, colours, family });
  heads(context, view, { from, to, colours, family });
}

function cells(context, view, { first, last, from, to, family }) {
  const { rows, venues, unit, top, left, column, dark, size } = view;
  const text = heatText(dark);
  context.font = `${size.font}px ${family}`;
  context.textAlign = 'right';
  for (let r = first; r < last; r += 1) {
    const y = size.head + r * size.row - top;
    for (let c = from; c < to; c += 1) {
      const cell = rows[r].cells.get(venues[c]);
      if (!cell) continue;
      const x = Math.round(size.name + c * column - left);
      context.fillStyle = heat(cell.rate, dark);
      context.fillRect(x, y, Math.round(size.name + (c + 1) * column - left) - x - 1, size.row - 1);
      context.fillStyle = text;
      context.fillText(plain(cell.rate, unit), x + column - size.edge, y + size.row / 2);
    }
  }
  outline(context, view);
}

/** A cell's number: its sign is its colour's, and a minus. */
const plain = (value, unit) => rate(value, unit).replace('+', '');

function outline(context, { rows, venues, chosen, top, left, column, dark, size }) {
  const r = rows.findIndex((row) => row.name === chosen?.asset);
  const c = venues.indexOf(chosen?.venue);
  if (r < 0 || c < 0) return;
  context.strokeStyle = heatText(dark);
  context.lineWidth = 2;
  context.strokeRect(size.name + c * column - left + 1, size.head + r * size.row - top + 1, column - 3, size.row - 3);
}

function names(context, { rows, chosen, top, order, unit, size }, { first, last, colours, family }) {
  context.fillStyle = colours.panel;
  context.fillRect(0, size.head, size.name, 1e5);
  for (let r = first; r < last; r += 1) {
    const y = size.head + r * size.row - top + size.row / 2;
    context.textAlign = 'left';
    context.font = `600 ${size.font}px ${family}`;
    context.fillStyle = rows[r].name === chosen?.asset ? colours.accent : colours.text;
    context.fillText(rows[r].name, size.edge, y, size.name - 3 * size.row);
    context.font = `${size.small}px ${family}`;
    context.textAlign = 'right';
    context.fillStyle = colours.dim;
    if (order === 'spread') context.fillText(rate(rows[r].spread, unit).replace('+', ''), size.name - 8, y, 50);
    else context.fillText(number(rows[r].cells.size, 0), size.name - 8, y);
  }
  context.fillStyle = colours.line;
  context.fillRect(size.name - 1, 0, 1, 1e5);
}

function heads(context, { venues, order, chosen, wide, left, column, size }, { from, to, colours, family }) {
  context.fillStyle = colours.raised;
  context.fillRect(0, 0, wide, size.head);
  context.fillStyle = colours.line;
  context.fillRect(0, size.head - 1, wide, 1);
  context.textAlign = 'right';
  for (let c = from; c < to; c += 1) {
    const x = size.name + c * column - left;
    const sorted = venues[c] === order;
    context.font = `${sorted ? 700 : 550} ${size.font}px ${family}`;
    context.fillStyle = sorted || venues[c] === chosen?.venue ? colours.text : colours.dim;
    context.fillText(`${venues[c]}${sorted ? ' ↓' : ''}`, x + column - size.edge, size.head / 2, column - 1.5 * size.edge);
  }
  context.fillStyle = colours.raised;
  context.fillRect(0, 0, size.name - 1, size.head - 1);
  context.textAlign = 'left';
  context.font = `550 ${size.font}px ${family}`;
  context.fillStyle = order === 'name' ? colours.text : colours.dim;
  context.fillText('Base', size.edge, size.head / 2);
  context.textAlign = 'right';
  context.font = `${size.small}px ${family}`;
  context.fillStyle = colours.dim;
  context.fillText(order === 'spread' ? 'spread' : 'venues', size.name - 8, size.head / 2);
}
