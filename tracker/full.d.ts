/** Made by the build: the tracker with everything. */
declare module "#tracker-full" {
  export function start(script: { dataset: Record<string, string>; src: string }): import("./index.ts").WysLeapApi;
}
