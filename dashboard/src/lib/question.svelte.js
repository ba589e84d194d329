/** A question that a page asks: again when it changes, and when the market may have moved. */

import { untrack } from 'svelte';
import { access, ask } from './api.svelte.js';
import { market } from './market.svelte.js';

const SETTLE_MS = 120; // a slider that is being moved asks once

class Question {
  data = $state.raw(null);
  problem = $state.raw(null);
  asking = $state(false);
  #wanted = '';
  #cancel = null;

  async ask(path, params) {
    const wanted = JSON.stringify([path, params]);
    if (wanted !== this.#wanted) this.problem = null;
    this.#wanted = wanted;
    this.#cancel?.abort();
    const cancel = new AbortController();
    this.#cancel = cancel;
    this.asking = true;
    try {
      this.data = await ask(path, params, cancel.signal);
      this.problem = null;
    } catch (error) {
      if (error.name === 'AbortError') return;
      this.problem = error;
      if (error.kind === 'problem') this.data = null;
    } finally {
      if (cancel === this.#cancel) this.asking = false;
    }
  }

  stop() {
    this.#cancel?.abort();
    this.asking = false;
  }
}

/**
 * Ask for as long as the component lives.
 *
 * @param of Returns the path and the parameters, or null where there is nothing to ask.
 * @param live Whether the answer moves with the market.
 */
export function question(of, { live = false } = {}) {
  const asked = new Question();
  const wanted = $derived.by(() => JSON.stringify([of(), access.taken]));
  $effect(() => {
    const [what] = JSON.parse(wanted);
    if (!what) return undefined;
    const timer = setTimeout(() => asked.ask(...what), untrack(() => asked.data) ? SETTLE_MS : 0);
    return () => clearTimeout(timer);
  });
  $effect(() => {
    const offline = market.link === 'offline';
    if (live) market.pulse;
    untrack(() => {
      const what = of();
      // One that is under way is let finish: else a slow answer would never come.
      const renew = live || asked.problem?.kind === 'offline';
      if (what && renew && !offline && !asked.asking && (asked.data || asked.problem)) {
        asked.ask(...what);
      }
    });
  });
  $effect(() => () => asked.stop());
  return asked;
}
