import {
  ArrowRight,
  Braces,
  Keyboard,
  Languages,
  LogOut,
  type LucideIcon,
  Search,
  SunMoon,
} from "lucide-react";
import { type KeyboardEvent, useLayoutEffect, useRef, useState } from "react";
import { useQuery } from "urql";
import { useLocation } from "wouter";
import { type CustomerContactFragment, RecentCustomersDocument } from "../graphql/generated/graphql";
import type { Text } from "../language/en";
import { type Language, languages, useAllTexts, useLanguage, useText } from "../language/language";
import { customerPath, views } from "../routes/views";
import { signOut, useSession } from "../session/key";
import { useMay } from "../session/useMay";
import { themes, useTheme } from "../theme";
import { CustomerOption } from "./CustomerOption";
import { Listbox } from "./Listbox";
import { useRecentCustomers } from "./recentCustomers";
import styles from "./Search.module.css";
import { type Option, useCombobox } from "./useCombobox";
import { useCustomerOptions } from "./useCustomerOptions";
import { useEntered, useSuggestions } from "./useSuggestions";
import { viewKeys } from "./viewKeys";

type Props = { onClose: () => void; onShortcuts: () => void };
type Command = {
  key: string;
  group: (text: Text) => string;
  label: (text: Text) => string;
  icon: LucideIcon;
  keys?: string[];
  run: () => void;
};

/** Customers and commands by their names: recent customers, the views, appearance, language, and the search. */
export default function CommandPalette({ onClose, onShortcuts }: Props) {
  const text = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState("");
  const { suggestions, current, failed } = useSuggestions(typed);
  const found = useCustomerOptions(typed, suggestions, onClose);
  const recent = useRecentOptions(onClose);
  const texts = useAllTexts();
  const commands = useCommands(onClose, onShortcuts).filter(({ label }) =>
    texts.some((each) => isNamed(label(each), typed)),
  );
  // Before it is removed, so that the focus returns to where it was.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);

  const asOptions = commands.map(
    ({ key, group, label, icon: Icon, keys = [], run }): Option => ({
      key,
      group: group(text),
      content: (
        <>
          <span className={styles.icon}>
            <Icon size={16} strokeWidth={1.75} aria-hidden />
          </span>
          <span className={styles.who}>{label(text)}</span>
          {keys.map((each) => (
            <kbd key={each} className={styles.keys}>
              {each}
            </kbd>
          ))}
        </>
      ),
      onPick: run,
    }),
  );
  const isEmpty = typed.trim() === "";
  const options = isEmpty
    ? [...recent, ...asOptions]
    : [...asOptions, ...found.map((option) => ({ ...option, group: text.commands.customers }))];
  const combobox = useCombobox(options, true);
  const enter = useEntered(typed, isEmpty || current || asOptions.length > 0, () => options[0]?.onPick());
  const press = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || combobox.move(event)) return;
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) options.find(({ key }) => key === "all")?.onPick();
    else if (combobox.active) combobox.active.onPick();
    else enter();
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it, too.
    <dialog
      ref={dialog}
      className={styles.palette}
      aria-label={text.commands.title}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div className={styles.paletteHead}>
        <Search size={18} strokeWidth={1.75} aria-hidden />
        <input
          type="text"
          className={styles.paletteField}
          value={typed}
          placeholder={text.commands.placeholder}
          aria-label={text.commands.placeholder}
          {...combobox.fieldProps}
          onChange={(event) => {
            setTyped(event.target.value);
            combobox.setActiveKey(undefined);
          }}
          onKeyDown={press}
        />
        <kbd className={styles.keys}>Esc</kbd>
      </div>
      <Listbox label={text.commands.options} combobox={combobox} options={options} />
      {failed && <p className={styles.note}>{text.search.failed}</p>}
      {current && !failed && options.length === 0 && <p className={styles.note}>{text.commands.none}</p>}
    </dialog>
  );
}

/** Whether a text is a part of a name. Names of all languages count: a Korean reader may type `dark`. */
const isNamed = (name: string, typed: string) => name.toLowerCase().includes(typed.trim().toLowerCase());

const isCustomer = (node: object | null) => node !== null && "unifiedId" in node;

function useRecentOptions(onClose: () => void): Option[] {
  const text = useText();
  const [path, navigate] = useLocation();
  const recent = useRecentCustomers();
  const [{ data }] = useQuery({
    query: RecentCustomersDocument,
    variables: { ids: recent.map(({ id }) => id) },
    pause: recent.length === 0,
  });
  const customers = (data?.nodes ?? []).filter((node): node is CustomerContactFragment => isCustomer(node));
  // Two of them may be one customer now.
  const distinct = [...new Map(customers.map((customer) => [customer.unifiedId, customer])).values()];
  return distinct
    .filter(({ unifiedId }) => path !== customerPath(unifiedId))
    .slice(0, 5)
    .map((customer) => ({
      key: customer.unifiedId,
      group: text.commands.recent,
      content: <CustomerOption customer={customer} />,
      onPick: () => {
        onClose();
        navigate(customerPath(customer.unifiedId));
      },
    }));
}

function useCommands(onClose: () => void, onShortcuts: () => void): Command[] {
  const [, navigate] = useLocation();
  const [theme, setTheme] = useTheme();
  const { language, setLanguage } = useLanguage();
  const { key: signedIn } = useSession();
  const may = useMay();
  const goTo = (text: Text) => text.commands.goTo;
  const actions = (text: Text) => text.commands.actions;
  const closing = (run: () => void) => () => {
    onClose();
    run();
  };
  const keysOf = (path: string) => {
    const key = Object.keys(viewKeys).find((each) => viewKeys[each] === path);
    return key ? ["G", key.toUpperCase()] : [];
  };
  const themeNames = {
    system: (text: Text) => text.commands.themeSystem,
    light: (text: Text) => text.commands.themeLight,
    dark: (text: Text) => text.commands.themeDark,
  };
  const offered = views.filter(({ needs }) => !needs || may[needs]);
  const commands: Command[] = offered.map(({ path, label }) => ({
    key: path.slice(1),
    group: goTo,
    label,
    icon: ArrowRight,
    keys: keysOf(path),
    run: closing(() => navigate(path)),
  }));
  for (const other of themes.filter((each) => each !== theme)) {
    const run = closing(() => setTheme(other));
    commands.push({ key: other, group: actions, label: themeNames[other], icon: SunMoon, run });
  }
  for (const other of Object.keys(languages) as Language[]) {
    if (other === language) continue;
    const label = (text: Text) => text.commands.language(languages[other].ownName);
    const run = closing(() => setLanguage(other));
    commands.push({ key: other, group: actions, label, icon: Languages, run });
  }
  commands.push(
    {
      key: "api",
      group: actions,
      label: (text) => text.menu.api,
      icon: Braces,
      run: closing(() => location.assign("/graphiql")),
    },
    {
      key: "shortcuts",
      group: actions,
      label: (text) => text.commands.shortcuts,
      icon: Keyboard,
      keys: ["?"],
      run: onShortcuts,
    },
  );
  if (signedIn !== null) {
    commands.push({
      key: "sign-out",
      group: actions,
      label: (text) => text.session.signOut,
      icon: LogOut,
      run: closing(signOut),
    });
  }
  return commands;
}
