import type { Call, Normalised, Recognised, Reply } from "./types";

type Waiting = { resolve: (json: string) => void; reject: (error: Error) => void };

/** The rules of `core`, in a worker: the same code that the server runs. */
class Rules {
  private readonly waiting = new Map<number, Waiting>();
  private worker: Worker | undefined;
  private lastId = 0;

  async recogniseSearch(text: string): Promise<Recognised> {
    return JSON.parse(await this.call({ id: ++this.lastId, name: "recogniseSearch", arguments: [text] }));
  }

  async normaliseIdentifier(kind: string, value: string): Promise<Normalised> {
    const call: Call = { id: ++this.lastId, name: "normaliseIdentifier", arguments: [kind, value] };
    return JSON.parse(await this.call(call));
  }

  private call(call: Call): Promise<string> {
    this.worker ??= this.start();
    const worker = this.worker;
    return new Promise((resolve, reject) => {
      this.waiting.set(call.id, { resolve, reject });
      worker.postMessage(call);
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

export const rules = new Rules();
