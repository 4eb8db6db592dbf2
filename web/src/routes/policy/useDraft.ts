import { useState } from "react";
import type { PolicyVersionFragment } from "../../graphql/generated/graphql";
import type { PolicyDocument } from "../../rules/preview";
import { type Draft, readDraft, rebase, writeDraft } from "./document";

/** Signing out removes it, as everything of this tab whose name begins so. */
const place = "profile360.policyDraft";

export type DraftState = {
  /** What the form shows: the draft, or the active document. */
  document: PolicyDocument;
  /** The version that the draft was made from. */
  base: PolicyVersionFragment;
  /** Whether the draft was left in this tab earlier. */
  restored: boolean;
  edit: (document: PolicyDocument) => void;
  /** Makes a draft of the active version that has this document. */
  begin: (document: PolicyDocument) => void;
  discard: () => void;
  /** Applies the changes to the active version; returns the keys of what both changed. */
  update: () => string[];
};

/** The draft of the policy. It lasts as long as the tab, and survives a colleague's publication. */
export function useDraft(versions: PolicyVersionFragment[], active: PolicyVersionFragment): DraftState {
  const [draft, setDraft] = useState<Draft | undefined>(() => readDraft(stored()));
  const [restored, setRestored] = useState(draft !== undefined);
  const found = draft && versions.find(({ version }) => version === draft.base);
  const base = found ?? active;
  // A draft of another database has no base here.
  const document = found && draft ? draft.document : (active.document as PolicyDocument);
  const put = (next: Draft | undefined) => {
    setDraft(next);
    keep(next);
  };
  return {
    document,
    base,
    restored: restored && found !== undefined,
    edit: (next) => {
      const isSame = JSON.stringify(next) === JSON.stringify(base.document);
      put(isSame ? undefined : { base: base.version, document: next });
    },
    begin: (next) => put({ base: active.version, document: next }),
    discard: () => {
      setRestored(false);
      put(undefined);
    },
    update: () => {
      const onto = active.document as PolicyDocument;
      const { document: next, conflicts } = rebase(base.document as PolicyDocument, document, onto);
      put({ base: active.version, document: next });
      return conflicts;
    },
  };
}

function stored(): string | null {
  try {
    return sessionStorage.getItem(place);
  } catch {
    return null;
  }
}

function keep(draft: Draft | undefined) {
  try {
    if (draft) sessionStorage.setItem(place, writeDraft(draft));
    else sessionStorage.removeItem(place);
  } catch {
    // Storage is off or full: the draft lasts as long as the view.
  }
}
