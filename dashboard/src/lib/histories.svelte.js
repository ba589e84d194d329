/** The past of several instruments at once, each as it comes. */

import { access, ask, encoded } from './api.svelte.js';

class Histories {
  known = $state.raw({});
  problems = $state.raw({});
  waiting = $state(0);
}

/** Name of an instrument: venue and symbol. */
export const nameOf = (one) => `${one.venue} ${one.symbol}`;

/**
 * Ask for as long as the component lives.
 *
 * `of` returns what is wanted: `path` below `history/`, `venue`, `symbol` and `params` of each.
 */
export function histories(of) {
  const told = new Histories();
  const wanted = $derived.by(() => JSON.stringify([of(), access.taken]));
  $effect(() => {
    const cancel = new AbortController();
    const [list] = JSON.parse(wanted);
    told.known = {};
    told.problems = {};
    told.waiting = list.length;
    for (const one of list) fetchOne(told, one, cancel.signal);
    return () => cancel.abort();
  });
  return told;
}

async function fetchOne(told, one, signal) {
  const path = `history/${one.path}/${encoded(one.venue)}/${encoded(one.symbol)}`;
  try {
    const answer = await ask(path, one.params, signal);
    told.known = { ...told.known, [nameOf(one)]: answer.data };
  } catch (error) {
    if (error.name === 'AbortError') return;
    told.problems = { ...told.problems, [nameOf(one)]: error };
  }
  told.waiting -= 1;
}
