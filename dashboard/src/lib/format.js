/** Numbers as text. What is unknown is a dash, never a zero. */

export const UNKNOWN = '–';

/** How a rate is told: factor from a rate per 8 hours, unit, decimals of a per cent. */
export const RATE_UNITS = {
  '1h': { factor: 1 / 8, unit: '% per 1 h', digits: 4 },
  '8h': { factor: 1, unit: '% per 8 h', digits: 4 },
  apr: { factor: 1095, unit: '% APR', digits: 2 },
};

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

const signed = (text, value) => (value > 0 ? `+${text}` : text.replace('-', '−'));

export function number(value, digits = 2) {
  if (!known(value)) return UNKNOWN;
  return value
    .toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    .replace('-', '−');
}

/** A fraction as per cent, with its sign. */
export function percent(fraction, digits = 2) {
  if (!known(fraction)) return UNKNOWN;
  const value = 100 * fraction;
  const wide = Math.abs(value) >= 10_000 ? 0 : Math.abs(value) >= 1_000 ? Math.min(digits, 1) : digits;
  return signed(value.toFixed(wide), Number(value.toFixed(wide)));
}

/** A rate per 8 hours in one of ``RATE_UNITS``. */
export function rate(per8h, unit) {
  const { factor, digits } = RATE_UNITS[unit];
  return percent(known(per8h) ? per8h * factor : null, digits);
}

/** A rate that was brought to a unit already, as charts hold it: their axes then have round steps. */
export const inUnit = (unit) => (value) => percent(value, RATE_UNITS[unit].digits);

export function bps(value, digits = 1) {
  return number(value, digits);
}

export function usd(value) {
  if (!known(value)) return UNKNOWN;
  const size = Math.abs(value);
  for (const [limit, letter] of [[1e9, 'B'], [1e6, 'M'], [1e3, 'k']]) {
    if (size >= limit) {
      const part = value / limit;
      return `${number(part, Math.abs(part) >= 100 ? 0 : 1)}${letter}`;
    }
  }
  return number(value, 0);
}

/** An amount that somebody chose: without decimals that say nothing. */
export const size = (value) => usd(value).replace(/\.0(?=[A-Za-z]?$)/, '');

export function price(value) {
  if (!known(value)) return UNKNOWN;
  const size = Math.abs(value);
  if (size === 0 || size >= 1000) return number(value, 2);
  return value.toPrecision(6);
}

/** A length of time in its largest fitting unit. */
export function span(seconds) {
  if (!known(seconds)) return UNKNOWN;
  const size = Math.max(0, seconds);
  if (size < 90) return `${Math.round(size)} s`;
  if (size < 90 * 60) return `${Math.round(size / 60)} min`;
  if (size < 48 * 3600) return `${(size / 3600).toFixed(1)} h`;
  return `${(size / 86_400).toFixed(1)} d`;
}

export function hours(value) {
  if (!known(value) || value < 1 || value >= 48) return span(known(value) ? value * 3600 : null);
  return `${Number.isInteger(value) ? value : value.toFixed(1)} h`;
}

/** A countdown, hh:mm:ss. */
export function countdown(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [whole / 3600, (whole % 3600) / 60, whole % 60];
  return parts.map((part) => String(Math.floor(part)).padStart(2, '0')).join(':');
}

/** How long until an instant; one that has passed says so. */
export function until(text, now) {
  if (!text) return UNKNOWN;
  const left = seconds(text) - now;
  return left > 0 ? span(left) : 'past';
}

/** An instant as the desk writes it: UTC. */
export function instant(text) {
  return text ? `${text.slice(0, 10)} ${text.slice(11, 16)}` : UNKNOWN;
}

export const seconds = (text) => (text ? Date.parse(text) / 1000 : null);

/** Tone of a signed number, for its colour; its sign is written too. */
export const tone = (value) => (!known(value) || value === 0 ? '' : value > 0 ? 'gain' : 'loss');
