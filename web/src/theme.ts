import { useSyncExternalStore } from "react";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const place = "theme";
let theme = stored();
show();
const listeners = new Set<() => void>();

/** The appearance that this browser remembers. Several parts of the page can change it. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  return [useSyncExternalStore(listen, () => theme), setTheme];
}

function setTheme(next: Theme) {
  theme = next;
  show();
  try {
    localStorage.setItem(place, next);
  } catch {
    // Storage is off or full: the theme lasts as long as the page.
  }
  for (const listener of listeners) listener();
}

function show() {
  document.documentElement.dataset.theme = theme;
}

function listen(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function stored(): Theme {
  try {
    const value = localStorage.getItem(place);
    return themes.find((known) => known === value) ?? "system";
  } catch {
    return "system";
  }
}
