import { textOf, type Value, valueAt } from "./filters.ts";

/** Looks a flat context key up. */
type Lookup = (name: string) => Value;

/** What each link is made of: the names a template reads when it uses the filter. */
export const LINK_NAMES: Readonly<Record<string, readonly string[]>> = {
  branch_url: ["owner", "repo", "branch", "issueDir"],
  artefact_url: ["owner", "repo", "branch", "issueDir", "externalizeArtifacts", "publicUrl"],
  approval_url: ["publicUrl", "approvalId"],
};

/**
 * Where a file of the run's folder (`issueDir`, or the repository's root) is read on GitHub, at the run's branch.
 * Without owner, repository or branch there is no such page, and the link is empty.
 */
export function branchUrl(file: Value, lookup: Lookup): string {
  const [owner, repo, branch] = ["owner", "repo", "branch"].map((name) => textOf(lookup(name)));
  if (!owner || !repo || !branch) return "";
  const path = [...textOf(lookup("issueDir")).split("/"), ...textOf(file).split("/")].filter((part) => part !== "");
  return `https://github.com/${[owner, repo, "blob", branch, ...path].map(encode).join("/")}`;
}

/**
 * Where a document that a phase hands on is read: on the dashboard when documents are kept there
 * (`externalizeArtifacts`) and it has an address (`publicUrl`), on the branch otherwise.
 */
export function artefactUrl(file: Value, lookup: Lookup): string {
  const dashboard = dashboardOf(lookup);
  const outside = lookup("externalizeArtifacts");
  if (!outside || dashboard === "") return branchUrl(file, lookup);
  const repo = `${textOf(lookup("owner"))}/${textOf(lookup("repo"))}`;
  const key = textOf(lookup("issueDir")).replace(/^(?:\.\.\/)?\.lastlight\//, "");
  return `${dashboard}/artefacts?repo=${encode(repo)}&key=${encode(key)}&doc=${encode(textOf(file))}`;
}

/** Where the gate being asked about is answered; empty when the dashboard has no address or there is no gate. */
export function approvalUrl(lookup: Lookup): string {
  const dashboard = dashboardOf(lookup);
  const approval = textOf(lookup("approvalId"));
  return dashboard === "" || approval === "" ? "" : `${dashboard}/approvals/${encode(approval)}`;
}

function dashboardOf(lookup: Lookup): string {
  const address = textOf(lookup("publicUrl"));
  let end = address.length;
  while (address[end - 1] === "/") end--;
  return address.slice(0, end);
}

/** Half a character pair would make the encoder throw. */
function encode(part: string): string {
  return encodeURIComponent(part.toWellFormed());
}

/** The scope of a rendering as a lookup of its own keys. */
export function lookupIn(scope: object): Lookup {
  return (name) => valueAt(scope as Record<string, never>, [name]);
}
