import type { Call, QuestionName, Reply } from "./module";
import type { NormalForm, PolicyCheck, PolicyDocument, Questions } from "./preview";
import { ModuleUnavailable, RulesError } from "./RulesError";

type Waiting = { resolve: (json: string) => void; reject: (error: Error) => void };
type WithoutId<T> = T extends { id: number } ? Omit<T, "id"> : never;

/** The rules of `core` in a worker: the same code that the server runs. */
class Rules {
  private readonly waiting = new Map<number, Waiting>();
  private worker: Worker | undefined;
  private lastId = 0;
  private lastFacts = 0;

  /** Under the policy in a document, or under the initial policy without one. */
  async normalizeIdentifier(
    kind: string,
    value: string,
    ...policy: [document?: string]
  ): Promise<NormalForm> {
    return answered(await this.call({ name: "normalizeIdentifier", arguments: [kind, value, ...policy] }));
  }

  /** Every fault of a whole policy document. */
  async checkPolicy(document: PolicyDocument): Promise<PolicyCheck> {
    return answered(await this.call({ name: "checkPolicy", arguments: [JSON.stringify(document)] }));
  }

  /** The values that are blocked under every policy. */
  async alwaysBlocked(): Promise<string[]> {
    return answered(await this.call({ name: "alwaysBlocked", arguments: [] }));
  }

  /** Loads facts of the API into the module. The caller releases them with `free`. */
  readFacts(facts: unknown): Facts {
    this.lastFacts += 1;
    const number = this.lastFacts;
    const read = this.call({ name: "readFacts", arguments: [number, JSON.stringify(facts)] });
    read.catch(() => {
      // Each question that awaits it reports the failure.
    });
    return {
      ask: async (name, question) => {
        await read;
        const json = await this.call({
          name: "askFacts",
          arguments: [number, name, JSON.stringify(question)],
        });
        return answered(json);
      },
      free: () => {
        this.call({ name: "freeFacts", arguments: [number] }).catch(() => {
          // The worker has ended, and its memory with it.
        });
      },
    };
  }

  private call(call: WithoutId<Call>): Promise<string> {
    this.worker ??= this.start();
    this.lastId += 1;
    const id = this.lastId;
    const worker = this.worker;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      worker.postMessage({ ...call, id });
    });
  }

  private start(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data: reply }: MessageEvent<Reply>) => {
      const waiting = this.waiting.get(reply.id);
      this.waiting.delete(reply.id);
      if ("json" in reply) waiting?.resolve(reply.json);
      else if (reply.unavailable) {
        waiting?.reject(new ModuleUnavailable(reply.error));
        this.stop(worker, reply.error);
      } else waiting?.reject(new Error(reply.error));
    });
    worker.addEventListener("error", ({ message }) =>
      this.stop(worker, message || "the worker did not load"),
    );
    return worker;
  }

  /** Ends a worker that cannot answer; the next call starts another one. */
  private stop(worker: Worker, reason: string) {
    worker.terminate();
    if (this.worker !== worker) return;
    this.worker = undefined;
    for (const { reject } of this.waiting.values()) reject(new ModuleUnavailable(reason));
    this.waiting.clear();
  }
}

function answered<T>(json: string): T {
  const answer = JSON.parse(json);
  if (answer.error) throw new RulesError(answer.error);
  return answer;
}

/** The facts of some customers, in the module. */
export type Facts = {
  ask: <Name extends QuestionName>(
    name: Name,
    question: Questions[Name]["question"],
  ) => Promise<Questions[Name]["answer"]>;
  free: () => void;
};

export const rules = new Rules();
