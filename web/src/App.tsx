import { lazy, Suspense, useEffect, useRef } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import styles from "./App.module.css";
import { Boundary } from "./components/Boundary";
import { ConnectionBar } from "./components/ConnectionBar";
import { Notice } from "./components/Notice";
import { Toasts } from "./components/Toasts";
import { useFormat } from "./language/format";
import { useText } from "./language/language";
import mark from "./mark.svg";
import { Customers } from "./routes/customers/Customers";
import { SearchField } from "./routes/customers/SearchField";
import { useInboxCounts } from "./routes/inbox/InboxCounts";
import { PublicationBanner } from "./routes/policy/PublicationBanner";
import { views } from "./routes/views";
import { Commands } from "./search/Commands";
import { UserMenu } from "./session/UserMenu";
import { useMay } from "./session/useMay";

const loadCustomer = () => import("./routes/customer/Customer");
const Customer = lazy(() => loadCustomer().then(({ Customer }) => ({ default: Customer })));
// Loaded when first opened: the list matters most.
const Inbox = lazy(() => import("./routes/inbox/Inbox").then(({ Inbox }) => ({ default: Inbox })));
const Merge = lazy(() => import("./routes/merge/Merge").then(({ Merge }) => ({ default: Merge })));
const Policy = lazy(() => import("./routes/policy/Policy").then(({ Policy }) => ({ default: Policy })));
const Health = lazy(() => import("./routes/health/Health").then(({ Health }) => ({ default: Health })));
const Compare = lazy(() => import("./routes/compare/Compare").then(({ Compare }) => ({ default: Compare })));
const Activity = lazy(() =>
  import("./routes/activity/Activity").then(({ Activity }) => ({ default: Activity })),
);
const Identity = lazy(() =>
  import("./routes/identity/Identity").then(({ Identity }) => ({ default: Identity })),
);

export function App() {
  useFocusOnView();
  useCardAhead();
  const [path] = useLocation();
  return (
    <div className={styles.app}>
      <Toasts>
        <Header />
        <ConnectionBar />
        <Commands />
        <Boundary view={path}>
          <Suspense fallback={<main id="content" tabIndex={-1} aria-busy="true" />}>
            <Switch>
              <Route path="/inbox" component={Inbox} />
              <Route path="/merge" component={Merge} />
              <Route path="/compare" component={Compare} />
              <Route path="/policy" component={Policy} />
              <Route path="/health" component={Health} />
              <Route path="/activity" component={Activity} />
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

/** Loads the card's code when a link or a row that leads to a customer is pointed at or gets the focus: a click finds it there. */
function useCardAhead() {
  useEffect(() => {
    const ahead = ({ target }: Event) => {
      if (!(target instanceof Element) || !target.closest('a[href^="/customers/"], tr[data-row]')) return;
      stop();
      loadCustomer().catch(() => {
        // Opening a card tries again, and reports it.
      });
    };
    const stop = () => {
      document.removeEventListener("pointerover", ahead);
      document.removeEventListener("focusin", ahead);
    };
    document.addEventListener("pointerover", ahead);
    document.addEventListener("focusin", ahead);
    return stop;
  }, []);
}

function Header() {
  const text = useText();
  const [path] = useLocation();
  const navigation = useRef<HTMLElement>(null);
  const may = useMay();
  // On a phone the navigation scrolls; keep the open view visible. scrollIntoView would also move where Tab starts.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new view moves it.
  useEffect(() => {
    const row = navigation.current;
    const current = row?.querySelector<HTMLElement>("[aria-current]");
    if (!row || !current) return;
    row.scrollLeft = current.offsetLeft - row.offsetLeft - (row.clientWidth - current.offsetWidth) / 2;
  }, [path]);
  return (
    <header className={styles.header}>
      <a className={styles.skip} href="#content">
        {text.skipToContent}
      </a>
      <nav ref={navigation} className={styles.views} aria-label={text.product}>
        <Link href="/customers" className={styles.product}>
          <img src={mark} alt="" width={20} height={20} />
          <span>{text.product}</span>
        </Link>
        {views
          .filter(({ needs }) => !needs || may[needs])
          .map((view) => (
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
      </nav>
      <SearchField />
      <UserMenu />
      <PublicationBanner />
    </header>
  );
}

function InboxCount() {
  const text = useText();
  const format = useFormat();
  const counts = useInboxCounts();
  if (!counts?.CONTESTED) return null;
  return (
    <span className={styles.waiting} title={text.inbox.count(counts.CONTESTED)}>
      {format.number(counts.CONTESTED)}
    </span>
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
