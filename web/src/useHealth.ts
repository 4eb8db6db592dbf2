import { useEffect, useState } from "react";
import { authorization } from "./session/key";

/** The answer of /healthz. */
export type Health = {
  status: string;
  version: string;
  customers: number;
  customersToList: number;
  policyVersion: number;
  publication: Publication | null;
};
export type Publication = { version: number } & (
  | { state: "READING"; messages: number; ofMessages: number }
  | { state: "LISTING"; customers: number }
  | { state: "SWITCHING" }
  | { state: "ELSEWHERE" }
  | { state: "IN_FORCE"; seconds: number }
  | { state: "FAILED"; reason: string }
);

/** The server's health, polled while the page is visible. Undefined until it answers, null if it does not. */
export function useHealth(every: number): Health | null | undefined {
  const [health, setHealth] = useState<Health | null>();
  useEffect(() => {
    let left = false;
    const ask = async () => {
      if (document.hidden) return;
      try {
        const response = await fetch("/healthz", { headers: authorization() });
        const answer: Health = await response.json();
        // Without a key the answer has the status only.
        if (!left && "customers" in answer) setHealth(answer);
      } catch {
        if (!left) setHealth(null);
      }
    };
    ask();
    const timer = setInterval(ask, every);
    return () => {
      left = true;
      clearInterval(timer);
    };
  }, [every]);
  return health;
}
