import { createContext, type ReactNode, use, useLayoutEffect } from "react";
import { useLocalStorage } from "../useLocalStorage";
import { en, type Text } from "./en";
import { ko } from "./ko";

export type Language = "en" | "ko";
export const languages: Record<Language, { text: Text; ownName: string }> = {
  ko: { text: ko, ownName: "한국어" },
  en: { text: en, ownName: "English" },
};

type Chosen = { language: Language; setLanguage: (language: Language) => void };
const LanguageContext = createContext<Chosen>({ language: "en", setLanguage: () => {} });

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useLocalStorage<Language>("language", read, (value) => value);
  useLayoutEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  return <LanguageContext value={{ language, setLanguage }}>{children}</LanguageContext>;
}

function read(stored: string | null): Language {
  return (stored ?? navigator.language).startsWith("ko") ? "ko" : "en";
}

export const useLanguage = () => use(LanguageContext);
export const useText = (): Text => languages[useLanguage().language].text;
