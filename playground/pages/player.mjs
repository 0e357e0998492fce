/**
 * The page that plays: its policy lets nothing out but its own script and embedded pictures, so that whatever a recording
 * holds, it can neither run nor ask anybody for anything.
 */
export const PLAYER_POLICY =
  "default-src 'none'; script-src 'self'; img-src data: blob:; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

const STYLE = `
*{box-sizing:border-box}body{margin:0;font:14px/1.5 system-ui,sans-serif;color:#1d2a33;background:#eef2f4}
#stage{position:relative;overflow:hidden;margin:0 auto}.replayer-wrapper{position:relative;transform-origin:0 0}
.replayer-wrapper>iframe{border:0;background:#fff;box-shadow:0 1px 8px #0003}
.replayer-mouse{position:absolute;width:18px;height:18px;margin:-9px 0 0 -9px;border-radius:50%;background:#e4572eb0;border:2px solid #fff;transition:left .05s,top .05s;z-index:2}
.replayer-mouse.active{background:#e4572e;transform:scale(1.4)}.replayer-mouse-tail{position:absolute;pointer-events:none}
#bar{position:sticky;bottom:0;display:flex;flex-wrap:wrap;gap:8px 14px;align-items:center;padding:10px 14px;background:#fff;border-top:1px solid #d5dde2}
#seek{flex:1;min-width:160px}button{font:inherit;padding:4px 12px;border:1px solid #b9c6ce;border-radius:8px;background:#fff;cursor:pointer}
#jumps{display:flex;gap:6px;overflow-x:auto;padding:8px 14px}#jumps button{white-space:nowrap;font-size:12px;padding:2px 10px}
#time{font-variant-numeric:tabular-nums}`;

export const playerPage = () => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Replay</title><style>${STYLE}</style><script type="module" src="/public/player.js"></script></head>
<body><div id="tabs"></div><div id="jumps"></div><div id="stage"></div><p id="note"></p>
<div id="bar"><button id="toggle">Play</button><input id="seek" type="range" min="0" value="0" step="100" aria-label="Position"><span id="time">0:00</span>
<label>Speed <select id="speed"><option>1</option><option>2</option><option>4</option><option>8</option></select></label><label><input id="skip" type="checkbox"> Skip idle time</label></div></body></html>`;
