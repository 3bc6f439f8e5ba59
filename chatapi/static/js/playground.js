"use strict";
// Talks to /v1/chat/completions. What stands for the token's key is in a variable of this tab, lives five minutes and
// is fetched anew when it ends.

const place = document.getElementById("playground");
const texts = place.dataset;
const by = (id) => document.getElementById(`pg-${id}`);
const turns = []; // {role, content} as the API takes them
let pictures = []; // data URLs
let key = null; // {text, until}
let running = null; // AbortController
let conversation = 0; // what was asked in an earlier one does not come into this one

const MOST_PICTURE_BYTES = 5 * 1024 * 1024;

async function readKey() {
  if (key && key.until - Date.now() > 60_000) return key.text;
  const answer = await fetch(texts.keyUrl, { method: "POST", headers: { "X-CSRFToken": texts.csrf } });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.message ?? texts.failedText);
  key = { text: told.key, until: Date.now() + told.seconds * 1000 };
  return key.text;
}

function readSettings() {
  const settings = { model: by("model").value, stream: by("stream").checked };
  if (settings.stream) settings.stream_options = { include_usage: true };
  const temperature = Number(by("temperature").value);
  const topP = Number(by("top-p").value);
  if (temperature >= 0) settings.temperature = temperature;
  if (topP >= 0) settings.top_p = topP;
  if (by("max").value) settings.max_tokens = Number(by("max").value);
  const system = by("system").value.trim();
  settings.messages = system ? [{ role: "system", content: system }, ...turns] : [...turns];
  return settings;
}

/** Yields the JSON of each event of a stream. */
async function* readEvents(body) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of readChunks(body)) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) {
      const data = line.startsWith("data:") ? line.slice(5).trim() : "";
      if (data && data !== "[DONE]") yield JSON.parse(data);
    }
  }
}

async function* readChunks(body) {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function addTurn(kind) {
  by("empty")?.remove();
  const said = element("div");
  said.className = kind === "user" ? "pg-said" : "pg-said prose";
  const turn = element("article", said);
  turn.className = `pg-turn is-${kind}`;
  by("turns").append(turn);
  return { turn, said };
}

function showAnswer(said, found, isDone) {
  const isAtEnd = by("turns").scrollHeight - by("turns").scrollTop - by("turns").clientHeight < 120;
  const nodes = renderMarkdown(found.text, { copy: texts.copyText, copied: texts.copiedText });
  if (found.thought) {
    const thought = element("details", element("summary", texts.thinkingText), found.thought);
    thought.open = said.querySelector("details")?.open ?? false;
    nodes.unshift(thought);
  }
  said.replaceChildren(...nodes);
  said.classList.toggle("pg-wait", !isDone);
  if (isAtEnd) by("turns").scrollTop = by("turns").scrollHeight;
}

function take(found, event) {
  if (event.error) throw new Error(event.error.message ?? texts.failedText);
  const choice = event.choices?.[0];
  const part = choice?.delta ?? choice?.message ?? {};
  found.text += typeof part.content === "string" ? part.content : "";
  found.thought += part.reasoning_content ?? part.reasoning ?? "";
  found.usage = event.usage ?? found.usage;
}

async function refusal(answer) {
  const told = await answer.json().catch(() => ({}));
  return new Error(told.error?.message ?? `${texts.failedText} (HTTP ${answer.status})`);
}

async function call(settings, found, signal, show) {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${await readKey()}` };
  const options = { method: "POST", headers, body: JSON.stringify(settings), signal, credentials: "omit" };
  const answer = await fetch("/v1/chat/completions", options);
  found.id = answer.headers.get("X-Oneapi-Request-Id");
  if (answer.status === 401) key = null;
  if (!answer.ok) throw await refusal(answer);
  if (!answer.headers.get("Content-Type")?.startsWith("text/event-stream")) {
    take(found, await answer.json());
    return;
  }
  for await (const event of readEvents(answer.body)) {
    take(found, event);
    found.firstAt ??= performance.now();
    show();
  }
}

/** At most once for each frame of the screen, however fast the words come. */
function makePainter(said, found) {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      if (!found.isDone) showAnswer(said, found, false);
    });
  };
}

async function ask() {
  const settings = readSettings();
  const { turn, said } = addTurn("assistant");
  said.classList.add("pg-wait");
  by("turns").scrollTop = by("turns").scrollHeight;
  const found = { text: "", thought: "", usage: null, id: null, startedAt: performance.now() };
  const asked = conversation;
  running = new AbortController();
  setBusy(true);
  let problem = null;
  try {
    await call(settings, found, running.signal, makePainter(said, found));
  } catch (error) {
    problem = error;
  }
  const isStopped = problem?.name === "AbortError";
  found.isDone = true;
  if (asked !== conversation) return;
  running = null;
  setBusy(false);
  showAnswer(said, found, true);
  if (found.text) turns.push({ role: "assistant", content: found.text });
  if (problem && !isStopped) showProblem(problem);
  showFacts(turn, settings.model, found, isStopped);
}

function showProblem(problem) {
  const { said } = addTurn("failed");
  said.textContent = problem instanceof TypeError ? texts.offlineText : problem.message;
  said.parentElement.setAttribute("role", "alert");
  by("turns").scrollTop = by("turns").scrollHeight;
}

function showFacts(turn, model, found, isStopped) {
  const facts = element("div", element("span", model));
  facts.className = "pg-facts";
  const add = (text) => facts.append(element("span", text));
  add(`${((performance.now() - found.startedAt) / 1000).toFixed(2)} s`);
  if (found.firstAt) add(`⇥ ${((found.firstAt - found.startedAt) / 1000).toFixed(2)} s`);
  if (found.usage) add(`${found.usage.prompt_tokens} + ${found.usage.completion_tokens} ${texts.tokensText}`);
  if (isStopped) add(texts.stoppedText);
  turn.append(facts);
  if (found.id) showCost(facts, found.id);
}

/** The exact charge, once it is recorded: that takes a second or so. */
async function showCost(facts, id, tries = 8) {
  const answer = await fetch(texts.costUrl.replace("ID", encodeURIComponent(id)), { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer?.status === 200) {
    const cost = await answer.json();
    const link = element("a", cost.usd);
    link.href = texts.logUrl.replace("ID", encodeURIComponent(id));
    link.title = cost.units;
    facts.append(link);
  } else if (tries > 1 && (answer === null || answer.status === 202)) {
    setTimeout(() => showCost(facts, id, tries - 1), 1000);
  }
}

function setBusy(isBusy) {
  by("stop").hidden = !isBusy;
  by("send").disabled = isBusy;
}

function send() {
  const text = by("text").value.trim();
  if (by("send").disabled || (!text && !pictures.length)) return;
  const parts = pictures.map((url) => ({ type: "image_url", image_url: { url } }));
  const content = parts.length ? [...(text ? [{ type: "text", text }] : []), ...parts] : text;
  turns.push({ role: "user", content });
  const { turn, said } = addTurn("user");
  said.textContent = text;
  for (const url of pictures) turn.prepend(Object.assign(element("img"), { src: url, alt: "" }));
  by("text").value = "";
  pictures = [];
  showPictures();
  ask();
}

function showPictures() {
  const shown = pictures.map((url, at) => {
    const button = element("button", Object.assign(element("img"), { src: url, alt: "" }));
    button.type = "button";
    button.title = texts.removeText;
    button.addEventListener("click", () => {
      pictures.splice(at, 1);
      showPictures();
    });
    return button;
  });
  by("pictures").replaceChildren(...shown);
}

by("file").addEventListener("change", async () => {
  for (const file of by("file").files) {
    if (file.size > MOST_PICTURE_BYTES) {
      showProblem(new Error(texts.largeText));
      continue;
    }
    const reader = new FileReader();
    reader.addEventListener("load", () => {
      pictures.push(reader.result);
      showPictures();
    });
    reader.readAsDataURL(file);
  }
  by("file").value = "";
});

by("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
by("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
by("stop").addEventListener("click", () => running?.abort());
by("clear").addEventListener("click", () => {
  conversation += 1;
  if (running) {
    running.abort();
    running = null;
    setBusy(false);
  }
  turns.length = 0;
  by("turns").replaceChildren();
  by("text").focus();
});
for (const name of ["temperature", "top-p"]) {
  by(name).addEventListener("input", () => {
    const value = Number(by(name).value);
    by(`${name}-shown`).textContent = value < 0 ? "–" : String(value);
  });
}
by("model").form.addEventListener("submit", (event) => {
  if (event.submitter) event.preventDefault();
});
