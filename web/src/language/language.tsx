import { createContext, type ReactNode, use, useEffect, useLayoutEffect, useState } from "react";
import { useLocalStorage } from "../useLocalStorage";
import type { Text } from "./en";

export type Language = "en" | "ko";
export const languages: Record<Language, { ownName: string }> = {
  ko: { ownName: "한국어" },
  en: { ownName: "English" },
};

/** Each language is a file of its own: a visit needs one. */
const files: Record<Language, () => Promise<Text>> = {
  en: () => import("./en").then(({ en }) => en),
  ko: () => import("./ko").then(({ ko }) => ko),
};
const texts = new Map<Language, Text>();

async function load(language: Language): Promise<Text> {
  const text = texts.get(language) ?? (await files[language]());
  texts.set(language, text);
  return text;
}

/** Loads the reader's language; the page is rendered after it. */
export const loadLanguage = () => load(storedLanguage());

type Chosen = { language: Language; text: Text; setLanguage: (language: Language) => void };
const LanguageContext = createContext<Chosen | undefined>(undefined);

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useLocalStorage<Language>("language", read, (value) => value);
  const text = texts.get(language);
  if (!text) throw new Error(`the language ${language} is not loaded`);
  useLayoutEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const change = (next: Language) => {
    load(next).then(
      () => setLanguage(next),
      () => {
        // Offline: the page stays in the language that it has.
      },
    );
  };
  return <LanguageContext value={{ language, text, setLanguage: change }}>{children}</LanguageContext>;
}

function read(stored: string | null): Language {
  return (stored ?? navigator.language).startsWith("ko") ? "ko" : "en";
}

function storedLanguage(): Language {
  try {
    return read(localStorage.getItem("language"));
  } catch {
    return read(null);
  }
}

export function useLanguage(): Chosen {
  const chosen = use(LanguageContext);
  if (!chosen) throw new Error("useLanguage outside LanguageProvider");
  return chosen;
}

export const useText = (): Text => useLanguage().text;

/** The sentences of all languages, for what understands a word in each of them; those that are not loaded yet come later. */
export function useAllTexts(): Text[] {
  const [loaded, setLoaded] = useState(() => [...texts.values()]);
  useEffect(() => {
    const all = Object.keys(files) as Language[];
    Promise.all(all.map(load)).then(setLoaded, () => {
      // Offline: the language of the page is enough.
    });
  }, []);
  return loaded;
}
