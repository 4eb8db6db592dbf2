import { useState } from "react";

/** State in this browser's local storage; without storage it lasts as long as the page. */
export function useLocalStorage<T>(
  key: string,
  read: (stored: string | null) => T,
  write: (value: T) => string,
): [T, (value: T) => void] {
  const [value, setValue] = useState(() => read(stored(key)));
  const remember = (next: T) => {
    setValue(next);
    try {
      localStorage.setItem(key, write(next));
    } catch {
      // Storage is off or full: the value lasts as long as the page.
    }
  };
  return [value, remember];
}

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
