import { useEffect } from "react";
import { useText } from "./language/language";

/** What the window is called while a view is open. */
export function useTitle(title: string) {
  const text = useText();
  useEffect(() => {
    document.title = `${title} · ${text.product}`;
    return () => {
      document.title = text.product;
    };
  }, [title, text]);
}
