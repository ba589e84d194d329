/** Questions to the service: its answers, and why there is none. */

const API = '/api/v1';
const SESSION = '/dashboard/session';

/** Why a question has no answer. ``kind``: offline, key, problem. */
export class Problem extends Error {
  constructor(kind, text, hint = '', status = 0) {
    super(text);
    Object.assign(this, { kind, hint, status });
  }
}

class Access {
  /** Whose session the browser has; null without one. */
  name = $state(null);
  /** Counts the times that a key was taken: what was refused before is asked again. */
  taken = $state(0);
  refused = $state('');

  /** Find out whether there is a session from before. */
  async look() {
    const told = await fetch(SESSION).then((answer) => (answer.ok ? answer.json() : {}), () => ({}));
    this.name = told.name ?? null;
  }

  /** Show the key, once: a cookie stands for it from now on, which no script can read. */
  async use(key) {
    const answer = await fetch(SESSION, { method: 'POST', headers: { Authorization: `Bearer ${key}` } });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      this.refused = told.detail ?? answer.statusText;
      return false;
    }
    this.name = told.name;
    this.refused = '';
    this.taken += 1;
    return true;
  }

  async leave() {
    await fetch(SESSION, { method: 'DELETE' });
    location.reload();
  }
}

/** The session of a public service. */
export const access = new Access();

function address(path, params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== '') query.append(name, one);
    }
  }
  const text = query.toString();
  return `${API}/${path}${text ? `?${text}` : ''}`;
}

const LONGEST_WAIT_SECONDS = 30;

/** Fetch, and once more where the key has asked too fast: a page asks several things at once. */
async function fetched(url, asked) {
  const response = await fetch(url, asked);
  const wait = Number(response.headers.get('Retry-After'));
  if (response.status !== 429 || !(wait <= LONGEST_WAIT_SECONDS)) return response;
  await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
  return fetch(url, asked);
}

async function answered(path, params, accept, signal) {
  let response;
  try {
    // The browser keeps the bytes and asks with their ETag: what is unchanged is not sent again.
    const asked = { headers: { Accept: accept }, signal, cache: 'no-cache' };
    response = await fetched(address(path, params), asked);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem('offline', 'The service does not answer.', 'Asked again by itself.');
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  if (response.status === 401) {
    access.refused = told.detail ?? 'a key is needed';
    throw new Problem('key', access.refused, told.hint, 401);
  }
  throw new Problem('problem', told.detail ?? response.statusText, told.hint, response.status);
}

export async function ask(path, params = {}, signal = undefined) {
  return (await answered(path, params, 'application/json', signal)).json();
}

export const encoded = (text) => encodeURIComponent(text).replaceAll('%2F', '/');

/** What the pages need to know beside data: codes and what they mean. */
export async function facts() {
  return (await fetch('/dashboard/facts.json')).json();
}
