import { Braces, LogOut, Settings2 } from "lucide-react";
import { useId, useState } from "react";
import { Segmented } from "../components/Segmented";
import { type Language, languages, useLanguage, useText } from "../language/language";
import { themes, useTheme } from "../theme";
import { signOut, useSession } from "./key";
import styles from "./UserMenu.module.css";
import { useViewer, type Viewer } from "./useViewer";

/** Who is signed in, and what this browser remembers: appearance and language. A server without keys has no one to sign out. */
export function UserMenu() {
  const text = useText();
  const id = useId();
  const [open, setOpen] = useState(false);
  const { key } = useSession();
  const viewer = useViewer();
  const account = key === null ? undefined : viewer;
  const role = account && text.roles.names[account.role];
  return (
    <div className={styles.menu}>
      <button
        type="button"
        className={styles.button}
        popoverTarget={id}
        aria-expanded={open}
        aria-label={account ? undefined : text.menu.label}
        title={account && role ? `${account.name} · ${role}` : text.menu.label}
      >
        {account ? (
          <>
            <span className="hidden">{text.menu.account(account.name, role ?? "")}</span>
            <span className={styles.initials} aria-hidden="true">
              {initials(account.name)}
            </span>
            <span className={styles.who} aria-hidden="true">
              <span className={styles.name}>{account.name}</span>
              <span className="soft small">{role}</span>
            </span>
          </>
        ) : (
          <Settings2 size={18} strokeWidth={1.75} aria-hidden />
        )}
      </button>
      <div
        id={id}
        popover="auto"
        className={styles.panel}
        onBeforeToggle={(event) => setOpen(event.newState === "open")}
      >
        {open && <Panel account={account} />}
      </div>
    </div>
  );
}

function Panel({ account }: { account: Viewer | undefined }) {
  const text = useText();
  return (
    <>
      {account && (
        <div className={styles.account}>
          <b>{account.name}</b>
          <p className="soft small">{text.roles.names[account.role]}</p>
          {!account.seesPersonalData && <p className="amber small">{text.masked}</p>}
        </div>
      )}
      <Appearance />
      <LanguageChoice />
      <hr className={styles.line} />
      <a href="/graphiql" className={styles.item}>
        <Braces size={16} strokeWidth={1.75} aria-hidden />
        {text.menu.api}
      </a>
      {account && (
        <button type="button" className={styles.item} onClick={signOut}>
          <LogOut size={16} strokeWidth={1.75} aria-hidden />
          {text.session.signOut}
        </button>
      )}
    </>
  );
}

function Appearance() {
  const text = useText();
  const [theme, setTheme] = useTheme();
  const names = { system: text.themeSystem, light: text.themeLight, dark: text.themeDark };
  return (
    <div>
      <p className="soft small" aria-hidden="true">
        {text.theme}
      </p>
      <Segmented
        label={text.theme}
        options={themes.map((value) => ({ value, label: names[value] }))}
        value={theme}
        onChange={setTheme}
      />
    </div>
  );
}

function LanguageChoice() {
  const text = useText();
  const { language, setLanguage } = useLanguage();
  const options: { value: Language; label: string }[] = [
    { value: "ko", label: languages.ko.ownName },
    { value: "en", label: languages.en.ownName },
  ];
  return (
    <div>
      <p className="soft small" aria-hidden="true">
        {text.menu.language}
      </p>
      <Segmented label={text.menu.language} options={options} value={language} onChange={setLanguage} />
    </div>
  );
}

/** The first letters of the first two words of a name: "jane.doe" is JD. */
function initials(name: string): string {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const letters = words.slice(0, 2).map((word) => [...word][0] ?? "");
  return letters.join("").toLocaleUpperCase();
}
