/** Resolves after so many milliseconds, fractions included: a timer for the whole ones, a spin for the rest. */
export async function pause(ms: number): Promise<void> {
  const until = performance.now() + ms;
  if (ms >= 2) await new Promise<void>((resolve) => void setTimeout(resolve, Math.floor(ms) - 1));
  while (performance.now() < until);
}

/** Whether the promise settled within the time. */
export async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const settled = promise.then(
    () => true as const,
    () => true as const,
  );
  return Promise.race([settled, late]).finally(() => clearTimeout(timer));
}
