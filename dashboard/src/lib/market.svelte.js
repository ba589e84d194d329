/** The market as it stands: kept up to date by the stream, or by asking where there is none. */

import { ask, Problem } from './api.svelte.js';
import { seconds } from './format.js';

const ASKED_EVERY_MS = 5_000;
const PULSE_MS = 3_000;
const QUIET_MS = 40_000; // the stream's heartbeat comes every 15 s
const OLDEST_LIVE_SECONDS = 20;
const OLDEST_STORED_SECONDS = 2 * 3600;

const keyOf = (row) => `${row.venue}\0${row.venue_symbol}`;

class Market {
  rates = new Map();
  version = $state(0); // of the rates
  pulse = $state(0); // grows, some seconds apart, when other answers may have changed as well
  link = $state('connecting'); // stream, asking, offline
  source = $state('');
  asOf = $state(null);
  problem = $state.raw(null);
  now = $state(Date.now() / 1000);
  known = $state(false); // something was answered

  #stoodAt = $derived(
    this.source === 'lake' && this.asOf !== null && Date.now() / 1000 - this.asOf > OLDEST_STORED_SECONDS
      ? new Date(1000 * this.asOf).toISOString()
      : null,
  );
  #stream = null;
  #heard = Date.now();
  #pulsed = 0;
  #asking = false;

  start() {
    setInterval(() => (this.now = Date.now() / 1000), 1000);
    setInterval(() => this.#look(), ASKED_EVERY_MS);
    addEventListener('online', () => this.#open());
    addEventListener('offline', () => this.#lost());
    document.addEventListener('visibilitychange', () => document.hidden || this.#look());
    this.#open();
  }

  get age() {
    return this.asOf === null ? null : Math.max(0, this.now - this.asOf);
  }

  /** A window for questions about the past: a lake that stands still is asked up to where it stands. */
  windowOf(period) {
    return this.#stoodAt ? { period, end: this.#stoodAt } : { period };
  }

  /** Why what is shown should not be trusted; empty where it may be. */
  get doubt() {
    if (this.link === 'offline') return 'The service does not answer; this is what it said last.';
    if (!this.known || this.asOf === null) return '';
    if (this.source === 'live' && this.age > OLDEST_LIVE_SECONDS) {
      return 'The live collector has handed out nothing new.';
    }
    if (this.source === 'lake' && this.age > OLDEST_STORED_SECONDS) {
      return 'No live collector runs, and the hourly collection has stored nothing new.';
    }
    return '';
  }

  #open() {
    this.#stream?.close();
    this.#stream = null;
    const stream = new EventSource('/api/v1/stream?channels=funding_rates&channels=events');
    this.#stream = stream;
    this.#heard = Date.now();
    const hear = (kind, act) =>
      stream.addEventListener(kind, (event) => {
        this.#heard = Date.now();
        this.link = 'stream';
        act?.(JSON.parse(event.data));
      });
    hear('snapshot', (told) => told.channel === 'funding_rates' && this.#replace(told));
    hear('changes', (told) => (told.channel === 'funding_rates' ? this.#patch(told) : this.#beat()));
    hear('heartbeat');
    hear('subscribed');
    stream.onerror = () => stream === this.#stream && this.#ask();
  }

  /** See that something keeps us up to date. */
  #look() {
    const stream = this.#stream;
    const quiet = Date.now() - this.#heard > QUIET_MS;
    if (stream?.readyState === EventSource.OPEN && !quiet) return;
    if (!document.hidden) this.#ask();
    if (!stream || stream.readyState === EventSource.CLOSED || quiet) {
      if (this.link !== 'offline') this.#open();
    }
  }

  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const told = await ask('funding-rates');
      if (this.#stream?.readyState !== EventSource.OPEN) {
        const back = this.link === 'offline';
        this.link = 'asking';
        if (back) this.#open();
      }
      this.#replace(told);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.kind === 'offline') this.#lost();
      else this.link = 'asking';
      this.problem = error;
    } finally {
      this.#asking = false;
    }
  }

  #lost() {
    this.link = 'offline';
  }

  #replace(told) {
    this.rates = new Map(told.data.map((row) => [keyOf(row), row]));
    this.problem = null;
    this.#note(told);
    // A stream over a lake without marts has no rows and says nothing; an answer says why.
    if (this.rates.size === 0 && this.link === 'stream') this.#ask();
  }

  #patch(told) {
    for (const row of told.data) this.rates.set(keyOf(row), row);
    for (const key of told.removed) this.rates.delete(key.join('\0'));
    this.#note(told);
  }

  #note(told) {
    this.source = told.source;
    this.asOf = seconds(told.as_of);
    this.known = true;
    this.version += 1;
    this.#beat();
  }

  #beat() {
    if (Date.now() - this.#pulsed < PULSE_MS) return;
    this.#pulsed = Date.now();
    this.pulse += 1;
  }

  /** Begin anew, with another key. */
  restart() {
    this.#open();
  }
}

export const market = new Market();
