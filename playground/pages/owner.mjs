import { ownerPage } from "./layout.mjs";

const head = (title) => `<div class="head"><h1>${title}</h1><span class="live" id="live">live</span></div>`;

export const insightsPage = () => ownerPage({
  active: "/insights", title: "Insights", script: "insights.js",
  body: `${head("Insights")}
<p class="hint">The last 14 days, as <code>GET /api/visitors/demo</code> answers, asked every two seconds. Choose a visitor to see why.</p>
<section id="totals" class="totals" aria-label="Totals"></section>
<section class="panel"><h2>Pageviews by day</h2><div id="chart"></div></section>
<div class="columns"><section class="panel"><h2>Visitors <small id="visitors-note"></small></h2><div id="visitors"></div></section><section class="panel"><h2>Top pages <small>views, time on page</small></h2><div id="pages"></div></section></div>
<dialog id="visitor" aria-label="Visitor"></dialog>`,
});

export const webhooksPage = () => ownerPage({
  active: "/webhooks", title: "Webhooks", script: "webhooks.js",
  body: `${head("Webhooks")}
<p class="hint">What this shop's own receiver at <code>POST /receiver</code> got, newest first. Each is checked with <code>verifyWebhook</code> on its raw body; unfold one to see its data.</p>
<p><button id="failing" type="button" class="small">Let the receiver fail</button> <button id="test" type="button" class="small">Send a test</button> <small id="said" role="status"></small></p>
<section class="panel"><h2>Deliveries <small>as <code>GET /api/webhooks/demo/deliveries</code> answers</small></h2><div id="deliveries"></div></section>
<section class="panel"><h2>Received</h2><div id="received"></div></section>`,
});

export const replaysPage = () => ownerPage({
  active: "/replays", title: "Replays", script: "replays.js",
  body: `${head("Replays")}
<p class="hint">Recorded sessions, as <code>GET /api/replays/demo</code> answers. What was typed is not in them: fields are masked in the visitor's browser. Choose one to play it.</p>
<section class="panel"><h2>Sessions <small id="replays-note"></small></h2><div id="replays"></div></section>
<section class="panel"><h2 id="player-title">Player</h2><div id="stage"><p class="hint">Nothing chosen.</p></div></section>`,
});
