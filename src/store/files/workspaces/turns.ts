/** Has things done one after another under each name, whatever becomes of those before. */
export type Turn = <T>(name: string, work: () => Promise<T>) => Promise<T>;

export function turns(): Turn {
  const last = new Map<string, Promise<unknown>>();
  return async (name, work) => {
    const own = (last.get(name) ?? Promise.resolve()).then(work);
    const settled = own.catch(() => {});
    last.set(name, settled);
    try {
      return await own;
    } finally {
      if (last.get(name) === settled) last.delete(name);
    }
  };
}
