// The report's details, livelier: tabs, sorting, search, filter, columns and pages without loading the whole report again.
const box = document.getElementById("details");
const FULL = 50; // rows of a page
const columnsKey = "m2c.columns";
const filtersKey = "m2c.filters";
let timer = 0;

function kept(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise; // storage is off, or holds what is not ours
  }
}
function keep(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {} // it is remembered until the page is left
}
function fragmentOf(url, part) {
  const found = new URL(url, location.href);
  if (!found.pathname.endsWith(part)) found.pathname = found.pathname.replace(/\/$/, "") + part;
  found.hash = "";
  return found;
}
async function get(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(20000) });
  if (!answer.ok) throw new Error(answer.status);
  return answer;
}
const mine = () => Number(box.dataset.asked ?? 0);

async function show(url, push) {
  const turn = mine() + 1;
  box.dataset.asked = turn;
  clearTimeout(timer);
  box.classList.add("busy");
  box.setAttribute("aria-busy", "true");
  try {
    const html = await (await get(fragmentOf(url, "/details"))).text();
    if (turn !== mine()) return;
    draw(html);
    if (push) history.pushState({}, "", url);
    document.dispatchEvent(new CustomEvent("grid:shown"));
    await Promise.all([fill(turn), counted(turn)]);
  } catch {
    if (turn === mine()) location.assign(url); // the plain way
  } finally {
    if (turn === mine()) {
      box.classList.remove("busy");
      box.removeAttribute("aria-busy");
    }
  }
}

// puts a new table in place, and leaves the reader where they were: what is typed, open and focused stays
function draw(html) {
  const active = box.contains(document.activeElement) ? document.activeElement : null;
  const typing = active?.id === "q" ? [active.value, active.selectionStart, active.selectionEnd] : null;
  const open = [...box.querySelectorAll("details[open]")].map((one) => one.id);
  const id = active?.id;
  const inTabs = active?.closest(".tabs");
  const href = active?.getAttribute("href");
  box.innerHTML = html;
  for (const one of open) document.getElementById(one)?.setAttribute("open", "");
  if (typing) {
    const field = box.querySelector("#q");
    field.value = typing[0];
    field.focus();
    field.setSelectionRange(typing[1], typing[2]);
  } else if (id && document.getElementById(id)) document.getElementById(id).focus({ preventScroll: true });
  else if (inTabs) box.querySelector(".tabs [aria-current]")?.focus({ preventScroll: true });
  else if (href) (box.querySelector(`[href="${CSS.escape(href)}"]`) ?? box.querySelector("th[aria-sort] a, .tabs [aria-current]"))?.focus({ preventScroll: true });
  dress();
}

// a long search comes in parts: what is found so far stands, and the rest is added to it
async function fill(turn) {
  for (let more = box.querySelector("[data-more] a"); more && turn === mine(); ) {
    const url = more.href;
    const html = await (await get(fragmentOf(url, "/details"))).text();
    if (turn !== mine()) return;
    const next = document.createElement("div");
    next.innerHTML = html;
    const rows = [...next.querySelectorAll(".people tbody tr")];
    const body = box.querySelector(".people tbody");
    const enough = (body?.rows.length ?? 0) + rows.length >= FULL;
    if (body) body.append(...rows);
    else if (rows.length || !next.querySelector("[data-more]")) {
      const table = next.querySelector(".scroll, .empty");
      if (table) box.querySelector("[data-more]").before(table);
    }
    if (new URL(url).searchParams.has("before")) return location.assign(url);
    more = enough ? null : next.querySelector("[data-more] a");
    if (more) {
      box.querySelector("[data-far]").replaceWith(next.querySelector("[data-far]"));
      box.querySelector("[data-more] a").href = more.href;
      continue;
    }
    const ahead = next.querySelector(".pages [rel=next]");
    box.querySelector("[data-more]").remove();
    const pages = box.querySelector(".pages");
    pages.querySelector("[rel=next]")?.remove();
    if (ahead) pages.append(ahead);
  }
}

async function counted(turn) {
  const place = box.querySelector("[data-counting]");
  for (let url = place?.dataset.counting; url && turn === mine(); ) {
    const told = await (await get(url)).json();
    if (turn !== mine()) return;
    place.textContent = told.text;
    url = told.next;
  }
}

// --- what needs a script to be of use is shown only where there is one
function dress() {
  box.querySelectorAll("[data-add], [data-saved], [data-copy], .remove").forEach((one) => (one.hidden = false));
  box.querySelectorAll(".condition").forEach((row) => {
    const unused = !row.querySelector("[data-filter=c]").value && row.parentElement.children.length > 1;
    if (unused) row.remove();
    else fit(row);
  });
  saved();
  const soon = box.querySelector("[data-soon]");
  if (soon) timer = setTimeout(() => show(location.href, false), Number(soon.dataset.soon));
}

// the comparisons and the kind of field that go with the column of a condition
const TWO = ["between", "hours"];
const NONE = ["empty", "filled"];
function fit(row) {
  const [column, operator, value, other] = "covw".split("").map((name) => row.querySelector(`[data-filter=${name}]`));
  const chosen = column.selectedOptions[0];
  const kind = chosen?.dataset.kind ?? "";
  const before = operator.value;
  for (const group of operator.querySelectorAll("optgroup")) {
    group.hidden = group.disabled = group.dataset.kind !== kind;
    for (const option of group.children) option.disabled = group.disabled;
  }
  const usable = [...operator.querySelectorAll("option:not(:disabled)")];
  const same = usable.find((one) => one.value === before) ?? usable[0];
  if (same) same.selected = true;
  operator.hidden = !kind;
  value.hidden = !kind || NONE.includes(operator.value);
  other.hidden = other.labels[0].hidden = !kind || !TWO.includes(operator.value);
  const type = kind !== "moment" ? "text" : operator.value === "hours" ? "time" : "date";
  for (const field of [value, other]) {
    if (!field.value || /^\d{4}-\d\d-\d\d$|^\d\d:\d\d$/.test(field.value)) field.type = type;
    field.inputMode = kind === "number" ? "numeric" : "";
  }
  const known = kind === "choice" ? `known-${column.value}` : "";
  if (known) value.setAttribute("list", known);
  else value.removeAttribute("list");
}
function add() {
  const list = box.querySelector(".conditions");
  const row = list.lastElementChild.cloneNode(true);
  const number = Math.max(...[...list.querySelectorAll("[data-filter=c]")].map((one) => Number(one.id.slice(1)))) + 1;
  for (const field of row.querySelectorAll("[data-filter]")) {
    const label = row.querySelector(`label[for="${field.id}"]`);
    field.id = field.dataset.filter + number;
    label.htmlFor = field.id;
    field.value = "";
    field.removeAttribute("aria-invalid");
  }
  list.append(row);
  fit(row);
  row.querySelector("select").focus();
}

// --- filters with a name, kept in this browser; columns of LISTE by their names, so that they fit the next list too
function saved() {
  const place = box.querySelector("[data-saved]");
  if (!place) return;
  const list = place.querySelector("[data-saved-list]");
  const all = kept(filtersKey, []);
  list.replaceChildren(...all.map((one) => entry(place, one)));
  place.querySelector("[data-saved-none]").hidden = all.length > 0;
}
function entry(place, one) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.textContent = one.name;
  link.href = addressOf(one.words);
  link.dataset.nav = "";
  const away = document.createElement("button");
  away.type = "button";
  away.className = "button ghost";
  away.dataset.forget = one.name;
  away.textContent = "×";
  away.setAttribute("aria-label", place.dataset.delete.replace("{name}", one.name));
  item.append(link, away);
  return item;
}
function ownColumns() {
  return [...box.querySelectorAll("#columns-panel [data-name]")].map((one) => [one.value, one.dataset.name]);
}
function addressOf(words) {
  const url = new URL(location.href);
  for (const name of ["m", "c", "o", "v", "w", "after", "before"]) url.searchParams.delete(name);
  const known = ownColumns();
  for (const [name, value] of words) {
    const own = value.startsWith("=") && name === "c" ? known.find((one) => one[1] === value.slice(1))?.[0] : null;
    url.searchParams.append(name, own ?? value);
  }
  return url.href;
}
function save(name) {
  const known = Object.fromEntries(ownColumns());
  const words = [...new URL(location.href).searchParams]
    .filter(([key]) => ["m", "c", "o", "v", "w"].includes(key))
    .map(([key, value]) => [key, key === "c" && known[value] !== undefined ? `=${known[value]}` : value]);
  const others = kept(filtersKey, []).filter((one) => one.name !== name);
  keep(filtersKey, [...others, { name, words }].slice(-30));
  saved();
}
function rememberColumns(form) {
  const chosen = [...form.querySelectorAll("input:checked")].map((one) => (one.dataset.name ? `=${one.dataset.name}` : one.value));
  keep(columnsKey, chosen);
}
function rememberedColumns() {
  if (box.querySelector("[data-memory]")) return ""; // remembered by the login: the server knows
  const chosen = kept(columnsKey, []);
  if (!Array.isArray(chosen) || !chosen.length || new URL(location.href).searchParams.has("cols")) return "";
  const known = ownColumns();
  const keys = chosen.map((one) => (one.startsWith("=") ? known.find((own) => own[1] === one.slice(1))?.[0] : one));
  return keys.filter(Boolean).join(",");
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = event.target.closest("a[data-nav]");
  if (link) {
    event.preventDefault();
    if (link.hasAttribute("data-usual")) keep(columnsKey, []);
    return show(link.href, true);
  }
  const button = event.target.closest("button");
  if (!button || !box?.contains(button)) return;
  if (button.hasAttribute("data-add")) add();
  else if (button.classList.contains("remove")) {
    const row = button.closest(".condition");
    const form = row.closest("form");
    if (row.parentElement.children.length > 1) row.remove();
    else for (const field of row.querySelectorAll("[data-filter]")) field.value = "";
    form.querySelectorAll(".condition").forEach(fit);
    form.querySelector("[data-add]").focus();
  } else if (button.dataset.forget !== undefined) {
    keep(filtersKey, kept(filtersKey, []).filter((one) => one.name !== button.dataset.forget));
    saved();
    box.querySelector("#filter-panel summary").focus();
  } else if (button.dataset.copy !== undefined) {
    navigator.clipboard?.writeText(new URL(button.dataset.copy, location.href).href).then(() => {
      button.querySelector("span").textContent = button.dataset.copied;
    }, () => {});
  }
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-save]")) {
    event.preventDefault();
    save(form.querySelector("input").value.trim());
    form.reset();
  } else if (form.matches("form[data-nav]")) {
    event.preventDefault();
    if (form.matches("[data-columns]")) rememberColumns(form);
    show(addressed(form), true);
  } else if (form.matches("[data-memory]")) {
    event.preventDefault();
    remember(form, event.submitter);
  }
});
// what the login remembers; whatever goes wrong is told by the page of the plain way
async function remember(form, button) {
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form, button)),
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(20000),
    });
    if (!answer.ok) throw new Error(answer.status);
    await show((await answer.json()).to, true);
  } catch {
    const chosen = document.createElement("input");
    Object.assign(chosen, { type: "hidden", name: button?.name ?? "", value: button?.value ?? "" });
    form.append(chosen);
    form.submit();
  }
}
function addressed(form) {
  const url = new URL(form.action);
  url.search = new URLSearchParams(new FormData(form));
  return url.href;
}
document.addEventListener("change", (event) => {
  const row = event.target.closest?.(".condition");
  if (row && event.target.matches("select")) {
    if (event.target.dataset.filter === "c") row.querySelectorAll("input").forEach((one) => (one.value = ""));
    fit(row);
  }
});
let pressed = 0;
document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-typing]");
  if (!form || event.isComposing) return;
  clearTimeout(pressed);
  pressed = setTimeout(() => form.isConnected && show(addressed(form), true), 250);
});
addEventListener("popstate", () => show(location.href, false));

if (box?.dataset.region) {
  dress();
  const columns = rememberedColumns();
  if (columns) {
    const url = new URL(location.href);
    url.searchParams.set("cols", columns);
    history.replaceState({}, "", url);
    show(url.href, false);
  } else {
    fill(mine()).catch(() => {});
    counted(mine()).catch(() => {});
  }
}
// the page draws the table anew while a campaign is sent
new MutationObserver(() => {
  if (box.querySelector("[data-add][hidden]")) dress();
}).observe(box ?? document.body, { childList: true });
