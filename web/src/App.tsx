import { Monitor, Moon, Sun } from "lucide-react";
import { lazy, Suspense, useEffect, useRef } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import styles from "./App.module.css";
import { Boundary } from "./components/Boundary";
import { Notice } from "./components/Notice";
import { Toasts } from "./components/Toasts";
import { useFormat } from "./language/format";
import { type Language, languages, useLanguage, useText } from "./language/language";
import { Customer } from "./routes/customer/Customer";
import { Customers } from "./routes/customers/Customers";
import { SearchField } from "./routes/customers/SearchField";
import { useInboxCounts } from "./routes/inbox/useInboxCounts";
import { views } from "./routes/views";
import { SignOut } from "./session/SignOut";
import { type Theme, themes, useTheme } from "./theme";

// Loaded when first opened: the list and the card matter most.
const Inbox = lazy(() => import("./routes/inbox/Inbox").then(({ Inbox }) => ({ default: Inbox })));
const Merge = lazy(() => import("./routes/merge/Merge").then(({ Merge }) => ({ default: Merge })));
const Policy = lazy(() => import("./routes/policy/Policy").then(({ Policy }) => ({ default: Policy })));
const Health = lazy(() => import("./routes/health/Health").then(({ Health }) => ({ default: Health })));
const Identity = lazy(() =>
  import("./routes/identity/Identity").then(({ Identity }) => ({ default: Identity })),
);

export function App() {
  useFocusOnView();
  return (
    <div className={styles.app}>
      <Toasts>
        <Header />
        <Boundary>
          <Suspense fallback={<main id="content" tabIndex={-1} aria-busy="true" />}>
            <Switch>
              <Route path="/inbox" component={Inbox} />
              <Route path="/merge" component={Merge} />
              <Route path="/policy" component={Policy} />
              <Route path="/health" component={Health} />
              <Route path={/^\/(customers)?$/} component={Customers} />
              <Route path="/customers/:unifiedId/identity">
                {({ unifiedId }) => <Identity key={unifiedId} unifiedId={unifiedId} />}
              </Route>
              <Route path="/customers/:unifiedId">
                {({ unifiedId }) => <Customer key={unifiedId} unifiedId={unifiedId} />}
              </Route>
              <Route component={NotFound} />
            </Switch>
          </Suspense>
        </Boundary>
      </Toasts>
    </div>
  );
}

/** Moves the focus to a new view if what had it is gone: Tab continues there, and screen readers announce it. */
function useFocusOnView() {
  const [path] = useLocation();
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    if (document.activeElement === document.body)
      document.getElementById("content")?.focus({ preventScroll: true });
  }, [path]);
}

function Header() {
  const text = useText();
  const [path] = useLocation();
  const navigation = useRef<HTMLElement>(null);
  // On a phone the navigation scrolls; keep the open view visible.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new view moves it.
  useEffect(() => {
    const current = navigation.current?.querySelector("[aria-current]");
    current?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [path]);
  return (
    <header className={styles.header}>
      <a className={styles.skip} href="#content">
        {text.skipToContent}
      </a>
      <nav ref={navigation} className={styles.views} aria-label={text.product}>
        <Link href="/customers" className={styles.product}>
          <img src="/mark.svg" alt="" width={20} height={20} />
          <span>{text.product}</span>
        </Link>
        {views.map((view) => (
          <Link
            key={view.path}
            href={view.path}
            className={styles.view}
            aria-current={path.startsWith(view.path) || path === "/" ? "page" : undefined}
          >
            {view.label(text)}
            {view.path === "/inbox" && <InboxCount />}
          </Link>
        ))}
        <a href="/graphiql" className={styles.view}>
          GraphiQL
        </a>
      </nav>
      <SearchField />
      <div className={styles.choices}>
        <LanguageSwitch />
        <ThemeSwitch />
        <SignOut className={styles.choice} />
      </div>
    </header>
  );
}

function InboxCount() {
  const text = useText();
  const format = useFormat();
  const counts = useInboxCounts();
  if (!counts?.open) return null;
  return (
    <span className={styles.waiting} title={text.inbox.count(counts.open)}>
      {format.number(counts.open)}
    </span>
  );
}

function LanguageSwitch() {
  const { language, setLanguage } = useLanguage();
  const other: Language = language === "ko" ? "en" : "ko";
  return (
    <button type="button" className={styles.choice} lang={other} onClick={() => setLanguage(other)}>
      {languages[other].ownName}
    </button>
  );
}

const themeIcons = { system: Monitor, light: Sun, dark: Moon };

function ThemeSwitch() {
  const text = useText();
  const [theme, setTheme] = useTheme();
  const names: Record<Theme, string> = {
    system: text.themeSystem,
    light: text.themeLight,
    dark: text.themeDark,
  };
  const Icon = themeIcons[theme];
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "system";
  return (
    <button
      type="button"
      className={styles.choice}
      aria-label={`${text.theme}: ${names[theme]}`}
      title={`${text.theme}: ${names[theme]}`}
      onClick={() => setTheme(next)}
    >
      <Icon size={16} strokeWidth={1.75} aria-hidden />
    </button>
  );
}

function NotFound() {
  const text = useText();
  return (
    <main id="content" tabIndex={-1} className={styles.page}>
      <Notice title={text.notFoundTitle}>
        <Link href="/customers">{text.toCustomers}</Link>
      </Notice>
    </main>
  );
}
