/** The value that `part` of the samples stay at or below, by nearest rank; NaN of nothing. */
export function percentile(samples: readonly number[], part: number): number {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** Rounded for people: three significant digits below a thousand, whole above. */
export function rounded(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
}
