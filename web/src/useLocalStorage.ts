import { useState } from "react";

/** A choice that this browser remembers; where it may not, the choice lasts as long as the page. */
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
      // Storage is switched off or full: the choice still holds for this visit.
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
