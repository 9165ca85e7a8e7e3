import { expect, onTestFinished, test } from "vitest";
import { calls, forever, type Reply, refusal, text, times } from "./llm/script.ts";
import { type Llm, llm } from "./llm/server.ts";

async function model(script: Iterable<Reply>): Promise<Llm> {
  const server = await llm(script);
  onTestFinished(() => server.close());
  return server;
}

type Json = { readonly [key: string]: unknown };
/** Deeply nested answers, read by path: `choices.0.delta`. */
const at = (value: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((inside, key) => (inside as Json | undefined)?.[key], value);

const PATHS = { anthropic: "/v1/messages", chat: "/v1/chat/completions", responses: "/v1/responses" } as const;
type Name = keyof typeof PATHS;
const names = Object.keys(PATHS) as Name[];

function ask({ url }: Llm, name: Name, more: Json = {}): Promise<Response> {
  const messages = [{ role: "user", content: "Think of rain" }];
  return fetch(url + PATHS[name], {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": "k" },
    body: JSON.stringify({
      model: "m",
      max_tokens: 9,
      ...(name === "responses" ? { input: messages } : { messages }),
      ...more,
    }),
  });
}

async function events(response: Response): Promise<Json[]> {
  const frames = (await response.text()).split("\n\n").filter((each) => each !== "");
  return frames
    .map((each) => each.replace(/^event: .*\n/, "").replace(/^data: /, ""))
    .filter((each) => each !== "[DONE]")
    .map((each) => JSON.parse(each) as Json);
}

/** The text that a stream's pieces make. */
const said = (list: readonly Json[]): string =>
  list
    .map((each) =>
      each.type === "response.output_text.delta"
        ? each.delta
        : (at(each, "delta.text") ?? at(each, "choices.0.delta.content") ?? ""),
    )
    .join("");

const hostile = `a\u2028b\u2029c\u0085d \u{1f327}\u{fe0f} "\${{ x }}" ${"drop ".repeat(40_000)}`;

test.for(names)("%s streams a text whole, whatever is in it and wherever it is cut", async (name) => {
  const server = await model([text(hostile)]);
  const list = await events(await ask(server, name, { stream: true }));
  expect(said(list)).toBe(hostile);
  expect(list.length).toBeGreaterThan(20);
});

test("pieces arrive cut within frames and within characters", async () => {
  const server = await model([text("🌧".repeat(2000))]);
  const response = await ask(server, "anthropic", { stream: true });
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) chunks.push(chunk);
  expect(chunks.length).toBeGreaterThan(3);
  expect(chunks.some((each) => !Buffer.from(each).toString("utf8").endsWith("\n\n"))).toBe(true);
  const whole = Buffer.concat(chunks).toString("utf8");
  expect(whole).not.toContain("\ufffd");
});

test.for(names)("%s answers at once where no stream is asked for", async (name) => {
  const server = await model([text("Drip")]);
  const body = (await (await ask(server, name)).json()) as Json;
  const path = { anthropic: "content.0.text", chat: "choices.0.message.content", responses: "output.0.content.0.text" };
  expect(at(body, path[name])).toBe("Drip");
});

test("calls of tools stand side by side, with ids of their own and their input in pieces", async () => {
  const input = { path: "a.txt", content: "ü".repeat(50) };
  const server = await model(forever(calls(["write", input], ["bash", { command: "ls" }])));
  const anthropic = await events(await ask(server, "anthropic", { stream: true }));
  const pieces = (index: number): string =>
    anthropic
      .filter((each) => each.index === index)
      .map((each) => at(each, "delta.partial_json") ?? "")
      .join("");
  expect([pieces(0), pieces(1)].map((each) => JSON.parse(each))).toEqual([input, { command: "ls" }]);
  expect(anthropic.find(({ type }) => type === "message_delta")).toMatchObject({ delta: { stop_reason: "tool_use" } });
  const chat = await events(await ask(server, "chat", { stream: true }));
  const argued = chat.filter((each) => at(each, "choices.0.delta.tool_calls.0.index") === 0);
  expect(
    JSON.parse(argued.map((each) => at(each, "choices.0.delta.tool_calls.0.function.arguments")).join("")),
  ).toEqual(input);
  const responses = await events(await ask(server, "responses", { stream: true }));
  const finished = responses.filter(({ type }) => type === "response.output_item.done").map(({ item }) => item as Json);
  expect(finished.map((each) => JSON.parse(String(each.arguments)))).toEqual([input, { command: "ls" }]);
  expect(new Set(finished.map((each) => each.call_id)).size).toBe(2);
});

test("what was thought and what it used are told in each protocol's words", async () => {
  const reply: Reply = { parts: [{ thinking: "Hm." }, { text: "Yes" }], usage: { input: 5, output: 7 } };
  const server = await model(times(3, reply));
  const anthropic = await events(await ask(server, "anthropic", { stream: true }));
  expect(anthropic.map((each) => at(each, "delta.thinking") ?? "").join("")).toBe("Hm.");
  expect(anthropic[0]).toMatchObject({ message: { usage: { input_tokens: 5, cache_read_input_tokens: 900 } } });
  expect(anthropic.at(-2)).toMatchObject({ usage: { output_tokens: 7 } });
  const chat = await events(await ask(server, "chat", { stream: true, stream_options: { include_usage: true } }));
  expect(chat.map((each) => at(each, "choices.0.delta.reasoning_content") ?? "").join("")).toBe("Hm.");
  expect(chat.at(-1)).toMatchObject({ usage: { prompt_tokens: 1205, completion_tokens: 7 } });
  const responses = await events(await ask(server, "responses", { stream: true }));
  expect(responses.at(-1)).toMatchObject({ response: { usage: { input_tokens: 1205, output_tokens: 7 } } });
});

test.for([400, 401, 429, 500] as const)("%d is refused in each protocol's words", async (status) => {
  const server = await model(forever(refusal(status, { message: "No.", retryAfterSeconds: 3 })));
  for (const name of names) {
    const response = await ask(server, name, { stream: true });
    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe("3");
    expect(await response.json()).toMatchObject({ error: { message: "No." } });
  }
});

test("so many refusals, then an answer; a script that is over refuses what still comes", async () => {
  const server = await model([...times(2, refusal(500)), text("At last")]);
  const statuses: number[] = [];
  for (let count = 0; count < 4; count++) statuses.push((await ask(server, "chat")).status);
  expect(statuses).toEqual([500, 500, 200, 400]);
});

test("a connection that drops in the middle of a stream is lost to who reads it", async () => {
  const server = await model([text("never whole ".repeat(100), { dropped: 0.5 }), text("whole")]);
  const response = await ask(server, "anthropic", { stream: true });
  expect(response.status).toBe(200);
  await expect(response.text()).rejects.toThrow();
  expect(said(await events(await ask(server, "anthropic", { stream: true })))).toBe("whole");
});

test("an answer waits for as long as the test wants, before it begins or before it ends", async () => {
  const start = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const server = await model([text("slow", { before: start.promise, midway: end.promise })]);
  const asking = ask(server, "anthropic", { stream: true });
  await server.asked(1);
  start.resolve();
  const reader = (await asking).body!.pipeThrough(new TextDecoderStream()).getReader();
  let got = "";
  while (!got.includes("content_block_stop")) got += (await reader.read()).value;
  expect(got).not.toContain("message_stop");
  end.resolve();
  for (let next = await reader.read(); !next.done; next = await reader.read()) got += next.value;
  expect(got).toContain("message_stop");
});

test("every request is kept: who asked, for what, with which tools, and what the tools had said", async () => {
  const server = await model(forever(text("Yes")));
  const result = { type: "tool_result", tool_use_id: "toolu_1", content: [{ type: "text", text: "wrote it" }] };
  await ask(server, "anthropic", {
    messages: [
      { role: "user", content: "Think of rain" },
      { role: "user", content: [result] },
    ],
    tools: [{ name: "write" }],
  });
  await ask(server, "chat", {
    messages: [
      { role: "user", content: "Think of rain" },
      { role: "tool", tool_call_id: "call_1", content: "wrote it" },
    ],
    tools: [{ type: "function", function: { name: "write" } }],
  });
  await ask(server, "responses", {
    input: [
      { role: "user", content: [{ type: "input_text", text: "Think of rain" }] },
      { type: "function_call_output", call_id: "fc_1", output: "wrote it" },
    ],
    tools: [{ type: "function", name: "write" }],
  });
  const heard = await server.asked(3);
  expect(heard.map(({ protocol }) => protocol)).toEqual(names);
  for (const each of heard) {
    expect(each).toMatchObject({ model: "m", streaming: false, prompts: ["Think of rain"], tools: ["write"] });
    expect(each.headers["x-api-key"]).toBe("k");
    expect(each.results.map((one) => one.text)).toEqual(["wrote it"]);
  }
});
