/** Made by the build from tracker/: the scripts as the browser gets them. */
declare module "#tracker" {
  export const trackerScript: string;
  export const replayScript: string;
}
