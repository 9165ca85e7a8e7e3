/** One thing a person should look at in a workflow file; lines and columns count from 1. */
export interface Complaint {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** An `error` keeps the file from loading; a `warning` does not. */
  readonly severity: "error" | "warning";
  readonly message: string;
}

/** A complaint before anyone has said which file it is about. */
export type Remark = Omit<Complaint, "file">;

/** The form editors and terminals turn into a link. */
export function printComplaint({ file, line, column, message }: Complaint): string {
  return `${file}:${line}:${column} ${message}`;
}

/** In the order of the file, fifty at most: errors are kept before warnings, since they are what stops the file. */
export function complaintsOf(file: string, remarks: readonly Remark[]): Complaint[] {
  const errors = remarks.filter(isError).sort(byPlace).slice(0, LIMIT);
  const warnings = remarks.filter((each) => !isError(each)).sort(byPlace);
  return [...errors, ...warnings.slice(0, LIMIT - errors.length)].sort(byPlace).map((each) => ({ file, ...each }));
}

export function isError(remark: Remark): boolean {
  return remark.severity === "error";
}

const LIMIT = 50;

function byPlace(a: Remark, b: Remark): number {
  return a.line - b.line || a.column - b.column;
}
