import { Check, Copy as CopyIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { useText } from "../language/language";
import styles from "./Copy.module.css";

type Props = { value: string; label: string };

export function Copy({ value, label }: Props) {
  const text = useText();
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");

  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), 2000);
    return () => clearTimeout(timer);
  }, [state]);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      setState("copied");
    } catch {
      setState("failed");
    }
  };
  return (
    <span className={styles.copy}>
      <button type="button" className={styles.button} aria-label={label} onClick={copy}>
        {state === "copied" ? <Check size={14} aria-hidden /> : <CopyIcon size={14} aria-hidden />}
      </button>
      <span role="status" className={state === "failed" ? "small soft" : "hidden"}>
        {state === "copied" && text.copied}
        {state === "failed" && text.copyFailed}
      </span>
    </span>
  );
}
