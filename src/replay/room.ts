import { joinParts, type Part, type Recording, valueOf } from "./recording.ts";

/** Room made at once, so that not every chunk has to evict. */
const HEADROOM = 0.02;

export interface Victim {
  session: string;
  recording: Recording;
}

export interface RoomWanted {
  sessions: Map<string, Map<string, Part>>;
  /** Bytes of all recordings, what they may have, and what is to be added. */
  total: number;
  budgetBytes: number;
  bytes: number;
  /** The session that grows, and what it is worth. */
  own: string;
  value: number;
  now: number;
}

/** The recordings that go, the least valuable first; undefined when too little is worth less than what comes. */
export function chooseVictims({ sessions, total, budgetBytes, bytes, own, value, now }: RoomWanted): Victim[] | undefined {
  if (total + bytes <= budgetBytes) return [];
  const wanted = budgetBytes - Math.max(bytes, budgetBytes * HEADROOM);
  const rest = [...sessions]
    .filter(([session]) => session !== own)
    .map(([session, held]) => {
      const recording = joinParts(held.values());
      return { session, recording, value: valueOf(recording, now) };
    })
    .sort((a, b) => a.value - b.value || a.recording.end - b.recording.end);
  const victims: Victim[] = [];
  let left = total;
  for (const entry of rest) {
    const fits = left + bytes <= budgetBytes;
    // what is worth as much goes for need only, not for headroom
    if (left <= wanted || entry.value > value || (fits && entry.value === value)) break;
    victims.push(entry);
    left -= entry.recording.bytes;
  }
  return left + bytes <= budgetBytes ? victims : undefined;
}
