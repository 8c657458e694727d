// OpenAI's client for Node on a gateway: node clients.mjs URL. Prints one JSON line for each check.
import OpenAI from "openai";

const url = process.argv[2];
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: process.env.AGENTNET_KEY || "none", maxRetries: 0 });
const messages = [{ role: "user", content: "What is 12 + 7?" }];
const schema = {
  type: "object",
  properties: { right: { type: "boolean" } },
  required: ["right"],
  additionalProperties: false,
};

function must(holds, what) {
  if (!holds) throw new Error(what);
}

async function refused(work, kind, holds) {
  try {
    await work();
  } catch (error) {
    must(error instanceof kind, `a ${error.constructor.name} instead of a ${kind.name}: ${error.message}`);
    must(holds(error), `not the error that was expected: ${error.message}`);
    return;
  }
  throw new Error(`no ${kind.name}`);
}

const checks = {
  async "models are listed and described"() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    must(ids.includes("auto") && ids.includes("zoo/math"), ids.join(", "));
    must((await client.models.retrieve("zoo/math")).owned_by === "zoo", "owned by another network");
  },
  async "a whole reply"() {
    const reply = await client.chat.completions.create({ model: "debate", messages });
    must(reply.choices[0].message.content === "19", reply.choices[0].message.content);
    must(reply.choices[0].message.reasoning_content.includes("(solve):"), "no reasoning");
    must(reply.agentnet.status === "done" && reply.usage.total_tokens > 0, "no agentnet, or no usage");
  },
  async "a stream, with its usage"() {
    const options = { model: "zoo/math", messages, stream: true, stream_options: { include_usage: true } };
    let text = "";
    let used = 0;
    for await (const chunk of await client.chat.completions.create(options)) {
      text += chunk.choices[0]?.delta?.content ?? "";
      used = chunk.usage?.total_tokens ?? used;
    }
    must(text.endsWith("=> 19") && used > 0, `${text} ${used}`);
  },
  async "the helper for streams"() {
    const stream = client.chat.completions.stream({ model: "zoo/math", messages });
    must((await stream.finalContent()).endsWith("=> 19"), "another text");
  },
  async "structured output"() {
    const format = { type: "json_schema", json_schema: { name: "verdict", strict: true, schema } };
    const reply = await client.chat.completions.parse({ model: "zoo/math", messages, response_format: format });
    must(typeof JSON.parse(reply.choices[0].message.content).right === "boolean", "not in the form");
  },
  async "an unknown model"() {
    const work = () => client.chat.completions.create({ model: "nothing", messages });
    await refused(work, OpenAI.NotFoundError, (error) => error.code === "model_not_found");
  },
  async "a field that is not supported"() {
    const tools = [{ type: "function", function: { name: "f" } }];
    const work = () => client.chat.completions.create({ model: "auto", messages, tools });
    await refused(work, OpenAI.BadRequestError, (error) => error.param === "tools");
  },
  async "a client that has no more time"() {
    const work = () => client.chat.completions.create({ model: "debate", messages }, { timeout: 1 });
    await refused(work, OpenAI.APIConnectionTimeoutError, () => true);
  },
  async "a stream that is left"() {
    const stream = await client.chat.completions.create({ model: "debate", messages, stream: true });
    for await (const chunk of stream) {
      must(chunk.id.startsWith("chatcmpl-"), chunk.id);
      break;
    }
  },
  async "a response, and one that goes on from it"() {
    const first = await client.responses.create({ model: "auto", input: "What is 12 + 7?" });
    must(first.output_text === "19", first.output_text);
    const second = await client.responses.create({
      model: "auto",
      input: "What is 3 + 4?",
      previous_response_id: first.id,
    });
    must(second.status === "completed" && second.previous_response_id === first.id, second.status);
  },
  async "a response as a stream"() {
    const stream = client.responses.stream({ model: "zoo/math", input: "What is 12 + 7?" });
    must((await stream.finalResponse()).output_text.endsWith("=> 19"), "another text");
  },
};

for (const [name, check] of Object.entries(checks)) {
  let detail = "";
  try {
    await check();
  } catch (error) {
    detail = String(error?.message ?? error) || "failed";
  }
  console.log(JSON.stringify({ name, status: detail ? "failed" : "passed", detail }));
}
