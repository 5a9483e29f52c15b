/** The page's markup. The script fills in the values; nothing of rws's state is in it. */

/** @param style and @param script are put in as they are */
export function composeHtml(style: string, script: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>rws</title>
<link rel="icon" href="${ICON}">
<style>${style}</style>
</head>
<body>
<a class="skip" href="#sessions">Skip to the sessions</a>
${HEADER}
<main>
${OVERVIEW}
${POOLS}
${SESSIONS}
${ENDED}
${LISTENERS}
${CONSOLE}
<footer>
<a href="/metrics">Metrics for Prometheus</a> <a href="/openapi.json">Description of the API</a>
</footer>
</main>
${DIALOGS}
<p id="notice" class="gone" role="status"></p>
<script type="module">${script}</script>
</body>
</html>
`
}

/** Two arrows, there and back. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E" +
  "%3Crect width='16' height='16' rx='3' fill='%230b5fc2'/%3E" +
  "%3Cpath d='M3 6h9M9.5 3.5 12 6 9.5 8.5M13 10.5H4M6.5 8 4 10.5 6.5 13' fill='none' stroke='%23fff' " +
  "stroke-width='1.5'/%3E%3C/svg%3E"

const HEADER = `<header>
<div class="top">
<h1>rws <small id="fact-version"></small></h1>
<span id="state" class="state">loading</span>
<div class="toolbar">
<label>Log level
<select id="log-level">
<option>trace</option><option>debug</option><option>info</option><option>warn</option><option>error</option>
<option>silent</option>
</select>
</label>
<button id="reload" type="button">Reload<span class="roomy"> configuration</span></button>
<button id="pause" type="button">Pause</button>
</div>
</div>
<dl class="facts">
<div><dt>Up for</dt><dd id="fact-uptime">–</dd></div>
<div><dt>Sessions since start</dt><dd id="fact-sessions">–</dd></div>
<div><dt>Tunnels since start</dt><dd id="fact-tunnels">–</dd></div>
<div><dt>Reloads</dt><dd id="fact-reloads">–</dd></div>
<div><dt>Workers</dt><dd id="fact-workers">–</dd></div>
<div><dt>Node.js</dt><dd id="fact-node">–</dd></div>
</dl>
<nav aria-label="Sections">
<a href="#pools">Pools</a> <a href="#sessions">Live sessions</a> <a href="#ended">Recently ended</a>
<a href="#listeners">Listeners</a> <a href="#console">Console</a>
</nav>
<p id="alert" role="alert" hidden></p>
</header>`

const OVERVIEW = `<section aria-labelledby="overview">
<h2 id="overview" class="visually-hidden">Overview</h2>
<div class="cards">
<div class="card"><h3>Open tunnels</h3><div id="chart-tunnels" class="chart"></div></div>
<div class="card"><h3>Handshakes / s</h3><div id="chart-handshakes" class="chart"></div></div>
<div class="card"><h3>Bytes / s</h3><div id="chart-bytes" class="chart"></div></div>
<div class="card"><h3>Refusals / s</h3><div id="chart-refusals" class="chart"></div></div>
<div class="card reasons"><h3>Refusals since start</h3><ul id="refusal-reasons"></ul></div>
</div>
</section>`

const POOLS = `<section aria-labelledby="pools">
<h2 id="pools">Pools</h2>
<div id="pool-list"></div>
<p id="no-pools" class="empty">No pools.</p>
</section>`

const LISTENERS = `<section aria-labelledby="listeners">
<h2 id="listeners">Listeners</h2>
<div id="listener-table" class="table"></div>
</section>`

const SESSIONS = `<section aria-labelledby="sessions">
<div class="title">
<h2 id="sessions" tabindex="-1">Live sessions</h2>
<div class="pager">
<span id="session-range" class="muted">–</span>
<button id="session-previous" type="button" disabled>Previous</button>
<button id="session-next" type="button" disabled>Next</button>
</div>
</div>
<form id="session-filter" class="fields" role="search" aria-label="Filter the live sessions">
<label>Client <input name="client" type="search" autocomplete="off" spellcheck="false"></label>
<label>Backend <select id="filter-backend" name="backend"><option value="">all</option></select></label>
<label>Listener <select id="filter-listener" name="listener"><option value="">all</option></select></label>
<label>Pool <select id="filter-pool" name="pool"><option value="">all</option></select></label>
<label>Stage <select name="stage"><option value="">all</option><option>accept</option><option>head</option>
<option>validate</option><option>route</option><option>dial</option><option>handshake</option>
<option>relay</option><option>tunnel</option><option>closing</option></select></label>
</form>
<div id="session-table" class="table short" role="region" aria-label="Table of live sessions" tabindex="0"></div>
</section>`

const ENDED = `<section aria-labelledby="ended">
<div class="title">
<h2 id="ended">Recently ended</h2>
<span id="ended-count" class="muted">–</span>
</div>
<div class="fields">
<label class="wide">Contains <input id="ended-filter" type="search" autocomplete="off" spellcheck="false"
placeholder="timeout, 503, 10.0.0.7 …"></label>
</div>
<div id="ended-table" class="table short" role="region" aria-label="Table of ended sessions" tabindex="0"></div>
</section>`

const CONSOLE = `<section aria-labelledby="console">
<h2 id="console">Console</h2>
<p class="muted">A WebSocket of this browser through a listener. It sends this page's origin, which the
listener must allow. Browsers answer pings by themselves: a page can neither send nor see them.</p>
<form id="console-form" class="fields">
<label class="grows">URL <input id="console-url" list="console-urls" required autocomplete="off"
spellcheck="false" placeholder="ws://127.0.0.1:8080/"></label>
<datalist id="console-urls"></datalist>
<label>Subprotocols <input id="console-protocols" autocomplete="off" spellcheck="false"
placeholder="chat.v2, chat.v1"></label>
<button id="console-connect" class="primary">Connect</button>
</form>
<form id="console-message-form" class="fields">
<label class="grows">Message (Ctrl+Enter sends)
<textarea id="console-message" rows="2" spellcheck="false"></textarea></label>
<label>As <select id="console-kind"><option value="text">text</option>
<option value="binary">binary, in hex</option></select></label>
<button id="console-send" disabled>Send</button>
<button id="console-clear" type="button">Clear</button>
</form>
<div class="frames" role="log" aria-label="Messages">
<p id="console-empty" class="empty">Nothing has been sent or received.</p>
<ol id="console-entries" tabindex="0" aria-label="Messages"></ol>
</div>
</section>`

const DIALOGS = `<dialog id="login" aria-labelledby="login-title">
<form id="login-form">
<h2 id="login-title">Token</h2>
<p>This admin address needs the <code>token</code> of <code>[admin]</code>.</p>
<label>Token <input id="token" type="password" required autocomplete="current-password"></label>
<p id="login-error" class="bad" role="alert"></p>
<button class="primary">Log in</button>
</form>
</dialog>
<dialog id="confirm" aria-labelledby="confirm-text">
<form method="dialog">
<p id="confirm-text"></p>
<button value="no" autofocus>Cancel</button>
<button id="confirm-yes" value="yes" class="destructive">Yes</button>
</form>
</dialog>`
