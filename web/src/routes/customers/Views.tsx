import { Ellipsis, Users } from "lucide-react";
import { type SubmitEvent, useState } from "react";
import { useMutation, useQuery } from "urql";
import { useHistoryState } from "wouter/use-browser-location";
import { Dialog } from "../../components/Dialog";
import { Panel } from "../../components/Panel";
import { useToast } from "../../components/Toasts";
import {
  RemoveViewDocument,
  type SavedViewFragment,
  SavedViewsDocument,
  SaveViewDocument,
} from "../../graphql/generated/graphql";
import { errorCode, errorText } from "../../language/errorText";
import { useText } from "../../language/language";
import { useMay } from "../../session/useMay";
import {
  type CustomersQuery,
  firstOrder,
  type HistoryState,
  noFilter,
  readQuery,
  useShowCustomers,
  writeQuery,
} from "./query";
import type { Columns } from "./useColumns";
import styles from "./Views.module.css";

type Props = { query: CustomersQuery; columns: Columns };

/** Saved views as tabs: a filter, an order and columns under a name. */
export function Views({ query, columns }: Props) {
  const text = useText();
  const show = useShowCustomers();
  const state = useHistoryState<HistoryState>();
  const [{ data }, reload] = useQuery({ query: SavedViewsDocument, requestPolicy: "cache-and-network" });
  const views = data?.savedViews ?? [];
  const [saving, setSaving] = useState<"new" | "rename">();

  const now = { query: writeQuery(query), columns: columns.own };
  const isNow = (view: { query: string; columns: string[] }) =>
    view.query === now.query && view.columns.join("\n") === now.columns.join("\n");
  const exact = views.find((view) => isNow(view) && view.id === state?.view) ?? views.find(isNow);
  const opened = exact ?? views.find(({ id }) => id === state?.view);
  const isFirst = now.query === "" && now.columns.length === 0;
  const isChanged = opened ? !exact : !isFirst;

  const open = (view: SavedViewFragment) => {
    const { filter, orderBy } = readQuery(view.query, null);
    columns.setOwn(view.columns);
    show({ filter, orderBy, search: "", view: view.id });
  };
  const openAll = () => {
    columns.setOwn([]);
    show({ filter: noFilter, orderBy: firstOrder, search: "", view: undefined });
  };
  return (
    <nav className={styles.views} aria-label={text.list.views}>
      <button
        type="button"
        className={styles.view}
        aria-current={opened || isChanged ? undefined : "true"}
        onClick={openAll}
      >
        {text.list.allCustomers}
      </button>
      {views.map((view) => (
        <span key={view.id} className={styles.tab}>
          <button
            type="button"
            className={styles.view}
            aria-current={view === opened ? "true" : undefined}
            title={view.isShared ? text.list.sharedBy(view.owner) : undefined}
            onClick={() => open(view)}
          >
            {view.isShared && <Users size={14} aria-label={text.list.shared} />}
            <span>{view.name}</span>
            {view === opened && isChanged && <span className="soft">{text.list.edited}</span>}
          </button>
          {view === opened && view.isChangeable && (
            <ViewMenu
              view={view}
              now={now}
              isChanged={isChanged}
              onRename={() => setSaving("rename")}
              onDone={(removed) => {
                reload({ requestPolicy: "network-only" });
                if (removed) show({ view: undefined }, { replace: true });
              }}
            />
          )}
        </span>
      ))}
      {isChanged && (
        <button type="button" className={styles.save} onClick={() => setSaving("new")}>
          {text.list.saveView}
        </button>
      )}
      {saving && (
        <SaveDialog
          view={saving === "rename" ? opened : undefined}
          now={saving === "rename" && opened ? opened : now}
          onClose={() => setSaving(undefined)}
          onSaved={(view) => {
            setSaving(undefined);
            reload({ requestPolicy: "network-only" });
            show({ view: view.id }, { replace: true });
          }}
        />
      )}
    </nav>
  );
}

type MenuProps = {
  view: SavedViewFragment;
  now: { query: string; columns: string[] };
  isChanged: boolean;
  onRename: () => void;
  onDone: (removed: boolean) => void;
};

function ViewMenu({ view, now, isChanged, onRename, onDone }: MenuProps) {
  const text = useText();
  const toast = useToast();
  const [, save] = useMutation(SaveViewDocument);
  const [, remove] = useMutation(RemoveViewDocument);
  const { id, name, isShared } = view;
  const replace = async () => {
    const { error } = await save({ id, name, isShared, ...now });
    toast(
      error
        ? { message: text.list.viewNotSaved, kind: "failed" }
        : { message: text.list.viewSaved(name), kind: "done" },
    );
    onDone(false);
  };
  const restore = async () => {
    const { query, columns } = view;
    await save({ name, query, columns, isShared });
    onDone(false);
  };
  const drop = async () => {
    const { error } = await remove({ id });
    toast(
      error
        ? { message: text.list.viewNotSaved, kind: "failed" }
        : {
            message: text.list.viewRemoved(name),
            kind: "done",
            action: { label: text.decisions.undo, run: restore },
          },
    );
    onDone(true);
  };
  return (
    <Panel label={text.list.viewMenu(name)} icon={<Ellipsis size={16} aria-hidden />}>
      <ul className={styles.menu}>
        {isChanged && <MenuItem label={text.list.saveChanges} onChoose={replace} />}
        <MenuItem label={text.list.rename} onChoose={onRename} />
        <MenuItem label={text.list.removeView} onChoose={drop} />
      </ul>
    </Panel>
  );
}

/** An entry of the menu, which closes when it is chosen. */
function MenuItem({ label, onChoose }: { label: string; onChoose: () => void }) {
  return (
    <li>
      <button
        type="button"
        onClick={(event) => {
          event.currentTarget.closest<HTMLElement>("[popover]")?.hidePopover();
          onChoose();
        }}
      >
        {label}
      </button>
    </li>
  );
}

type SaveProps = {
  /** The view to change; a new one without it. */
  view: SavedViewFragment | undefined;
  now: { query: string; columns: string[] };
  onClose: () => void;
  onSaved: (view: SavedViewFragment) => void;
};

function SaveDialog({ view, now, onClose, onSaved }: SaveProps) {
  const text = useText();
  const may = useMay();
  const [name, setName] = useState(view?.name ?? "");
  const [isShared, setShared] = useState(view?.isShared ?? false);
  const [{ error, fetching }, save] = useMutation(SaveViewDocument);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const { query, columns } = now;
    const { data } = await save({ id: view?.id ?? null, name: name.trim(), query, columns, isShared });
    if (data) onSaved(data.saveView);
  };
  return (
    <Dialog title={view ? text.list.rename : text.list.saveView} onClose={onClose}>
      <form className={styles.form} onSubmit={submit}>
        <label className={styles.name}>
          <span>{text.list.viewName}</span>
          <input
            className="field"
            value={name}
            maxLength={60}
            autoFocus
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <p className="soft small">{text.list.viewMeans}</p>
        {(may.decide || view?.isShared) && (
          <label className={styles.share}>
            <input type="checkbox" checked={isShared} onChange={(event) => setShared(event.target.checked)} />
            <span>{text.list.share}</span>
          </label>
        )}
        {error && (
          <p className="amber" role="alert">
            {errorCode(error) === "BAD_USER_INPUT" ? text.list.viewRefused : errorText(error, text)}
          </p>
        )}
        <button type="submit" className="button primary" disabled={name.trim() === "" || fetching}>
          {text.list.save}
        </button>
      </form>
    </Dialog>
  );
}
