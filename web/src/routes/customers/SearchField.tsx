import { Search, X } from "lucide-react";
import { type KeyboardEvent, type SubmitEvent, useEffect, useEffectEvent, useRef, useState } from "react";
import { useLocation } from "wouter";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { Recognised } from "../../rules/preview";
import { rules } from "../../rules/rules";
import { customerPath } from "../views";
import { focusCustomers } from "./CustomerTable";
import { useCustomersQuery, useShowCustomers } from "./query";
import styles from "./SearchField.module.css";

const debounceMs = 150;

/** Finds a customer from anywhere: says what it takes the words for, and shows the list that answers them. */
export function SearchField() {
  const text = useText();
  const [path, navigate] = useLocation();
  const { search } = useCustomersQuery();
  const show = useShowCustomers();
  const onList = path === "/" || path === "/customers";
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(search);
  const shown = useRef(search);
  const recognised = useRecognized(typed);

  // The back button, or a link, may have brought another search.
  useEffect(() => {
    if (shown.current !== search) {
      shown.current = search;
      setTyped(search);
    }
  }, [search]);

  const find = (words: string, entered: boolean) => {
    // The first letter makes a history entry, the next ones refine it.
    const replace = onList && shown.current !== "" && !entered;
    shown.current = words;
    show({ search: words, entered }, { replace });
  };
  const findLater = useEffectEvent(() => {
    if (onList && typed !== shown.current) find(typed, false);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: every letter starts the debounceMs again.
  useEffect(() => {
    const timer = setTimeout(findLater, debounceMs);
    return () => clearTimeout(timer);
  }, [typed]);

  useEffect(() => {
    const focus = (event: globalThis.KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target))
        return;
      event.preventDefault();
      field.current?.select();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);

  const enter = (event: SubmitEvent) => {
    event.preventDefault();
    if (typed.trim() === "") return;
    if (recognised?.as === "UNIFIED_ID") navigate(customerPath(recognised.value));
    else find(typed, true);
  };
  const clear = () => {
    setTyped("");
    if (onList) find("", false);
    field.current?.focus();
  };
  const leave = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "ArrowDown") {
      event.preventDefault();
      focusCustomers();
    } else if (event.key === "Escape" && typed !== "") {
      event.preventDefault();
      clear();
    }
  };
  return (
    <search>
      <form className={styles.search} onSubmit={enter}>
        <Search size={16} strokeWidth={1.75} aria-hidden />
        <input
          ref={field}
          type="text"
          className={styles.field}
          value={typed}
          placeholder={text.searchPlaceholder}
          aria-label={text.searchLabel}
          aria-describedby="recognised"
          aria-keyshortcuts="/"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          onChange={(event) => setTyped(event.target.value)}
          onKeyDown={leave}
        />
        <output id="recognised" className={styles.recognised}>
          {recognised === undefined ? text.searchRulesMissing : <RecognizedAs of={recognised} />}
        </output>
        {typed === "" ? (
          <span className={styles.key} aria-hidden="true">
            /
          </span>
        ) : (
          <button type="button" className={styles.clear} aria-label={text.searchClear} onClick={clear}>
            <X size={14} aria-hidden />
          </button>
        )}
      </form>
    </search>
  );
}

function RecognizedAs({ of: recognised }: { of: Recognised }) {
  const text = useText();
  const format = useFormat();
  switch (recognised.as) {
    case "EMPTY":
      return null;
    case "UNIFIED_ID":
      return text.searchUnifiedId;
    case "NAME":
      return text.searchName;
    case "IDENTIFIER": {
      const [first] = recognised.candidates;
      if (first && recognised.hasForm) {
        return (
          <>
            <span className={styles.kind}>{format.kind(first.kind)}</span>{" "}
            {format.identifier(first.kind, first.value)}
          </>
        );
      }
      return text.searchIdentifier(recognised.candidates.map(({ kind }) => format.kind(kind)).join(", "));
    }
  }
}

/** What the words are taken for; undefined where the module of rules is not there. */
function useRecognized(typed: string): Recognised | undefined {
  const [recognised, setRecognised] = useState<Recognised | undefined>({ as: "EMPTY" });
  useEffect(() => {
    let overtaken = false;
    const set = (value: Recognised | undefined) => {
      if (!overtaken) setRecognised(value);
    };
    if (typed.trim() === "") set({ as: "EMPTY" });
    else rules.recognizeSearch(typed).then(set, () => set(undefined));
    return () => {
      overtaken = true;
    };
  }, [typed]);
  return recognised;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=radio]), textarea")
  );
}
