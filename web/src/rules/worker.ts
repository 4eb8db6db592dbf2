import type { Call, FactsInModule, Reply, RulesModule } from "./module";

const loaded: Promise<RulesModule> = import("./pkg/rules.js").then(async (rules: RulesModule) => {
  await rules.default();
  return rules;
});
const read = new Map<number, FactsInModule>();

function answer(rules: RulesModule, call: Call): string {
  switch (call.name) {
    case "normalizeIdentifier":
      return rules.normalizeIdentifier(...call.arguments);
    case "checkPolicy":
      return rules.checkPolicy(...call.arguments);
    case "alwaysBlocked":
      return rules.alwaysBlocked();
    case "readFacts": {
      const [number, json] = call.arguments;
      read.set(number, new rules.Facts(json));
      return "null";
    }
    case "askFacts": {
      const [number, question, json] = call.arguments;
      const facts = read.get(number);
      if (!facts) throw new Error("these facts were released");
      return facts[question](json);
    }
    case "freeFacts": {
      const [number] = call.arguments;
      read.get(number)?.free();
      read.delete(number);
      return "null";
    }
  }
}

addEventListener("message", async ({ data: call }: MessageEvent<Call>) => {
  postMessage(await replyTo(call));
});

async function replyTo(call: Call): Promise<Reply> {
  let rules: RulesModule;
  try {
    rules = await loaded;
  } catch (error) {
    return { id: call.id, error: String(error), unavailable: true };
  }
  try {
    return { id: call.id, json: answer(rules, call) };
  } catch (error) {
    return { id: call.id, error: String(error), unavailable: false };
  }
}
