/** Where the first value lies that is not less than the wanted one. */
export function lowerBound<T extends number | string>(sorted: ArrayLike<T>, wanted: T): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (sorted[middle]! < wanted) from = middle + 1;
    else to = middle;
  }
  return from;
}
