import { useEffect, useEffectEvent, useRef, useState } from "react";
import type { QuestionName } from "../rules/module";
import type { Questions } from "../rules/preview";
import type { LoadedFacts } from "./useFacts";

export type Answered<Name extends QuestionName> = {
  /** The newest answer; an earlier question's until the next one is there. */
  answer: Questions[Name]["answer"] | undefined;
  /** What it answers. */
  question: Questions[Name]["question"] | undefined;
  error: Error | undefined;
  /** The revision of the facts that were asked: what a mutation takes as `expectedRevision`. */
  revision: string | undefined;
};

const unasked = { answer: undefined, question: undefined, error: undefined, revision: undefined };

/**
 * Asks the facts, and again whenever the question is another. Nothing leaves the page for it. One question is under way at a
 * time: of those that come meanwhile only the last is asked, so that a slider never runs ahead of its answers.
 */
export function useAnswer<Name extends QuestionName>(
  loaded: LoadedFacts | undefined,
  name: Name,
  question: Questions[Name]["question"] | undefined,
): Answered<Name> {
  const [answered, setAnswered] = useState<Answered<Name>>(unasked);
  const current = useRef(loaded);
  const underWay = useRef<LoadedFacts>(undefined);
  const waits = useRef(false);
  const key = JSON.stringify(question);

  const ask = useEffectEvent(async () => {
    if (!loaded || !question) return;
    if (underWay.current === loaded) {
      waits.current = true;
      return;
    }
    underWay.current = loaded;
    waits.current = false;
    let next: Answered<Name>;
    try {
      const answer = await loaded.facts.ask(name, question);
      next = { answer, question, error: undefined, revision: loaded.revision };
    } catch (error) {
      next = { ...unasked, error: error as Error };
    }
    // Other facts are there by now, or nobody looks any more.
    if (current.current !== loaded) return;
    underWay.current = undefined;
    setAnswered(next);
    if (waits.current) ask();
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a question is another one when its text is.
  useEffect(() => {
    current.current = loaded;
    ask();
  }, [loaded, name, key]);
  useEffect(
    () => () => {
      current.current = undefined;
      underWay.current = undefined;
    },
    [],
  );
  return answered;
}
