// The report, livelier: everything here also works without it (plain links, forms and pages).
const regions = () => document.querySelectorAll("[data-region]");
const table = () => document.getElementById("details");
const sheet = document.getElementById("sheet");
const live = document.getElementById("live");

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = event.target.closest("a");
  if (link?.hasAttribute("data-history")) {
    event.preventDefault();
    story(link);
  } else if (!link && !getSelection()?.toString()) {
    const row = event.target.closest(".people tbody tr");
    if (row) story(row.querySelector("[data-history]"));
  }
});
// --- one recipient's story in a sheet at the side
async function story(link) {
  const url = new URL(link.href);
  url.searchParams.set("fragment", "1");
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(answer.status);
    sheet.innerHTML = await answer.text();
  } catch {
    location.assign(link.href);
    return;
  }
  const close = document.createElement("button");
  close.className = "button sheet-close";
  close.textContent = sheet.dataset.close;
  close.addEventListener("click", () => sheet.close());
  sheet.prepend(close);
  sheet.showModal();
  sheet.scrollTop = 0;
}
sheet?.addEventListener("click", (event) => {
  if (event.target === sheet) sheet.close();
});

// --- live figures: pushed by the server while the campaign is sent, asked for now and then otherwise
const last = {};
const QUIET = 40000; // ms without a word after which a stream is taken for lost
let timer = 0;
let stream = null;
let heard = 0;
let listed = 0;
// which view of the table is asked for: news of another one, that come when the reader has gone on, are left out
const view = () => `${table()?.dataset.asked} ${live.dataset.live}`;
function liveUrl() {
  live.dataset.live = location.pathname.replace(/\/$/, "") + "/live" + location.search;
}
function follow() {
  clearTimeout(timer);
  if (!live.dataset.events || !window.EventSource) return look();
  stream = new EventSource(live.dataset.events);
  heard = Date.now();
  stream.addEventListener("news", (event) => {
    heard = Date.now();
    redraw(JSON.parse(event.data).regions);
    say("on", false);
    list();
  });
  stream.addEventListener("beat", () => {
    heard = Date.now();
    say("on", false);
  });
  stream.addEventListener("end", () => {
    live.dataset.events = "";
    live.dataset.again = 20000;
    leave();
    look();
  });
  stream.addEventListener("error", () => {
    if (stream?.readyState === EventSource.CLOSED) {
      leave(); // refused, or no stream here: ask instead, and try again later
      live.dataset.events = "";
      look();
    } else say("lost", true);
  });
  watch();
}
function watch() {
  timer = setTimeout(() => {
    if (!stream) return;
    if (Date.now() - heard < QUIET) return watch();
    leave();
    live.dataset.events = ""; // something on the way holds streams back
    look();
  }, 5000);
}
function leave() {
  clearTimeout(timer);
  stream?.close();
  stream = null;
}
async function list() {
  // the table is each reader's own view: it is asked for, and not more often than every 15 s
  if (!table()?.dataset.region || Date.now() - listed < 15000) return;
  listed = Date.now();
  const before = view();
  try {
    const answer = await fetch(live.dataset.live, { signal: AbortSignal.timeout(8000) });
    const news = answer.ok ? await answer.json() : { regions: {} };
    if (before === view() && news.regions.details !== undefined) redraw({ details: news.regions.details });
  } catch {} // the next news will bring it
}
async function look() {
  clearTimeout(timer);
  let again = Number(live.dataset.again);
  if (!document.hidden) {
    try {
      const before = view();
      const answer = await fetch(live.dataset.live, { signal: AbortSignal.timeout(8000) });
      if (!answer.ok) throw new Error(answer.status);
      const news = await answer.json();
      again = news.again;
      live.dataset.again = again;
      if (before === view()) redraw(news.regions);
      say("on", false);
    } catch {
      say("lost", true);
      again = Math.max(again, 5000);
    }
  }
  timer = setTimeout(look, again);
}
function redraw(news) {
  for (const region of regions()) {
    const html = news[region.dataset.region];
    if (html === undefined || html === last[region.dataset.region]) continue;
    const busy = region.contains(document.activeElement) || sheet.open || String(getSelection() ?? "");
    if (region.id === "details" && (busy || region.querySelector("details[open]"))) continue; // never under the reader's fingers
    last[region.dataset.region] = html;
    const opened = [...region.querySelectorAll("details[open]")].length;
    const chosen = [...region.querySelectorAll("input:checked")].map((box) => box.id);
    const focused = region.contains(document.activeElement) ? document.activeElement : null;
    const mark = focused && (focused.id ? `#${CSS.escape(focused.id)}` : `[href="${CSS.escape(focused.getAttribute("href") ?? "")}"]`);
    region.innerHTML = html;
    if (opened) region.querySelectorAll("details").forEach((box) => (box.open = true));
    for (const id of chosen) if (document.getElementById(id)) document.getElementById(id).checked = true;
    if (mark) region.querySelector(mark)?.focus();
    if (region.dataset.region === "zones") warm();
  }
}
// the heat on the message follows the table beside it; the frame is not loaded again, so that nothing moves under the reader
function warm() {
  const told = document.querySelector("[data-warmth]")?.dataset.warmth.split(";").filter(Boolean) ?? [];
  for (const frame of document.querySelectorAll(".frame iframe")) {
    const page = frame.contentDocument; // none while it shows pictures from elsewhere
    for (const [link, heat, count] of page ? told.map((one) => one.split(":")) : [])
      for (const zone of page.querySelectorAll(`[data-zone="${link}"]`)) Object.assign(zone.dataset, { heat, count });
  }
}
function say(what, lost) {
  live.querySelector(".live-text").textContent = live.dataset[what];
  live.classList.toggle("lost", lost);
}
document.addEventListener("grid:shown", liveUrl);
if (live) {
  live.hidden = false;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) leave();
    else follow();
  });
  if (live.dataset.events) follow();
  else timer = setTimeout(look, Number(live.dataset.again));
}
