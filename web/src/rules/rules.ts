import type { Answer, Call, Contents, Normalised, Questions, Recognised, Refusal, Reply } from "./types";

type Waiting = { resolve: (json: string) => void; reject: (error: Error) => void };
type Unnumbered<C> = C extends { id: number } ? Omit<C, "id"> : never;

/** Why the rules have no answer, with a code to tell it by. */
export class RulesRefusal extends Error {
  readonly code: Refusal["code"];
  readonly faults: Refusal["faults"];

  constructor({ code, detail, faults }: Refusal) {
    super(detail);
    this.name = "RulesRefusal";
    this.code = code;
    this.faults = faults;
  }
}

/** The rules of `core`, in a worker: the same code that the server runs. */
class Rules {
  private readonly waiting = new Map<number, Waiting>();
  private worker: Worker | undefined;
  private lastId = 0;

  /** Under the policy in a document; without one, under the policy that a new base starts with. */
  async recogniseSearch(text: string, policy?: string): Promise<Recognised> {
    return this.answer({
      name: "recogniseSearch",
      arguments: policy === undefined ? [text] : [text, policy],
    });
  }

  async normaliseIdentifier(kind: string, value: string, policy?: string): Promise<Normalised> {
    const given: [string, string, string?] = policy === undefined ? [kind, value] : [kind, value, policy];
    return this.answer({ name: "normaliseIdentifier", arguments: given });
  }

  /** Reads `facts` of the API's `profileFacts`, to ask about them; close them in the end. */
  async open(facts: unknown): Promise<OpenFacts> {
    const number = ++this.lastId;
    const ask = <T>(call: Unnumbered<Call>) => this.answer<T>(call);
    const contents = await ask<Contents>({ name: "open", arguments: [number, JSON.stringify(facts)] }).catch(
      (error: unknown) => {
        void ask({ name: "close", arguments: [number] });
        throw error;
      },
    );
    return new OpenFacts(number, contents, ask);
  }

  private async answer<T>(call: Unnumbered<Call>): Promise<T> {
    const answer: Answer<T> = JSON.parse(await this.send(call));
    if (typeof answer === "object" && answer !== null && "error" in answer)
      throw new RulesRefusal(answer.error);
    return answer as T;
  }

  private send(call: Unnumbered<Call>): Promise<string> {
    this.worker ??= this.start();
    const worker = this.worker;
    const id = ++this.lastId;
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
      else waiting?.reject(new Error(reply.error));
    });
    worker.addEventListener("error", () => {
      for (const { reject } of this.waiting.values()) reject(new Error("the rules cannot be loaded"));
      this.waiting.clear();
      this.worker = undefined;
    });
    return worker;
  }
}

/** Facts of some customers, read once. What cannot be answered is a {@link RulesRefusal}. */
export class OpenFacts {
  readonly contents: Contents;
  private readonly number: number;
  private readonly send: <T>(call: Unnumbered<Call>) => Promise<T>;

  constructor(number: number, contents: Contents, send: <T>(call: Unnumbered<Call>) => Promise<T>) {
    this.number = number;
    this.contents = contents;
    this.send = send;
  }

  ask<Name extends keyof Questions>(what: Name, question: Questions[Name][0]): Promise<Questions[Name][1]> {
    return this.send({ name: "ask", arguments: [this.number, what, JSON.stringify(question)] });
  }

  close(): void {
    void this.send({ name: "close", arguments: [this.number] });
  }
}

export const rules = new Rules();
