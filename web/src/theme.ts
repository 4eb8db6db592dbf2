import { useLayoutEffect } from "react";
import { useLocalStorage } from "./useLocalStorage";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useLocalStorage<Theme>(
    "theme",
    (stored) => themes.find((known) => known === stored) ?? "system",
    (value) => value,
  );
  useLayoutEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  return [theme, setTheme];
}
