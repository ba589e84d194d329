/** Colours of rates and of venues. Orange and blue, which colour-blind people tell apart. */

const RAMPS = {
  light: { zero: [247, 248, 250], plus: [238, 142, 72], minus: [98, 158, 232], text: '#14181f' },
  dark: { zero: [27, 32, 40], plus: [166, 76, 14], minus: [30, 93, 176], text: '#f2f5f9' },
};

/** The APR at which the colour is full. */
export const FULL_APR = 1;

const mix = (from, to, share) => from.map((part, i) => Math.round(part + (to[i] - part) * share));

/** Background of a rate per 8 hours; by the root, so that small rates differ too. */
export function heat(per8h, dark) {
  const ramp = dark ? RAMPS.dark : RAMPS.light;
  const share = Math.sqrt(Math.min(1, Math.abs(per8h * 1095) / FULL_APR));
  return `rgb(${mix(ramp.zero, per8h < 0 ? ramp.minus : ramp.plus, share).join(' ')})`;
}

export const heatText = (dark) => (dark ? RAMPS.dark : RAMPS.light).text;

const LIGHT = ['#1f5fbf', '#c2410c', '#0f7a5a', '#8b2fb0', '#9a6700', '#0b7285', '#b3265e', '#4d5b6b'];
const DARK = ['#7ab0ff', '#ff9f5a', '#4cc9a0', '#d49bf5', '#e8c15a', '#5cc8dc', '#ff8fb5', '#b6c2d0'];

/** Colour and dash of the n-th line of a chart: what shares a colour differs by its dash. */
export function line(index, dark) {
  const colours = dark ? DARK : LIGHT;
  return { stroke: colours[index % colours.length], dash: index < colours.length ? [] : [6, 4] };
}
