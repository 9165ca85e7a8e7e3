import { describe, expect, test } from "vitest";
import { slack } from "../../../src/connectors/slack/client.ts";
import type { SlackEvent } from "../../../src/connectors/slack/events.ts";
import { formModal } from "../../../src/connectors/slack/form.ts";
import { readForm } from "../../../src/connectors/slack/form-value.ts";
import { GATE_ACTIONS, gateIn, gateMessage } from "../../../src/connectors/slack/gate-message.ts";
import type { Json } from "../../../src/domain/json.ts";
import { openSigned, openSocket } from "./doors-world.ts";
import { answered, FORM, gate } from "./gates.ts";
import { outgoing, START, value } from "./world.ts";

const DOORS = [
  ["Socket Mode", openSocket],
  ["signed HTTP", openSigned],
] as const;

describe.each(DOORS)("a gate asked on Slack, by %s", (_, open) => {
  test("is answered by a button, and then says by whom", async () => {
    const { fake, clock, heard } = await open();
    const client = slack({ api: fake.api, token: fake.token, clock });
    const posted = value(await client.post(outgoing("", { message: gateMessage(gate()) })));
    await fake.press("Approve", { user: "U0ANA" }).answered;
    const [pressed] = heard.events;
    if (pressed?.type !== "button") throw new Error("no button");
    expect(pressed).toMatchObject({
      action: GATE_ACTIONS.approve,
      user: "U0ANA",
      channel: "C0SHIP",
      message: posted.ts,
    });
    expect(gateIn(pressed.value)).toEqual({ id: "0199-gate", digest: "sha256:abc" });
    const by = value(await client.user(pressed.user))?.name ?? "?";
    const standing = answered("approved", { by });
    value(await client.edit(posted, gateMessage(gate({ standing })), "run-1/ask/1"));
    expect(fake.posted()).toMatchObject([{ words: expect.stringContaining("Approved by Ana"), buttons: [], edits: 1 }]);
  });

  test("is answered by a form that stays open until it is right", async () => {
    const { fake, clock, heard } = await open();
    const client = slack({ api: fake.api, token: fake.token, clock });
    value(await client.post(outgoing("", { message: gateMessage(gate({ form: FORM })) })));
    let taken: Json = null;
    heard.answer = async (event: SlackEvent) => {
      if (event.type === "button") {
        const modal = formModal({
          form: FORM,
          callback: GATE_ACTIONS.form,
          carries: event.value,
          title: "Ship",
          submit: "Approve",
          words: "Ship it?",
        });
        if (modal.ok) value(await client.openModal(event.trigger, modal.view));
        return null;
      }
      if (event.type !== "form") return null;
      expect(gateIn(event.carried)).toEqual({ id: "0199-gate", digest: "sha256:abc" });
      const read = readForm(FORM, event.fields);
      if (!read.ok) return { errors: read.errors };
      taken = read.value;
      return { close: true };
    };
    await fake.press("Fill in the form", { user: "U0ANA" }).answered;
    const entries = { note: "because", level: "high", ok: "Yes", count: "9", areas: ["api", "docs"] };
    const refused = await fake.submit("U0ANA", entries).answered;
    expect(refused).toMatchObject({ response_action: "errors", errors: { "field:count": "Please enter 5 or less" } });
    expect(fake.modal("U0ANA")?.errors).toHaveProperty(["field:count"]);
    await fake.submit("U0ANA", { ...entries, count: "4" }).answered;
    expect(taken).toEqual({ note: "because", title: "Fix", level: "high", ok: true, count: 4, areas: ["api", "docs"] });
    expect(fake.modal("U0ANA")).toBeNull();
  });

  test("is asked once, though the daemon dies at any moment of asking and Slack is down in between", async () => {
    const { fake, clock } = await open();
    const asked = outgoing("", { message: gateMessage(gate()) });
    const born = () => slack({ api: fake.api, token: fake.token, clock });
    fake.trouble("chat.postMessage", { lost: true });
    expect((await born().post(asked)).ok).toBe(false);
    fake.trouble("auth.test", { status: 503 });
    expect((await born().postOnce(asked, START)).ok).toBe(false);
    fake.trouble("conversations.history", { status: 429, retryAfter: "60" });
    expect((await born().postOnce(asked, START)).ok).toBe(false);
    clock.advance(3_600_000);
    const posted = value(await born().postOnce(asked, START));
    expect(value(await born().postOnce(asked, START))).toEqual(posted);
    expect(fake.posted().length).toBe(1);
  });

  test("hears the same press twice as the same event", async () => {
    const { fake, clock, heard } = await open();
    const client = slack({ api: fake.api, token: fake.token, clock });
    value(await client.post(outgoing("", { message: gateMessage(gate()) })));
    const pressed = fake.press("Reject", { user: "U0BEN" });
    await pressed.answered;
    await pressed.send();
    await heard.came(2);
    expect(heard.events[1]).toEqual(heard.events[0]);
  });
});
