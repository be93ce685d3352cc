// The page to try Peregrine. No library, no build.
import {CallError, call} from "./server.js";
import {byBytes, findAll, findKept, findNumbers, links, numBytes, paint} from "./marks.js";

// While somebody types: how long to wait for more.
const TYPING_MS = 400;
// Texts in bytes, times hypotheses: above, words are asked for when somebody
// points at the translation. They are many times as long as the text.
const WORDS_AT_ONCE = 20000;
// Sentences with less confidence are marked.
const UNSURE = 0.2;
const AUTO = "auto";
const FLAGS = {
  FLAG_TRUNCATED: "Incomplete: a sentence reached its maximum length",
  FLAG_REPETITION: "May repeat itself",
  FLAG_UNKNOWN_SOURCE: "The text holds characters that the model does not know",
  FLAG_SOURCE_SPLIT: "A sentence was too long and was cut",
  FLAG_SPAN_LOST: "An address, a placeholder or the like is missing",
  FLAG_NUMBERS_DIFFER: "A number is not in the text",
  FLAG_SOURCE_COPIED: "A sentence was not translated",
  FLAG_EMPTY: "A sentence came out empty",
};

const $ = (id) => document.getElementById(id);
let models = [];
let languages = [];   // that the chosen model knows, or any
let running = null;   // of the call under way
let answer = null;    // what is shown: {key, message, translation, chosen}

const ask = (method, message, options = {}) =>
    call(method, message, {token: $("token").value, ...options});

function showError(error) {
  if (error.status === 401) $("more").open = true;
  $("error").textContent = error.message;
}

// ---- Languages and models

function fill(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, label]) => new Option(label, value)));
  if (entries.some(([value]) => value === chosen)) select.value = chosen;
  select.disabled = entries.length === 0;
}

const language = (tag) => languages.find((entry) => entry.language === tag);

function languageName(tag) {
  const entry = language(tag);
  if (!entry) return tag;
  return entry.ownName && entry.ownName !== entry.displayName
      ? `${entry.displayName} – ${entry.ownName}` : entry.displayName;
}

const named = (tags) => tags.map((tag) => [tag, languageName(tag)])
    .sort((one, other) => one[1].localeCompare(other[1]));

const chosenModels = () =>
    models.filter((model) => !$("model").value || model.name === $("model").value);

async function showLanguages() {
  const reply = await ask("ListLanguages",
      {model: $("model").value, displayLanguage: navigator.language});
  languages = reply.languages || [];
  const sources = languages.filter((entry) => (entry.targets || []).length)
      .map((entry) => entry.language);
  fill($("source"), [[AUTO, "Detect the language"], ...named(sources)],
      sources.includes($("source").value) || sources.length !== 1 ? $("source").value : sources[0]);
  showTargets();
}

function showTargets() {
  const source = language($("source").value);
  const targets = source ? source.targets
      : languages.filter((entry) => entry.isTarget).map((entry) => entry.language);
  const first = targets.find((tag) => tag === navigator.language.split("-")[0]);
  fill($("target"), named(targets), targets.includes($("target").value) ? $("target").value : first);
  const back = language($("target").value)?.targets || [];
  $("swap").disabled = !source || !back.includes(source.language);
  showTitles();
}

function showTitles(detected) {
  const source = $("source").value;
  const from = source === AUTO ? detected?.language : source;
  let title = from ? languageName(from) : "Text";
  if (source === AUTO && from) {
    title += {CERTAINTY_SURE: " (detected)", CERTAINTY_DEFAULT: " (assumed)"}[detected.certainty] ||
        " (detected, not sure)";
  }
  $("from-title").textContent = title;
  $("to-title").textContent = $("target").value ? languageName($("target").value) : "Translation";
  $("input").lang = from || "";
  $("output").lang = $("target").value;
}

async function showGlossaries() {
  const reply = await ask("ListGlossaries", {}, {service: "GlossaryService"}).catch(() => ({}));
  const entries = reply.glossaries || [];
  $("glossaries").hidden = entries.length === 0;
  $("glossaries").append(...entries.map((glossary) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = glossary.name;
    const pair = [glossary.sourceLanguage, glossary.targetLanguage].filter(Boolean).join(" → ");
    label.append(box, ` ${glossary.name} ${pair}`);
    return label;
  }));
}

// ---- Requests

function showLength() {
  const limits = chosenModels().map((model) => model.limits?.maxTextBytes).filter(Boolean);
  const limit = limits.length ? Math.min(...limits) : 0;
  const length = numBytes($("input").value);
  const tooLong = limit > 0 && length > limit;
  $("length").textContent = limit ? `${length} of ${limit} bytes` : `${length} bytes`;
  $("length").className = tooLong ? "too-long" : "";
  $("translate").disabled = tooLong;
  return !tooLong;
}

// {source, targets} of each line.
function terms() {
  return $("terms").value.split("\n").map((line) => {
    const [source, ...target] = line.split("=");
    const text = target.join("=").trim();
    return {source: source.trim(), targets: text ? [text] : []};
  }).filter((term) => term.source);
}

function decoding(count) {
  if (count === 1) return {};
  const beams = chosenModels().map((model) => model.defaultOptions?.beamSize || 1);
  return {beamSize: Math.max(count, ...beams), numHypotheses: count};
}

function request() {
  const count = Number($("count").value);
  const text = $("input").value;
  const chosen = [...$("glossaries").querySelectorAll(":checked")].map((box) => box.value);
  return {
    model: $("model").value,
    texts: [{text}],
    sourceLanguage: $("source").value,
    targetLanguage: $("target").value,
    priority: "PRIORITY_INTERACTIVE",
    options: {...decoding(count), returnAlignments: numBytes(text) * count <= WORDS_AT_ONCE},
    textOptions: {format: $("format").value, terms: terms(), glossaries: chosen},
  };
}

async function translate() {
  if (!languages.length || !showLength()) return;
  if (running) running.abort();
  $("error").textContent = "";
  if (!$("input").value.trim()) return clearAnswer();
  const message = request();
  const key = JSON.stringify(message);
  if (key === answer?.key) return answer.links || paintAnswer();
  const mine = running = new AbortController();
  document.body.classList.add("busy");
  $("status").textContent = "Translating";
  const start = performance.now();
  try {
    const response = await ask("Translate", message, {signal: mine.signal});
    show(key, message, response, performance.now() - start);
    $("status").textContent = ["Translated", ...flagTexts()].join(". ");
    await findFlags(mine.signal);
  } catch (error) {
    if (mine.signal.aborted) return;
    clearAnswer();
    showError(error);
    $("status").textContent = "";
  } finally {
    if (running === mine) {
      running = null;
      document.body.classList.remove("busy");
    }
  }
}

// Words of a long text, once somebody wants to see them.
async function fetchWords() {
  const shown = answer;
  if (!shown || shown.message.options.returnAlignments || shown.asked) return;
  shown.asked = true;
  const message = structuredClone(shown.message);
  message.options.returnAlignments = true;
  const response = await ask("Translate", message).catch(() => null);
  if (!response || answer !== shown) return;
  const translation = response.translations[0];
  // Another server may have another model by now.
  if (translation.hypotheses[0].text !== shown.translation.hypotheses[0].text) return;
  shown.translation.sourceWords = translation.sourceWords;
  shown.translation.hypotheses = translation.hypotheses;
  paintAnswer();
}

// Flags are told of the whole text. In which sentences is asked for sentence by
// sentence.
async function findFlags(signal) {
  const shown = answer;
  const {sentences = [], flags = []} = shown.translation;
  if (!flags.length || sentences.length < 2) return;
  const text = byBytes(shown.message.texts[0].text);
  const message = structuredClone(shown.message);
  message.singleSentence = true;
  message.options = {};
  if (shown.translation.detected) message.sourceLanguage = shown.translation.detected.language;
  const most = Math.min(...chosenModels().map((model) => model.limits?.maxTextsPerRequest || 64));
  message.texts = sentences.slice(0, most).map((one) => ({text: text.slice(one.source)}));
  const response = await ask("Translate", message, {signal}).catch(() => null);
  if (!response || answer !== shown) return;
  shown.sentenceFlags = response.translations.map((translation) => translation.flags || []);
  paintAnswer();
}

// ---- The answer

function clearAnswer() {
  answer = null;
  $("output").textContent = "";
  $("marks").textContent = $("input").value + "\n";
  for (const list of ["flags", "alternatives"]) $(list).replaceChildren();
  for (const line of ["cost", "pointed"]) $(line).textContent = "";
  for (const button of ["copy", "render"]) $(button).hidden = true;
  showPage(false);
}

function show(key, message, response, milliseconds) {
  const translation = response.translations[0];
  translation.hypotheses = translation.hypotheses || [{text: ""}];
  answer = {key, message, translation, chosen: 0};
  showTitles(translation.detected);
  showCost(translation.cost || {}, milliseconds, response);
  $("copy").hidden = false;
  $("render").hidden = message.textOptions.format !== "FORMAT_HTML";
  if ($("render").hidden) showPage(false);
  $("flags").replaceChildren(...flagTexts().map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
  const {hypotheses} = translation;
  $("alternatives").replaceChildren(...(hypotheses.length > 1 ? hypotheses.map(alternative) : []));
  paintAnswer();
}

function flagTexts() {
  const {flags = [], lostSpans = []} = answer.translation;
  return flags.map((flag) => {
    const text = FLAGS[flag] || flag;
    if (flag !== "FLAG_SPAN_LOST" || !lostSpans.length) return text;
    return `${text}: ${lostSpans.map((span) => span.text).join(", ")}`;
  });
}

const seconds = (duration) => parseFloat(duration || "0s");

function showCost(cost, milliseconds, response) {
  const tokens = cost.targetTokens || 0;
  const work = seconds(cost.encode) + seconds(cost.decode);
  const parts = [`${Math.round(milliseconds)} ms`];
  if (tokens) parts.push(`${tokens} tokens`);
  if (tokens && work) parts.push(`${Math.round(tokens / work)} tokens/s`);
  if (cost.cachedSentences) parts.push(`${cost.cachedSentences} of ${cost.sentences} sentences known`);
  if (cost.device) parts.push(cost.device);
  if (response.pivot) parts.push(`by way of ${languageName(response.pivot.language)}`);
  if (models.length > 1) parts.push(response.model);
  $("cost").textContent = parts.join(" · ");
}

function alternative(hypothesis, index) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-pressed", index === 0);
  for (const [name, text] of [["score", (hypothesis.score || 0).toFixed(2)], ["text", hypothesis.text]]) {
    const part = document.createElement("span");
    part.className = name;
    part.textContent = text;
    if (name === "text") part.dir = "auto";
    button.append(part);
  }
  button.addEventListener("click", () => {
    answer.chosen = index;
    paintAnswer();
    for (const other of $("alternatives").querySelectorAll("button")) {
      other.setAttribute("aria-pressed", other === button);
    }
  });
  item.append(button);
  return item;
}

// ---- Texts with marks

// The sentences that have flags, or little confidence; of one side.
function findSentences(at, side) {
  const {sentences = [], flags = []} = answer.translation;
  return sentences.flatMap((sentence, index) => {
    const own = sentences.length === 1 ? flags : answer.sentenceFlags?.[index] || [];
    const marks = [];
    if (own.length) marks.push(["flagged", own.map((flag) => FLAGS[flag] || flag).join("; ")]);
    if (side === "target" && sentence.confidence < UNSURE) {
      marks.push(["unsure", `Not sure of this sentence: ${Math.round(100 * sentence.confidence)} %`]);
    }
    return marks.map(([kind, title]) => ({...at.range(sentence[side]), kind, title}));
  });
}

function paintAnswer() {
  const {message, translation, chosen} = answer;
  const source = message.texts[0].text;
  const hypothesis = translation.hypotheses[chosen];
  const target = hypothesis.text || "";
  const [inSource, inTarget] = [byBytes(source), byBytes(target)];
  const words = {
    source: (translation.sourceWords || []).map((word) => inSource.range(word)),
    target: (hypothesis.words || []).map((word) => inTarget.range(word.range)),
  };
  const marks = {source: findSentences(inSource, "source"), target: []};
  if (chosen === 0) marks.target.push(...findSentences(inTarget, "target"));
  if (words.source.length) {
    const isMarkup = message.textOptions.format === "FORMAT_HTML";
    marks.source.push(...findKept(source, words.source, isMarkup));
    marks.target.push(...findKept(target, words.target, isMarkup));
  }
  for (const term of message.textOptions.terms) {
    const title = term.targets.length ? `Term: ${term.source} → ${term.targets[0]}` : `Term: ${term.source}`;
    marks.source.push(...findAll(source, term.source, {kind: "term", title}));
    marks.target.push(...findAll(target, term.targets[0] || term.source, {kind: "term", title}));
  }
  for (const span of translation.lostSpans || []) {
    const mark = {kind: "flagged", title: FLAGS.FLAG_SPAN_LOST};
    marks.source.push(...findAll(source, span.text, mark));
  }
  if ((translation.flags || []).includes("FLAG_NUMBERS_DIFFER")) {
    marks.target.push(...findNumbers(target, source,
        {kind: "flagged", title: FLAGS.FLAG_NUMBERS_DIFFER}));
  }
  paint($("marks"), source + "\n", words.source, marks.source);
  paint($("output"), target, words.target, marks.target);
  answer.words = words;
  answer.at = {source: inSource, target: inTarget};
  answer.links = links(hypothesis.words || [], words.source.length);
  answer.pointed = null;
  $("pointed").textContent = "";
  $("rendered").srcdoc = message.textOptions.format === "FORMAT_HTML" ? target : "";
}

// ---- Words and where they come from

const sides = {source: () => $("marks"), target: () => $("output")};
const otherSide = (side) => (side === "source" ? "target" : "source");

// What is said of a word: it, and what it comes from or became.
function point(side, index) {
  if (!answer?.links || answer.pointed === `${side} ${index}`) return null;
  answer.pointed = `${side} ${index}`;
  for (const element of document.querySelectorAll(".on, .near")) {
    element.classList.remove("on", "near");
  }
  $("pointed").textContent = "";
  const other = answer.links[side][index];
  if (!other) return null;
  light(side, index, "on");
  for (const [match, weight] of Object.entries(other)) {
    light(otherSide(side), match, weight === 1 ? "on" : "near");
  }
  const matches = Object.keys(other).map((match) => wordText(otherSide(side), match));
  const text = `${wordText(side, index)} ${side === "source" ? "→" : "←"} ${matches.join(" … ") || "?"}`;
  $("pointed").textContent = [text, sure(side, index)].filter(Boolean).join(" · ");
  return `${wordText(side, index)}: ${matches.join(", ") || "from no word"}`;
}

function sure(side, index) {
  if (answer.chosen !== 0) return "";
  const {begin} = answer.words[side][index];
  const sentence = (answer.translation.sentences || []).find((one) => {
    const range = answer.at[side].range(one[side]);
    return range.begin <= begin && begin < range.end;
  });
  return sentence?.confidence === undefined ? ""
      : `sentence ${Math.round(100 * sentence.confidence)} % sure`;
}

function light(side, index, name) {
  for (const span of sides[side]().querySelectorAll(`[data-word="${index}"]`)) span.classList.add(name);
}

function wordText(side, index) {
  const {begin, end} = answer.words[side][index];
  return (side === "source" ? answer.message.texts[0].text
      : answer.translation.hypotheses[answer.chosen].text).slice(begin, end);
}

const wordOf = (element) => element?.closest?.("[data-word]")?.dataset.word;

function pointAt(side, element) {
  const index = wordOf(element);
  point(side, index === undefined ? -1 : Number(index));
}

// The text lies over its marks.
const markAt = (x, y) =>
    document.elementsFromPoint(x, y).find((element) => element.closest("#marks [data-word]"));

// Browsers also tell of a pointer at rest, when a text grows under it. Nobody asked for
// its words by that.
let pointerAt = "";
const placeOf = (event) => `${event.screenX} ${event.screenY}`;
const hasMoved = (event) => placeOf(event) !== pointerAt;

function pointAtCaret() {
  if (document.activeElement !== $("input") || !answer?.words) return;
  const caret = $("input").selectionStart;
  if (caret !== $("input").selectionEnd) return;
  point("source", answer.words.source.findIndex((word) => word.begin <= caret && caret <= word.end));
}

function goThroughWords(event) {
  const count = answer?.words?.target.length;
  if (!count) return;
  const ahead = getComputedStyle($("output")).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  const [side, index] = (answer.pointed || "").split(" ");
  const at = side === "target" ? Number(index) : -1;
  const steps = {Home: 0, End: count - 1,
    ArrowLeft: ahead === "ArrowLeft" ? at + 1 : at - 1,
    ArrowRight: ahead === "ArrowRight" ? at + 1 : at - 1};
  if (!(event.key in steps)) return;
  event.preventDefault();
  const said = point("target", Math.min(Math.max(steps[event.key], 0), count - 1));
  if (said) $("status").textContent = said;
}

// ---- What people do

function showPage(as) {
  $("render").setAttribute("aria-pressed", as);
  $("rendered").hidden = !as;
  $("output").hidden = as;
}

async function start() {
  try {
    models = (await ask("ListModels", {})).models || [];
    if (!models.length) throw new CallError("The server has no model.");
    fill($("model"), [["", "by the languages"], ...models.map((model) => [model.name, model.name])],
        $("model").value);
    await showLanguages();
  } catch (error) {
    showError(error);
    $("translate").disabled = false;  // tries again
    return;
  }
  $("error").textContent = "";
  $("translate").textContent = "Translate";
  showLength();
  translate();
  if (!$("glossaries").querySelector("input")) showGlossaries();
}

async function chooseModel() {
  try {
    await showLanguages();
    translate();
  } catch (error) {
    showError(error);
  }
}

function swap() {
  const source = $("source").value;
  if (answer) $("input").value = answer.translation.hypotheses[answer.chosen].text;
  $("source").value = $("target").value;
  $("target").value = source;
  changed();
  showTargets();
  translate();
}

// What is shown is no longer of this text.
function changed() {
  $("marks").textContent = $("input").value + "\n";
  $("pointed").textContent = "";
  if (answer) answer.links = null;
  showLength();
}

let timer;
function translateSoon() {
  clearTimeout(timer);
  timer = setTimeout(translate, TYPING_MS);
}

$("input").addEventListener("input", () => { changed(); translateSoon(); });
$("terms").addEventListener("input", translateSoon);
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(timer);
  if (languages.length) translate(); else start();
});
for (const box of ["input", "terms"]) {
  $(box).addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("form").requestSubmit();
  });
}
$("model").addEventListener("change", chooseModel);
$("source").addEventListener("change", () => { showTargets(); translate(); });
for (const id of ["target", "format", "count", "glossaries"]) {
  $(id).addEventListener("change", () => { showTitles(answer?.translation.detected); translate(); });
}
$("token").addEventListener("change", () => { if (languages.length) translate(); else start(); });
$("swap").addEventListener("click", swap);
$("render").addEventListener("click", () => showPage($("rendered").hidden));
$("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("output").textContent);
  $("status").textContent = "Copied";
});
$("output").addEventListener("pointerover", (event) => pointAt("target", event.target));
$("output").addEventListener("click", (event) => { fetchWords(); pointAt("target", event.target); });
$("output").addEventListener("focus", fetchWords);
$("output").addEventListener("keydown", goThroughWords);
$("input").addEventListener("pointermove", (event) => pointAt("source", markAt(event.clientX, event.clientY)));
for (const id of ["input", "output"]) {
  $(id).addEventListener("pointermove", (event) => { if (hasMoved(event)) fetchWords(); });
  $(id).addEventListener("pointerleave", () => point("source", -1));
}
document.addEventListener("pointermove", (event) => { pointerAt = placeOf(event); });
document.addEventListener("selectionchange", pointAtCaret);
start();
