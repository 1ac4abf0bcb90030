'use strict';

// Refreshes the page's content when the server has news, at most about once a second, and only while somebody looks.
const content = document.getElementById('content');
const live = document.getElementById('live');
const fragment = content.dataset.fragment;
const pause = 900;
let due = null;
let loading = false;
let again = false;

function say(text, on) {
  live.hidden = false;
  live.textContent = text;
  live.classList.toggle('on', on);
}

function localTimes(root) {
  for (const time of root.querySelectorAll('time')) {
    const at = new Date(time.dateTime);
    time.title = time.dateTime;
    time.textContent = at.toDateString() === new Date().toDateString()
      ? at.toLocaleTimeString()
      : at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
  }
}

async function refresh() {
  due = null;
  if (document.hidden || loading) {
    again = true;
    return;
  }
  loading = true;
  again = false;
  try {
    const answer = await fetch(fragment, { headers: { Accept: 'text/html' } });
    if (answer.ok) {
      const open = new Set([...content.querySelectorAll('details')].map((d, i) => (d.open ? i : -1)));
      content.innerHTML = await answer.text();
      content.querySelectorAll('details').forEach((d, i) => { d.open = open.has(i); });
      localTimes(content);
    }
  } catch {
    say('server not reachable', false);
  } finally {
    loading = false;
    if (again) soon();
  }
}

function soon() {
  if (due === null) due = setTimeout(refresh, pause);
}

function follow(path) {
  const events = new EventSource(path);
  events.onopen = () => say('live', true);
  events.onerror = () => say('reconnecting', false);
  // Events carry their type as name; any of them means news.
  for (const type of content.dataset.types.split(' ')) events.addEventListener(type, soon);
  events.addEventListener('end', () => {
    events.close();
    say('ended', false);
    soon();
  });
}

async function followLog(log) {
  const decoder = new TextDecoder();
  let rest = '';
  const answer = await fetch(log.dataset.log, { headers: { Accept: 'application/x-ndjson' } });
  if (!answer.ok) {
    log.textContent = 'No log.';
    return;
  }
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
    rest = lines.pop();
    const below = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
    const batch = document.createDocumentFragment();
    for (const text of lines) batch.append(logLine(text));
    log.append(batch);
    while (log.childNodes.length > 5000) log.firstChild.remove();
    if (below) log.scrollTop = log.scrollHeight;
  }
  if (log.childNodes.length === 0) log.textContent = 'Nothing was written.';
  // The attempt ended while somebody looked: show how.
  if ('running' in log.dataset) setTimeout(() => location.reload(), 1500);
}

function logLine(text) {
  const row = document.createElement('div');
  try {
    const line = JSON.parse(text);
    const at = document.createElement('span');
    at.className = 'at';
    at.textContent = new Date(line.at).toLocaleTimeString() + '  ';
    row.className = line.stream;
    row.append(at, line.text);
  } catch {
    row.textContent = text;
  }
  return row;
}

document.addEventListener('click', async (event) => {
  const button = event.target.closest('button[data-post]');
  if (!button || (button.dataset.confirm && !confirm(button.dataset.confirm))) return;
  const body = JSON.parse(button.dataset.body || '{}');
  if (button.dataset.ask) {
    const reason = prompt(button.dataset.ask);
    if (reason === null) return;
    if (reason.trim()) body.reason = reason.trim();
  }
  button.disabled = true;
  const answer = await fetch(button.dataset.post, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  if (answer.ok) {
    location.reload();
  } else {
    const problem = await answer.json();
    button.disabled = false;
    alert(problem.detail);
  }
});

document.addEventListener('visibilitychange', () => { if (!document.hidden && again) soon(); });
localTimes(document);
if (fragment) {
  if (content.dataset.events) follow(content.dataset.events);
  else setInterval(refresh, 5000);
}
const log = document.getElementById('log');
if (log) followLog(log);
