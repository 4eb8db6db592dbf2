import { useEffect, useEffectEvent, useState } from "react";
import { useAnswer } from "../../facts/useAnswer";
import { type LoadedFacts, useFacts } from "../../facts/useFacts";
import { useRevision } from "../../graphql/useRevision";
import { useFormat } from "../../language/format";
import type { Profile } from "./Customer";
import { dayAfter, within } from "./dates";
import { useCardQuery } from "./query";

export type ProfileAsOf = {
  /** The customer with the purchases as of the selected date, or as of the previous one until they are known. */
  profile: Profile;
  asOf: string;
  today: string;
  /** The first and the last date that can be selected: the day of the first access, and the day after today. */
  range: { first: string; last: string };
  setAsOf: (asOf: string | undefined, settled: boolean) => void;
  loaded: LoadedFacts | undefined;
  /** Whether the figures are the module's, not the server's. */
  inPage: boolean;
};

/**
 * The customer as of a date. Once the facts are loaded, the module answers at every step of the slider, without a request;
 * until then, without the module, or for a role that gets no facts, the server's answer is shown.
 */
export function useProfileAsOf(profile: Profile, onLoaded: (loaded: boolean) => void): ProfileAsOf {
  const format = useFormat();
  const [query, show] = useCardQuery();
  const [moving, setMoving] = useState<string>();
  const [unifiedIds] = useState([profile.unifiedId]);
  const { loaded, reload } = useFacts(unifiedIds);
  useRevision(profile.revision, reload);

  const today = format.today();
  const range = { first: format.isoDay(profile.activity.firstAccessAt), last: dayAfter(today) };
  const asOf = within(range, moving ?? query.asOf ?? today);
  const { answer, question } = useAnswer(loaded, "profileAsOf", {
    unifiedId: profile.unifiedId,
    figures: { asOf },
  });
  const report = useEffectEvent(onLoaded);
  const answers = answer !== undefined;
  useEffect(() => report(answers), [answers]);

  const setAsOf = (next: string | undefined, settled: boolean) => {
    setMoving(settled ? undefined : (next ?? today));
    if (settled && next !== query.asOf) show({ asOf: next });
  };
  // An address may name a date out of the range.
  const correct = useEffectEvent((date: string) => setAsOf(date === today ? undefined : date, true));
  const isOutside = query.asOf !== undefined && query.asOf !== within(range, query.asOf);
  useEffect(() => {
    if (isOutside) correct(asOf);
  }, [isOutside, asOf]);

  // After a merge the customer may have another ID; an answer about the previous one does not apply.
  const current = question?.unifiedId === profile.unifiedId ? answer : undefined;
  return {
    profile: current
      ? {
          ...profile,
          asOf: current.asOf,
          purchases: { ...profile.purchases, ...current.purchases },
        }
      : profile,
    asOf,
    today,
    range,
    setAsOf,
    loaded,
    inPage: current !== undefined,
  };
}
