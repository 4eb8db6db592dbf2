import { Search, X } from "lucide-react";
import { type KeyboardEvent, type SubmitEvent, useEffect, useEffectEvent, useRef, useState } from "react";
import { useLocation } from "wouter";
import { useText } from "../../language/language";
import { Matched } from "../../search/CustomerOption";
import { isTyping, pressed } from "../../search/keys";
import { Listbox } from "../../search/Listbox";
import search from "../../search/Search.module.css";
import { useCombobox } from "../../search/useCombobox";
import { useCustomerOptions } from "../../search/useCustomerOptions";
import { useEntered, useSuggestions } from "../../search/useSuggestions";
import { focusCustomers } from "./CustomerTable";
import { useCustomersQuery, useShowCustomers } from "./query";
import styles from "./SearchField.module.css";

const debounceMs = 150;

/** Finds a customer from any view. On the list, the list shows what is found, too. */
export function SearchField() {
  const text = useText();
  const [path] = useLocation();
  const query = useCustomersQuery();
  const show = useShowCustomers();
  const onList = path === "/" || path === "/customers";
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(query.search);
  /** Whether the reader has typed it: a text that the back button brings opens nothing. */
  const [own, setOwn] = useState(false);
  const [opened, setOpened] = useState(false);
  const shown = useRef(query.search);
  const { suggestions, current, failed, masked } = useSuggestions(own ? typed : "");

  // The back button or a link may have changed the search.
  useEffect(() => {
    if (shown.current !== query.search) {
      shown.current = query.search;
      setTyped(query.search);
      setOwn(false);
      setOpened(false);
    }
  }, [query.search]);

  const find = (words: string, entered: boolean) => {
    // The first letter adds a history entry, the next ones replace it.
    const replace = onList && shown.current !== "" && !entered;
    shown.current = words;
    show({ search: words, entered }, { replace });
  };
  const findLater = useEffectEvent(() => {
    if (onList && typed !== shown.current) find(typed, false);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: every letter restarts the timer.
  useEffect(() => {
    const timer = setTimeout(findLater, debounceMs);
    return () => clearTimeout(timer);
  }, [typed]);

  const leave = (words: string) => {
    // The text stays with the list; a card has none.
    shown.current = words;
    setTyped(words);
    setOwn(false);
    setOpened(false);
  };
  const options = useCustomerOptions(typed, suggestions, leave);
  const open = opened && typed.trim() !== "" && (suggestions !== undefined || failed);
  const combobox = useCombobox(options, open);
  const enter = useEntered(typed, current, () => {
    const best = options.find(({ key }) => key !== "all");
    if (best) best.onPick();
    else {
      setOpened(false);
      find(typed, failed);
    }
  });

  useEffect(() => {
    const focus = (event: globalThis.KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (pressed(event) !== "/" || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      field.current?.select();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (typed.trim() === "") return;
    if (combobox.active) return combobox.active.onPick();
    setOwn(true);
    enter();
  };
  const clear = () => {
    setTyped("");
    setOpened(false);
    if (onList) find("", false);
    field.current?.focus();
  };
  const press = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || combobox.move(event)) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (typed.trim() === "") return;
      setOpened(false);
      find(typed, false);
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      if (onList) focusCustomers();
      else if (typed.trim() !== "") {
        setOwn(true);
        setOpened(true);
      }
    } else if (event.key === "Escape" && (open || typed !== "")) {
      event.preventDefault();
      if (open) setOpened(false);
      else clear();
    }
  };
  const none = open && current && !failed && options.length === 0;
  return (
    <search
      className={styles.place}
      onBlur={({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget)) setOpened(false);
      }}
    >
      <form className={styles.search} onSubmit={submit}>
        <Search size={16} strokeWidth={1.75} aria-hidden />
        <input
          ref={field}
          type="text"
          className={styles.field}
          value={typed}
          placeholder={text.searchPlaceholder}
          aria-label={text.searchLabel}
          aria-describedby="recognized"
          aria-keyshortcuts="/"
          enterKeyHint="search"
          {...combobox.fieldProps}
          onChange={(event) => {
            setTyped(event.target.value);
            setOwn(true);
            setOpened(true);
            combobox.setActiveKey(undefined);
          }}
          onKeyDown={press}
        />
        <output id="recognized" className={styles.recognized}>
          {typed.trim() !== "" && <Matched customers={suggestions?.customers ?? []} />}
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
      {open && (
        <div className={search.popup}>
          <Listbox label={text.search.results} combobox={combobox} options={options} />
          {failed && <p className={search.note}>{text.search.failed}</p>}
          {none && (
            <p className={search.note}>
              {text.noneFound}
              {masked && `. ${text.search.masked}`}
            </p>
          )}
        </div>
      )}
    </search>
  );
}
