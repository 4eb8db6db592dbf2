import type { Call, Reply, RulesModule } from "./types";

const loaded: Promise<RulesModule> = import("./pkg/rules.js").then(async (rules: RulesModule) => {
  await rules.default();
  return rules;
});

function answer(rules: RulesModule, call: Call): string {
  switch (call.name) {
    case "normaliseIdentifier":
      return rules.normaliseIdentifier(...call.arguments);
    case "recogniseSearch":
      return rules.recogniseSearch(...call.arguments);
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
