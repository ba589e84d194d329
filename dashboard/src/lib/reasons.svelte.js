/** What stands against a pair: codes and their meanings, as the service declares them. */

import { facts } from './api.svelte.js';

class Reasons {
  known = $state.raw({});

  async load() {
    if (Object.keys(this.known).length) return;
    this.known = (await facts()).reasons;
  }

  meaning(code) {
    return this.known[code]?.meaning ?? code;
  }

  rejects(code) {
    return this.known[code]?.rejects ?? false;
  }

  words = (code) => code.replaceAll('_', ' ');
}

export const reasons = new Reasons();
