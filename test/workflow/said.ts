import { check } from "../../src/workflow/check.ts";
import { printComplaint } from "../../src/workflow/complaint.ts";

/** What a person reads about a text saved as `fix.yaml`, one line each; errors only, unless asked otherwise. */
export function said(text: string | Uint8Array, severity: "error" | "warning" = "error"): string[] {
  const { complaints } = check("fix.yaml", typeof text === "string" ? new TextEncoder().encode(text) : text);
  return complaints.filter((each) => each.severity === severity).map(printComplaint);
}

/** The workflow a text declares; a test that expects one fails with what is wrong with it. */
export function workflowIn(text: string): NonNullable<ReturnType<typeof check>["version"]>["workflow"] {
  const { version } = check("fix.yaml", new TextEncoder().encode(text));
  if (!version) throw new Error(said(text).join("\n"));
  return version.workflow;
}
