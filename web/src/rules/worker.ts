import type { Call, FactsHandle, Reply, RulesModule } from "./types";

const loaded: Promise<RulesModule> = import("./pkg/rules.js").then(async (rules: RulesModule) => {
  await rules.default();
  return rules;
});

/** Facts stay read between questions: a customer of years takes longer to read than to ask. */
const opened = new Map<number, FactsHandle>();

function answer(rules: RulesModule, call: Call): string {
  switch (call.name) {
    case "normaliseIdentifier":
      return rules.normaliseIdentifier(...call.arguments);
    case "recogniseSearch":
      return rules.recogniseSearch(...call.arguments);
    case "open": {
      const [number, text] = call.arguments;
      const facts = new rules.Facts(text);
      opened.set(number, facts);
      return facts.contents();
    }
    case "ask": {
      const [number, what, question] = call.arguments;
      const facts = opened.get(number);
      if (facts === undefined) throw new Error("these facts are closed");
      return facts[what](question);
    }
    case "close": {
      const [number] = call.arguments;
      opened.get(number)?.free();
      opened.delete(number);
      return "null";
    }
  }
}

addEventListener("message", async ({ data: call }: MessageEvent<Call>) => {
  let reply: Reply;
  try {
    reply = { id: call.id, json: answer(await loaded, call) };
  } catch (error) {
    reply = { id: call.id, error: String(error) };
  }
  postMessage(reply);
});
