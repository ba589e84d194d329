/** Where we are. A view's whole state stands in the address, so that a link shows the same. */

export const PAGES = [
  { path: '/', title: 'Heat map' },
  { path: '/opportunities', title: 'Opportunities' },
  { path: '/curves', title: 'Curves' },
  { path: '/history', title: 'History' },
  { path: '/venues', title: 'Clock & venues' },
  { path: '/backtests', title: 'Backtests' },
  { path: '/trading', title: 'Trading' },
  { path: '/alerts', title: 'Alerts' },
];

class Route {
  path = $state(location.pathname);
  query = $state.raw(new URLSearchParams(location.search));

  get(name, otherwise = '') {
    return this.query.get(name) ?? otherwise;
  }

  list(name) {
    return this.query.getAll(name);
  }

  /** Change parameters in place; one that is empty or null is left out. */
  set(changes) {
    const query = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries(changes)) {
      query.delete(name);
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== null && one !== undefined && one !== '') query.append(name, one);
      }
    }
    this.query = query;
    const text = query.toString();
    history.replaceState(null, '', text ? `${this.path}?${text}` : this.path);
  }

  go(href) {
    history.pushState(null, '', href);
    this.read();
    scrollTo(0, 0);
  }

  read() {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }
}

export const route = new Route();

addEventListener('popstate', () => route.read());

const OWN = new Set([...PAGES.map((page) => page.path), '/pair']);

/** Follow links between pages without loading anything anew. */
export function followLinks(event) {
  const link = event.target.closest?.('a[href]');
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
  if (!link || !plain || link.target || link.origin !== location.origin) return;
  if (!OWN.has(link.pathname)) return;
  event.preventDefault();
  route.go(link.pathname + link.search);
}

/** The address of a page with parameters. */
export function href(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== '') query.append(name, value);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}
