import { useState } from "react";
import { useQuery } from "urql";
import { ErrorNotice } from "../../components/Notice";
import { Skeleton } from "../../components/Skeleton";
import { PoliciesDocument, type PolicyVersionFragment } from "../../graphql/generated/graphql";
import { useFormat } from "../../language/format";
import { useText } from "../../language/language";
import type { PolicyDocument } from "../../rules/preview";
import { useTitle } from "../../useTitle";
import { Section } from "../customer/Section";
import { Form } from "./Form";
import { History } from "./History";
import styles from "./Policy.module.css";
import { PreviewOnAllCustomers } from "./PreviewOnAllCustomers";
import { PreviewOnCustomer } from "./PreviewOnCustomer";
import { PublicationProgress } from "./PublicationProgress";
import { Publish } from "./Publish";
import { useChanges } from "./useChanges";

/** The policy: shown as sentences, edited, previewed on one or all customers, published with a reason, restored. */
export function Policy() {
  const text = useText();
  useTitle(text.policy.title);
  const [{ data, error }, reload] = useQuery({ query: PoliciesDocument, requestPolicy: "cache-and-network" });
  const again = () => reload({ requestPolicy: "network-only" });
  const versions = data?.policies ?? [];
  const inForce = versions.find(({ status }) => status === "IN_FORCE");
  return (
    <main id="content" tabIndex={-1} className="page">
      {error && !data && <ErrorNotice error={error} onRetry={again} />}
      {!data && !error && <Skeleton width="60%" />}
      {inForce && (
        <PolicyEditor key={inForce.version} versions={versions} inForce={inForce} onPublished={again} />
      )}
    </main>
  );
}

type EditorProps = {
  versions: PolicyVersionFragment[];
  inForce: PolicyVersionFragment;
  onPublished: () => void;
};

function PolicyEditor({ versions, inForce, onPublished }: EditorProps) {
  const text = useText();
  const format = useFormat();
  const changes = useChanges();
  const current = inForce.document as PolicyDocument;
  const [draft, setDraft] = useState(current);
  const changed = changes(current, draft);
  return (
    <>
      <header className={styles.head}>
        <h1>{text.policy.title}</h1>
        <p className="soft">
          {text.policy.inForce(inForce.version, inForce.publishedBy, format.relative(inForce.publishedAt))}
        </p>
      </header>
      <PublicationProgress onDone={onPublished} />
      <div className={styles.both}>
        <div>
          <Form document={draft} onChange={setDraft} />
        </div>
        <aside className={styles.aside} aria-label={text.policy.draft}>
          <h2>{text.policy.draft}</h2>
          {changed.length === 0 ? (
            <p className="soft">{text.policy.nothingChanged}</p>
          ) : (
            <>
              <ul className={styles.changes} data-changes>
                {changed.map(({ what, from, to }) => (
                  <li key={what}>
                    {what}: <span className="soft">{from}</span> → <b>{to}</b>
                  </li>
                ))}
              </ul>
              <button type="button" className="button" onClick={() => setDraft(current)}>
                {text.policy.discard}
              </button>
            </>
          )}
          <PreviewOnCustomer draft={draft} />
          <PreviewOnAllCustomers draft={draft} from={inForce.version} />
          <Publish
            draft={draft}
            from={inForce.version}
            disabled={changed.length === 0}
            onPublished={onPublished}
          />
        </aside>
      </div>
      <Section id="history" title={text.policy.history}>
        <History versions={versions} onStartFrom={setDraft} />
      </Section>
    </>
  );
}
