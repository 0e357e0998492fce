/** One promise of a contract, as data: run it with any test runner. It throws (node:assert) when the promise is broken. */
export interface ContractCase<Subject> {
  /** What the user is promised, e.g. "the same event id counts once". */
  name: string;
  /** `create` gives a fresh subject each time it is called; the case closes what it created. */
  run(create: () => Promise<Subject>): Promise<void>;
}

/** The sites that every host under the HTTP contract is set up with. */
export const CONTRACT_SITES = [
  {
    id: "demo",
    apiKey: "secret-key-of-the-demo-site",
    writeKey: "public-key-of-the-demo-site",
    origins: ["https://shop.example", "https://*.shop.example"],
  },
  { id: "small", apiKey: "secret-key-of-the-small-site", writeKey: "public-key-of-the-small-site", plan: "free" as const },
  { id: "other", apiKey: "secret-key-of-the-other-site" },
];

/** A running server with the library mounted over `CONTRACT_SITES`. */
export interface HttpSubject {
  /** Where the library is mounted, without a trailing slash, e.g. `http://127.0.0.1:3000/api`. */
  base: string;
  /** A route of the host itself below the same prefix, answered 200 with the text `own`; absent on a bare handler. */
  ownRoute?: string;
  close(): Promise<void>;
}
