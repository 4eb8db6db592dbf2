import { useEffect, useEffectEvent, useState } from "react";
import { useClient } from "urql";
import { SuggestCustomersDocument, type SuggestCustomersQuery } from "../graphql/generated/graphql";
import { useViewer } from "../session/useViewer";
import { useDebounced } from "../useDebounced";

export type Suggestions = SuggestCustomersQuery["suggestCustomers"];
export type CustomerSuggestion = Suggestions["customers"][number];
export type FilterSuggestion = Suggestions["filters"][number];

const debounceMs = 150;
/** Keys that see masked data find whole values only, and each look-up counts against their limit. */
const maskedDebounceMs = 600;
const first = 7;

/** The first customers that a text finds. Those of the text before stay until the answer is there. */
export function useSuggestions(typed: string) {
  const client = useClient();
  const masked = useViewer()?.seesPersonalData === false;
  const text = typed.trim();
  const search = useDebounced(text, masked ? maskedDebounceMs : debounceMs);
  const [answer, setAnswer] = useState<{ search: string; suggestions: Suggestions | undefined }>();
  useEffect(() => {
    if (search === "") return;
    let overtaken = false;
    const request = client.query(
      SuggestCustomersDocument,
      { search, first },
      { requestPolicy: "network-only" },
    );
    request.toPromise().then(({ data }) => {
      if (!overtaken) setAnswer({ search, suggestions: data?.suggestCustomers });
    });
    return () => {
      overtaken = true;
    };
  }, [client, search]);

  const current = text !== "" && answer?.search === text;
  return {
    suggestions: text === "" ? undefined : answer?.suggestions,
    /** Whether they are those of the text as it is now. */
    current,
    failed: current && answer.suggestions === undefined,
    /** Whether the viewer's role finds whole values only. */
    masked,
  };
}

/** Runs `run` once the suggestions are those of the text: who types fast presses Enter before they arrive. */
export function useEntered(typed: string, current: boolean, run: () => void): () => void {
  const [entered, setEntered] = useState<string>();
  if (entered !== undefined && entered !== typed) setEntered(undefined);
  const runNow = useEffectEvent(run);
  useEffect(() => {
    if (entered === undefined || !current) return;
    setEntered(undefined);
    runNow();
  }, [entered, current]);
  return () => setEntered(typed);
}
