/** Questions to the service: its answers, and why there is none. */

const API = '/api/v1';
const KEY = 'funding-key';

/** Why a question has no answer. ``kind``: offline, key, problem. */
export class Problem extends Error {
  constructor(kind, text, hint = '', status = 0) {
    super(text);
    Object.assign(this, { kind, hint, status });
  }
}

class Access {
  key = $state(sessionStorage.getItem(KEY) ?? '');
  refused = $state('');

  use(key) {
    sessionStorage.setItem(KEY, key);
    this.key = key;
    this.refused = '';
  }
}

/** The key of a public service. It is kept for this tab alone. */
export const access = new Access();

function headers(accept) {
  return access.key ? { Accept: accept, Authorization: `Bearer ${access.key}` } : { Accept: accept };
}

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
    const asked = { headers: headers(accept), signal, cache: 'no-cache' };
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

export async function askBlob(path) {
  return (await answered(path, {}, '*/*')).blob();
}

export const encoded = (text) => encodeURIComponent(text).replaceAll('%2F', '/');

/** What the pages need to know beside data: codes and what they mean. */
export async function facts() {
  return (await fetch('/dashboard/facts.json')).json();
}
