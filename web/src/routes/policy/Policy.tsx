import { useEffect, useEffectEvent, useState } from "react";
import { useClient, useQuery } from "urql";
import { useSearchParams } from "wouter";
import { ErrorNotice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import {
  PoliciesDocument,
  type PolicyVersionFragment,
  SimulatePolicyDocument,
} from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { PolicyDocument, PolicyFault } from "../../rules/preview";
import { RoleNotice } from "../../session/RoleGate";
import { useMay } from "../../session/useMay";
import { useViewer } from "../../session/useViewer";
import { useHealth } from "../../useHealth";
import { useTitle } from "../../useTitle";
import { Section } from "../customer/Section";
import { Faults, faultsIn, useFaults } from "./Faults";
import { Form } from "./Form";
import { History } from "./History";
import { LeaveGuard } from "./LeaveGuard";
import styles from "./Policy.module.css";
import { PreviewOnCustomer } from "./PreviewOnCustomer";
import { PublicationStatus } from "./PublicationStatus";
import { Changes, PublishDialog } from "./PublishDialog";
import { type Outcome, Simulation } from "./Simulation";
import { useChanges } from "./useChanges";
import { useDraft } from "./useDraft";
import { useWatchedPublication, watchPublication } from "./watchedPublication";

const every = 1000;

/** The policy: shown as sentences, edited, previewed on one or all customers, published with a reason, restored. */
export function Policy() {
  const text = useText();
  useTitle(text.policy.title);
  const [{ data, error }, reload] = useQuery({ query: PoliciesDocument, requestPolicy: "cache-and-network" });
  const again = () => reload({ requestPolicy: "network-only" });
  const versions = data?.policies ?? [];
  const active = versions.find(({ status }) => status === "IN_FORCE");
  return (
    <main id="content" tabIndex={-1} className="page">
      {error && !data && <ErrorNotice error={error} onRetry={again} />}
      {!data && !error && <Skeleton width="60%" />}
      {active && <PolicyEditor versions={versions} active={active} onOutdated={again} />}
    </main>
  );
}

type EditorProps = {
  versions: PolicyVersionFragment[];
  active: PolicyVersionFragment;
  /** Another version is active, or one is being published. */
  onOutdated: () => void;
};

function PolicyEditor({ versions, active, onOutdated }: EditorProps) {
  const text = useText();
  const format = useFormat();
  const changes = useChanges();
  const viewer = useViewer();
  const { govern: mayPublish } = useMay();
  const draft = useDraft(versions, active);
  const [note, setNote] = useState<string>();
  const { document, base } = draft;
  const changed = changes(active.document as PolicyDocument, document);
  const isEdited = changes(base.document as PolicyDocument, document).length > 0 || changed.length > 0;

  const publication = usePublication(active.version, onOutdated);
  const watched = useWatchedPublication();
  const restore = (version: PolicyVersionFragment) => {
    draft.begin(version.document as PolicyDocument);
    setNote(text.policy.restoring(version.version));
    scrollTo(0, 0);
  };
  useRestoreInAddress(versions, mayPublish, restore);
  return (
    <>
      <header className={styles.head}>
        <h1>{text.policy.title}</h1>
        <p className="soft">
          {text.policy.inForce(active.version, active.publishedBy, format.relative(active.publishedAt))}
        </p>
        {viewer && !mayPublish && <RoleNotice needs="govern" />}
      </header>
      {publication && publication.version !== watched?.version && (
        <PublicationStatus publication={publication} />
      )}
      {mayPublish ? (
        <Editor
          active={active}
          draft={draft}
          changed={changed}
          isEdited={isEdited}
          isPublishing={publication !== undefined && publication.state !== "FAILED"}
          note={note}
          onNote={setNote}
          onPublished={(version) => {
            watchPublication({ version, previous: active.version });
            setNote(undefined);
            draft.discard();
            onOutdated();
          }}
        />
      ) : (
        <Form document={active.document as PolicyDocument} onChange={() => {}} readOnly />
      )}
      <Section id="history" title={text.policy.history}>
        <History versions={versions} onStartFrom={mayPublish ? restore : undefined} />
      </Section>
    </>
  );
}

type DraftProps = {
  active: PolicyVersionFragment;
  draft: ReturnType<typeof useDraft>;
  /** The differences from the active version. */
  changed: ReturnType<ReturnType<typeof useChanges>>;
  isEdited: boolean;
  isPublishing: boolean;
  note: string | undefined;
  onNote: (note: string | undefined) => void;
  onPublished: (version: number) => void;
};

function Editor({ active, draft, changed, isEdited, isPublishing, note, onNote, onPublished }: DraftProps) {
  const text = useText();
  const format = useFormat();
  const client = useClient();
  const { document, base } = draft;
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome>();
  const [refused, setRefused] = useState<{ of: PolicyDocument; faults: PolicyFault[] }>();
  const [publishing, setPublishing] = useState(false);

  const found = useFaults(document);
  const ofServer = refused?.of === document ? refused.faults : [];
  const faults = [
    ...(found ?? []),
    ...ofServer.filter(({ path }) => !found?.some((own) => own.path === path)),
  ];
  const isFaulty = faults.length > 0;
  const isOutdated = isEdited && base.version !== active.version;
  const isCurrent =
    outcome?.simulation !== undefined &&
    outcome.simulation.activeVersion === active.version &&
    JSON.stringify(outcome.of) === JSON.stringify(document);

  const simulate = async () => {
    setBusy(true);
    const { data, error } = await client.query(
      SimulatePolicyDocument,
      { policy: { from: active.version, document } },
      { requestPolicy: "network-only" },
    );
    setBusy(false);
    setOutcome({
      of: document,
      ...(data && { simulation: data.simulatePolicy }),
      ...(error && { error }),
    });
    setRefused({ of: document, faults: faultsIn(error) });
  };
  const obstacle = () => {
    if (changed.length === 0) return undefined;
    if (isFaulty) return text.policy.publishFaulty;
    if (isOutdated) return text.policy.publishOutdated;
    if (isPublishing) return text.policy.publishBusy;
    return isCurrent ? undefined : text.policy.publishFirst;
  };
  const missing = obstacle();
  return (
    <Faults faults={faults}>
      {isEdited && <LeaveGuard />}
      <Notices
        active={active}
        draft={draft}
        isEdited={isEdited}
        isOutdated={isOutdated}
        note={note}
        onNote={onNote}
      />
      <div className={styles.both}>
        <Form
          document={document}
          onChange={(next) => {
            onNote(undefined);
            draft.edit(next);
          }}
          readOnly={false}
        />
        <aside className={styles.aside} aria-label={text.policy.draft}>
          <div className={styles.scroll}>
            <h2>{text.policy.draft}</h2>
            {isEdited ? (
              <>
                <Changes changed={changed} />
                <button
                  type="button"
                  className="button"
                  onClick={() => {
                    onNote(undefined);
                    draft.discard();
                  }}
                >
                  {text.policy.discard}
                </button>
              </>
            ) : (
              <p className="soft">{text.policy.nothingChanged}</p>
            )}
            {isFaulty && <p className={styles.fault}>{text.policy.faultCount(faults.length)}</p>}
            {found === null && <p className="amber">{text.policy.unchecked}</p>}
            <PreviewOnCustomer draft={document} isFaulty={isFaulty} />
            <Simulation
              outcome={outcome}
              current={isCurrent}
              busy={busy}
              disabled={isFaulty || isOutdated}
              onRun={simulate}
            />
          </div>
          <div className={styles.publishBar}>
            <button
              type="button"
              className="button primary"
              disabled={changed.length === 0 || missing !== undefined}
              aria-describedby="publish-obstacle"
              onClick={() => setPublishing(true)}
            >
              {text.policy.publish}…
            </button>
            <span id="publish-obstacle" className="soft small">
              {missing}
            </span>
          </div>
        </aside>
      </div>
      {publishing && outcome?.simulation && isCurrent && (
        <PublishDialog
          document={document}
          simulation={outcome.simulation}
          changed={changed}
          onPublished={(version) => {
            setPublishing(false);
            setOutcome(undefined);
            onPublished(version);
          }}
          onFailed={(error) => setRefused({ of: document, faults: faultsIn(error) })}
          onClose={() => setPublishing(false)}
        />
      )}
      <p className="hidden" role="status">
        {isFaulty ? text.policy.faultCount(faults.length) : format.list(changed.map(({ what }) => what))}
      </p>
    </Faults>
  );
}

type NoticesProps = Pick<DraftProps, "active" | "draft" | "isEdited" | "note" | "onNote"> & {
  isOutdated: boolean;
};

/** What became of the draft: it was restored, a colleague has published, or it was applied to their version. */
function Notices({ active, draft, isEdited, isOutdated, note, onNote }: NoticesProps) {
  const text = useText();
  const format = useFormat();
  const changes = useChanges();
  const update = () => {
    const mine = changes(draft.base.document as PolicyDocument, draft.document);
    const conflicts = draft.update();
    const names = mine.filter(({ key }) => conflicts.includes(key)).map(({ what }) => what);
    const said = text.policy.rebased(active.version);
    onNote(names.length > 0 ? `${said} ${text.policy.conflicts(format.list(names))}` : said);
  };
  if (isOutdated) {
    return (
      <div className={styles.notice} role="alert" data-outdated>
        <p>{text.policy.outdated(active.version, active.publishedBy)}</p>
        <p className={styles.buttons}>
          <button type="button" className="button primary" onClick={update}>
            {text.policy.rebase(active.version)}
          </button>
          <button type="button" className="button" onClick={draft.discard}>
            {text.policy.discard}
          </button>
        </p>
      </div>
    );
  }
  const said = note ?? (draft.restored && isEdited ? text.policy.restored : undefined);
  if (!said) return null;
  return (
    <p className={styles.note} role="status" data-note>
      {said}
    </p>
  );
}

/** The publication that is under way or failed; asks for the versions again when another one is active. */
function usePublication(active: number, onOutdated: () => void) {
  const health = useHealth(every);
  const publication = health?.publication ?? undefined;
  const outdated = useEffectEvent(onOutdated);
  const version = health?.policyVersion;
  useEffect(() => {
    if (version !== undefined && version !== active) outdated();
  }, [version, active]);
  return publication?.state === "IN_FORCE" ? undefined : publication;
}

/** `/policy?restore=3` makes a draft of version 3, once. */
function useRestoreInAddress(
  versions: PolicyVersionFragment[],
  mayPublish: boolean,
  onRestore: (version: PolicyVersionFragment) => void,
) {
  const [search, setSearch] = useSearchParams();
  const wanted = search.get("restore");
  const found = versions.find(({ version }) => String(version) === wanted);
  const restore = useEffectEvent(onRestore);
  const forget = useEffectEvent(() => setSearch({}, { replace: true }));
  useEffect(() => {
    if (!found || !mayPublish) return;
    restore(found);
    forget();
  }, [found, mayPublish]);
}
