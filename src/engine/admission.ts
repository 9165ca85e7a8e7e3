import type { Lease, Take } from "../store/store.ts";

/** Whether new executions may start, and how many at once: the one valve for fresh work and recovery alike (engine rule 13). */
export interface Admission {
  /** What to hand the store with each apply; undefined while the valve is shut. */
  take(): Take | undefined;
  shut(): void;
  open(): void;
}

export function admission(node: Lease, cap: number): Admission {
  const take: Take = { node, cap };
  let isOpen = false;
  return {
    take: () => (isOpen ? take : undefined),
    shut: () => {
      isOpen = false;
    },
    open: () => {
      isOpen = true;
    },
  };
}
