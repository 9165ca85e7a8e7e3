/** Where programs are carried out: what they can see, reach and use up. */
export interface Sandbox {
  readonly name: "none" | "bubblewrap" | "container";
  /** Its workspace and its home as a program sees them; null where it sees them where they are. */
  readonly inside: { readonly workspace: string; readonly home: string } | null;
  /** What the keeper starts in the program's place; it lives as long as the program and needs no daemon. */
  wrap(confined: Confined): Wrapped;
  /** Really tries a trivial command; a sandbox that does not work is told with what to do about it. */
  available(): Promise<Availability>;
  /** Why the sandbox ended a program, or could not start it; null when the program's end was its own. */
  verdict(spool: string): Verdict | null;
  /** Ends what of an execution lives outside its keeper's tree; resolves at once where nothing can. */
  end(execution: string): Promise<void>;
}

/** Sandboxes as operators name them: a container is made by one engine or the other. */
export type Sandboxes = { readonly [name in "none" | "bubblewrap" | "podman" | "docker"]: Sandbox };

/** A program and what it is to have of the machine. Paths are absolute and the machine's own. */
export interface Confined {
  readonly execution: string;
  readonly argv: readonly [string, ...string[]];
  /** All that the program is to find in its environment; no more comes from anywhere. */
  readonly environment: { readonly [name: string]: string };
  /** The folder it works in; but for its home the only one it may write in and keep. */
  readonly workspace: string;
  /** The folder that is its home, where what it notes there is to last; without it its home is in memory. */
  readonly home?: string;
  /** The execution's spool folder: for the sandbox's own papers. The program does not see it. */
  readonly spool: string;
  /** Files and folders it may read, at their own paths: what it was handed, what its runtime is made of. */
  readonly reads: readonly string[];
  /** Folders it may not see wherever they lie, but for what of them it may read: STATE_DIR. */
  readonly hidden: readonly string[];
  readonly limits: Limits;
  /** Hosts it may reach: `example.com`, `*.example.com`, `example.com:8443`, an address, `private:` before a name of the house's own network, `*` for any public name. */
  readonly hosts: readonly string[];
  /** The container's image, where the phase names one. */
  readonly image?: string;
}

export interface Limits {
  readonly memoryBytes: number;
  readonly processes: number;
  readonly diskBytes: number;
}

/** What the keeper hands to the system. */
export interface Wrapped {
  readonly argv: readonly [string, ...string[]];
  /** The whole of it: what a workflow's author put into the program's environment must not steer what runs outside. */
  readonly environment: { readonly [name: string]: string };
}

export type Availability = { readonly found: string } | { readonly missing: string; readonly remedy: string };

export interface Verdict {
  /** What was used up; `unmade`: the sandbox could not be made, and the program never ran. */
  readonly of: "memory" | "processes" | "disk" | "unmade";
  /** This case in words; empty where the disk was too full for them. */
  readonly told: string;
}
