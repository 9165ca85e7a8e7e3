import type { Json } from "../../domain/json.ts";
import type { SlackAnswer, SlackEvent } from "./events.ts";
import { cut, escaped } from "./text.ts";

const LONGEST_ERROR = 2_000;

/** What is sent back to Slack by either door; null where there is nothing to be said to such an event. */
export function payloadOf(event: SlackEvent, answer: SlackAnswer): { readonly [name: string]: Json } | null {
  if (answer === null) return null;
  if ("say" in answer) {
    if (event.type !== "command") return null;
    return { response_type: "ephemeral", text: cut({ mrkdwn: escaped(answer.say) }).mrkdwn };
  }
  if (event.type !== "form") return null;
  if ("errors" in answer) {
    const errors = Object.entries(answer.errors).map(([block, words]) => [block, words.slice(0, LONGEST_ERROR)]);
    return { response_action: "errors", errors: Object.fromEntries(errors) };
  }
  if ("show" in answer) return { response_action: "update", view: answer.show };
  return { response_action: "clear" };
}
