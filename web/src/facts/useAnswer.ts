import { useEffect, useEffectEvent, useState } from "react";
import type { QuestionName, Questions } from "../rules/preview";
import type { LoadedFacts } from "./useFacts";

export type Answered<Name extends QuestionName> = {
  /** The newest answer; an earlier question's until the next one is there. */
  answer: Questions[Name]["answer"] | undefined;
  error: Error | undefined;
  /** The revision of the facts that were asked: what a mutation takes as `expectedRevision`. */
  revision: string | undefined;
};

const unasked = { answer: undefined, error: undefined, revision: undefined };

/** Asks the facts, and again whenever the question is another. Nothing leaves the page for it. */
export function useAnswer<Name extends QuestionName>(
  loaded: LoadedFacts | undefined,
  name: Name,
  question: Questions[Name]["question"] | undefined,
): Answered<Name> {
  const [answered, setAnswered] = useState<Answered<Name>>(unasked);
  const key = JSON.stringify(question);
  const ask = useEffectEvent(async (facts: LoadedFacts, isCurrent: () => boolean) => {
    if (!question) return;
    try {
      const answer = await facts.facts.ask(name, question);
      if (isCurrent()) setAnswered({ answer, error: undefined, revision: facts.revision });
    } catch (error) {
      if (isCurrent()) setAnswered({ ...unasked, error: error as Error });
    }
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a question is another one when its text is.
  useEffect(() => {
    if (!loaded) return;
    let current = true;
    ask(loaded, () => current);
    return () => {
      current = false;
    };
  }, [loaded, name, key]);
  return answered;
}
