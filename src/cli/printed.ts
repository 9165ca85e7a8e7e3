import type { ComplaintBody } from "../http/api.ts";
import { clean } from "./terminal.ts";

/** A complaint in the form that editors and terminals turn into a link. */
export function printed({ file, line, column, severity, message }: ComplaintBody): string {
  return clean(`${file}:${line}:${column} ${severity === "warning" ? "warning: " : ""}${message}`);
}
