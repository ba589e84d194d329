/** Light or dark: as the system has it, until somebody says otherwise. */

const STORED = 'funding-theme';
const system = matchMedia('(prefers-color-scheme: dark)');

class Theme {
  chosen = $state(localStorage.getItem(STORED) ?? 'system');
  #systemDark = $state(system.matches);

  constructor() {
    system.addEventListener('change', (event) => (this.#systemDark = event.matches));
    this.apply();
  }

  get dark() {
    return this.chosen === 'system' ? this.#systemDark : this.chosen === 'dark';
  }

  toggle() {
    this.chosen = this.dark ? 'light' : 'dark';
    localStorage.setItem(STORED, this.chosen);
    this.apply();
  }

  apply() {
    if (this.chosen === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.chosen;
  }
}

export const theme = new Theme();
