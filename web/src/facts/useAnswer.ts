import { useEffect, useEffectEvent, useRef, useState } from "react";
import type { QuestionName } from "../rules/module";
import type { Questions } from "../rules/preview";
import type { LoadedFacts } from "./useFacts";

export type Answered<Name extends QuestionName> = {
  /** The newest answer. It is the previous question's until the next answer arrives. */
  answer: Questions[Name]["answer"] | undefined;
  /** The question that it answers. */
  question: Questions[Name]["question"] | undefined;
  error: Error | undefined;
  /** The revision of the facts. Mutations expect it as `expectedRevision`. */
  revision: string | undefined;
};

const noAnswer = { answer: undefined, question: undefined, error: undefined, revision: undefined };

/**
 * Asks the facts in the module a question, and asks again when the question changes. One question is in flight at a time. Of
 * those that arrive until it is answered, only the last is asked: a slider never queues a question for every step.
 */
export function useAnswer<Name extends QuestionName>(
  loaded: LoadedFacts | undefined,
  name: Name,
  question: Questions[Name]["question"] | undefined,
): Answered<Name> {
  const [answered, setAnswered] = useState<Answered<Name>>(noAnswer);
  const current = useRef(loaded);
  const inFlight = useRef<LoadedFacts>(undefined);
  const pending = useRef(false);
  const key = JSON.stringify(question);

  const ask = useEffectEvent(async () => {
    if (!loaded || !question) return;
    if (inFlight.current === loaded) {
      pending.current = true;
      return;
    }
    inFlight.current = loaded;
    pending.current = false;
    let next: Answered<Name>;
    try {
      const answer = await loaded.facts.ask(name, question);
      next = { answer, question, error: undefined, revision: loaded.revision };
    } catch (error) {
      next = { ...noAnswer, error: error as Error };
    }
    // The facts were replaced, or the component was unmounted.
    if (current.current !== loaded) return;
    inFlight.current = undefined;
    setAnswered(next);
    if (pending.current) ask();
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: questions are compared by their text.
  useEffect(() => {
    current.current = loaded;
    ask();
  }, [loaded, name, key]);
  useEffect(
    () => () => {
      current.current = undefined;
      inFlight.current = undefined;
    },
    [],
  );
  return answered;
}
