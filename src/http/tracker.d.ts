/** Made by the build from tracker/: the scripts as the browser gets them. */
declare module "#tracker" {
  export const trackerScript: string;
  /** With everything: loaded by the script where a page asks for more. */
  export const trackerFull: string;
  export const replayScript: string;
}
