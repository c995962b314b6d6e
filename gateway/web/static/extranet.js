// The section of this page is in sight, also where the sections are wider than the screen.
const here = document.querySelector(".x-nav [aria-current]");
if (here) here.closest(".x-nav-in").scrollLeft = here.offsetLeft - 24;

// The message of a new campaign, livelier: with formatting, the text is written as it will look. Without this, it is a plain field.
const form = document.querySelector("[data-editor-form]");
if (form) {
  const body = form.querySelector("[data-body]");
  const rich = form.querySelector("[data-rich]");
  const bar = form.querySelector("[data-bar]");
  const code = bar.querySelector('[data-do="code"]');
  const html = () => form.elements.format.value === "html";
  const asCode = () => code.getAttribute("aria-pressed") === "true";

  function draw() {
    const shown = html() && !asCode();
    bar.hidden = !html();
    rich.hidden = !shown;
    body.hidden = shown;
    for (const button of bar.querySelectorAll("button")) button.disabled = asCode() && button !== code;
  }
  function escaped(text) {
    const box = document.createElement("div");
    box.textContent = text;
    return box.innerHTML;
  }
  function toHtml(text) {
    return text.split(/\n{2,}/).map((part) => `<p>${escaped(part).replaceAll("\n", "<br>")}</p>`).join("\n");
  }
  // what is in the field, as a page without anything that could act here
  function safe(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    page.querySelectorAll("script, style, link, meta, iframe, object, form").forEach((one) => one.remove());
    for (const one of page.querySelectorAll("*"))
      for (const { name, value } of [...one.attributes])
        if (name.startsWith("on") || (/^(href|src)$/.test(name) && /^\s*javascript:/i.test(value))) one.removeAttribute(name);
    return page.body.innerHTML;
  }
  function simple(text) {
    return !/<(style|table|!--|!doctype|head)|\sstyle=/i.test(text);
  }
  for (const radio of form.querySelectorAll('[name="format"]'))
    radio.addEventListener("change", () => {
      if (html() && !/<[a-z]/i.test(body.value)) body.value = toHtml(body.value);
      else if (!html() && /<[a-z]/i.test(body.value)) body.value = rich.innerText.replace(/\n{3,}/g, "\n\n").trim();
      rich.innerHTML = safe(body.value);
      draw();
    });
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const what = button.dataset.do;
    if (what === "code") {
      code.setAttribute("aria-pressed", String(!asCode()));
      if (!asCode()) rich.innerHTML = safe(body.value);
      draw();
      (asCode() ? body : rich).focus();
      return;
    }
    rich.focus();
    document.execCommand("styleWithCSS", false, false);
    if (what === "bold" || what === "italic") document.execCommand(what);
    else if (what === "heading") document.execCommand("formatBlock", false, "h2");
    else if (what === "list") document.execCommand("insertUnorderedList");
    else if (what === "link") {
      const target = prompt(body.dataset.askLink, "https://");
      if (target && /^(https?:|mailto:)/i.test(target)) document.execCommand("createLink", false, target);
    }
    body.value = rich.innerHTML;
  });
  rich.addEventListener("input", () => (body.value = rich.innerHTML));
  rich.addEventListener("paste", (event) => {
    event.preventDefault();
    document.execCommand("insertText", false, event.clipboardData.getData("text/plain"));
  });
  form.addEventListener("submit", () => {
    if (html() && !asCode()) body.value = rich.innerHTML;
  });
  if (html() && !simple(body.value)) code.setAttribute("aria-pressed", "true"); // a page of somebody's own stays as it is
  rich.innerHTML = safe(body.value);
  draw();
}

// what is to be copied elsewhere: a button beside it, where the browser lets us
if (navigator.clipboard)
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    const said = document.createElement("span");
    said.setAttribute("role", "status");
    said.className = "quiet";
    button.after(said);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      said.textContent = button.dataset.copied;
      setTimeout(() => (said.textContent = ""), 4000);
    });
  }
