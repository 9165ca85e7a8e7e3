import { expect, onTestFinished, test } from "vitest";
import { chatSessionReader, listStatements } from "../../src/store/sqlite/messaging.ts";
import { migrate } from "../../src/store/sqlite/migrate.ts";
import { openDatabase } from "../../src/store/sqlite/open.ts";

const NOW = "2026-11-21T09:00:00.000Z";
const at = (minute: number): string => `2026-11-21T09:${String(minute).padStart(2, "0")}:00.000Z`;

function world() {
  const db = openDatabase(":memory:");
  onTestFinished(() => void db.close());
  migrate(db, NOW);
  const putChat = db.prepare(`
    INSERT INTO messaging_sessions (id, platform, channel_id, thread_id, user_id, agent_session_id, created_at,
                                    last_activity_at, active)
    VALUES (@id, 'slack', 'C1', @id, 'U1', NULL, @at, @at, 1)`);
  const putMessage = db.prepare(
    "INSERT INTO messaging_messages (session_id, role, content, timestamp) VALUES (@chat, @role, @content, @at)",
  );
  return {
    db,
    reader: chatSessionReader(db),
    chat: (id: string, when = NOW): void => void putChat.run({ id, at: when }),
    say: (chat: string, content: string, { role = "user", when = NOW } = {}): void =>
      void putMessage.run({ chat, role, content, at: when }),
  };
}

type World = ReturnType<typeof world>;

/** All that was said in a chat, page by page; `between` is done behind each of them. */
async function all({ reader }: World, chat: string, limit: number, between = (_page: number): void => {}) {
  const said: string[] = [];
  let after: string | undefined;
  for (let page = 0; ; page++) {
    const { rows, next } = await reader.messages(chat, { limit, ...(after === undefined ? {} : { after }) });
    expect(rows.length).toBeLessThanOrEqual(limit);
    said.push(...rows.map(({ content }) => content));
    if (next === null) return said;
    between(page);
    after = next;
  }
}

test("a chat is found with whom it is; one that is not there is not", async () => {
  const { reader, chat } = world();
  chat("one");
  expect(await reader.find("one")).toEqual({
    id: "one",
    platform: "slack",
    channel_id: "C1",
    thread_id: "one",
    user_id: "U1",
    agent_session_id: null,
    created_at: NOW,
    last_activity_at: NOW,
    active: true,
  });
  expect(await reader.find("two")).toBeNull();
});

test("what was said in a chat is read oldest first, whatever the size of its pages, and nothing of another one", async () => {
  const here = world();
  for (const id of ["one", "two"]) here.chat(id);
  for (let n = 0; n < 23; n++) {
    here.say("one", `word ${n}`, { role: n % 2 === 0 ? "user" : "assistant" });
    here.say("two", "elsewhere");
  }
  const words = Array.from({ length: 23 }, (_, n) => `word ${n}`);
  for (const limit of [1, 2, 7, 23, 500]) expect(await all(here, "one", limit)).toEqual(words);
  expect(await all(here, "none", 5)).toEqual([]);
  const { rows } = await here.reader.messages("one", { limit: 2 });
  expect(rows).toMatchObject([
    { role: "user", content: "word 0", characters: 6, timestamp: NOW, platform_message_id: null },
    { role: "assistant", content: "word 1" },
  ]);
});

test("what is said while somebody reads is found behind what he has, and nothing twice, whatever its clock says", async () => {
  const here = world();
  here.chat("one");
  for (let n = 0; n < 6; n++) here.say("one", `word ${n}`, { when: at(30) });
  const said = await all(here, "one", 3, (page) => here.say("one", `late ${page}`, { when: at(page) }));
  expect(said).toEqual(["word 0", "word 1", "word 2", "word 3", "word 4", "word 5", "late 0", "late 1"]);
});

test("a page is bounded: in messages, however many are asked for, and in the length of each", async () => {
  const here = world();
  here.chat("one");
  for (let n = 0; n < 501; n++) here.say("one", n === 0 ? "😀".repeat(70_000) : "x");
  const { rows, next } = await here.reader.messages("one", { limit: 1_000_000 });
  expect(rows).toHaveLength(500);
  expect(next).not.toBeNull();
  expect([rows[0]?.content, rows[0]?.characters]).toEqual(["😀".repeat(65_536), 70_000]);
  expect((await here.reader.messages("one", { limit: -5 })).rows).toHaveLength(1);
});

test("chats are listed by when something was said in them last, page by page, those of one moment too", async () => {
  const { reader, chat } = world();
  for (let n = 0; n < 12; n++) chat(`chat-${n}`, at(Math.floor(n / 4)));
  const listed: string[] = [];
  let after: string | undefined;
  do {
    const page = await reader.sessions({ limit: 5, ...(after === undefined ? {} : { after }) });
    listed.push(...page.rows.map(({ id }) => id));
    after = page.next ?? undefined;
  } while (after !== undefined);
  expect(listed).toEqual(Array.from({ length: 12 }, (_, n) => `chat-${11 - n}`));
});

test("a cursor of another list, or of nobody, is refused", async () => {
  const here = world();
  here.chat("one");
  const { next } = await here.reader.sessions({ limit: 1 });
  const invalid = expect.objectContaining({ code: "cursor.invalid" });
  for (const after of [next as string, "", "x", "W10"])
    await expect(here.reader.messages("one", { limit: 1, after })).rejects.toEqual(invalid);
});

test("no page is sorted, and none costs more for standing deep", () => {
  const { db } = world();
  const value = { at: NOW, place: 1, limit: 5, session: "one", after: 1, longest: 9 };
  const plans = Object.values(listStatements(db)).map(({ source }) =>
    (db.prepare(`EXPLAIN QUERY PLAN ${source}`).all(value) as { detail: string }[]).map(({ detail }) => detail),
  );
  expect(plans).toEqual([
    ["SEARCH messaging_sessions USING INDEX chats_by_activity (last_activity_at<?)"],
    ["SEARCH messaging_messages USING INDEX messages_by_chat (session_id=? AND rowid>?)"],
  ]);
});
