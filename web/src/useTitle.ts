import { useEffect } from "react";
import { useText } from "./language/language";

/** Sets the window's title while a view is open. */
export function useTitle(title: string) {
  const text = useText();
  useEffect(() => {
    document.title = `${title} · ${text.product}`;
    return () => {
      document.title = text.product;
    };
  }, [title, text]);
}
