import type { ContractCase, HttpSubject } from "./case.ts";
import { authCases } from "./http-auth-cases.ts";
import { bodyCases } from "./http-body-cases.ts";
import { dataCases } from "./http-data-cases.ts";
import { limitCases } from "./http-limit-cases.ts";
import { referenceCases } from "./http-reference-cases.ts";

/** What every host must answer over HTTP, whatever framework it is and whatever parser stands in front of us. */
export const httpCases: ContractCase<HttpSubject>[] = [
  ...referenceCases,
  ...authCases,
  ...bodyCases,
  ...limitCases,
  ...dataCases,
];
