import { useEffect, useEffectEvent, useState } from "react";
import { useAnswer } from "../../facts/useAnswer";
import { type LoadedFacts, useFacts } from "../../facts/useFacts";
import { useRevision } from "../../graphql/useRevision";
import { useFormat } from "../../language/format";
import type { Profile } from "./Customer";
import { useCardQuery } from "./query";

export type ProfileAsOf = {
  /** The customer as of the date that is looked at, or, until that is known, as of the one before. */
  profile: Profile;
  asOf: string;
  today: string;
  setAsOf: (asOf: string | undefined, settled: boolean) => void;
  loaded: LoadedFacts | undefined;
  /** Whether the module's figures are shown, not the server's. */
  inPage: boolean;
};

/**
 * The customer as of a date. Once the facts are here the module answers, at every step of the slider, and nothing is asked
 * of the server; without the module, or without the facts, the server's answer stands.
 */
export function useProfileAsOf(profile: Profile, onLoaded: (loaded: boolean) => void): ProfileAsOf {
  const format = useFormat();
  const [query, show] = useCardQuery();
  const [moving, setMoving] = useState<string>();
  const [unifiedIds] = useState([profile.unifiedId]);
  const { loaded, reload } = useFacts(unifiedIds);
  useRevision(profile.revision, reload);

  const today = format.today();
  const asOf = moving ?? query.asOf ?? today;
  const { answer, question } = useAnswer(loaded, "profileAsOf", {
    unifiedId: profile.unifiedId,
    figures: { asOf },
  });
  const tell = useEffectEvent(onLoaded);
  const answers = answer !== undefined;
  useEffect(() => tell(answers), [answers]);

  const setAsOf = (next: string | undefined, settled: boolean) => {
    setMoving(settled ? undefined : (next ?? today));
    if (settled && next !== query.asOf) show({ asOf: next });
  };
  // After a merge the customer may have another name; an answer about the one before is none.
  const current = question?.unifiedId === profile.unifiedId ? answer : undefined;
  return {
    profile: current
      ? {
          ...profile,
          asOf: current.asOf,
          basic: { ...profile.basic, age: current.basic.age, ageGroup: current.basic.ageGroup },
          purchases: { ...profile.purchases, ...current.purchases },
        }
      : profile,
    asOf,
    today,
    setAsOf,
    loaded,
    inPage: current !== undefined,
  };
}
