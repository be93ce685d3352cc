// Texts with marks: where the words, spans and sentences of an answer stand.
// A mark is {begin, end, kind, title}, in units of UTF-16; `kind` is its class.

// How much of a word must come from another one to be shown with it.
const NEAR = 0.2;

export const numBytes = (text) => new TextEncoder().encode(text).length;

function bytesOf(codePoint) {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

// The server counts in bytes of UTF-8, scripts in units of UTF-16: `range` makes
// these of those, `slice` is the text of a range of bytes.
export function byBytes(text) {
  const units = new Uint32Array(numBytes(text) + 1);
  let byte = 0;
  let unit = 0;
  for (const character of text) {
    units[byte] = unit;
    byte += bytesOf(character.codePointAt(0));
    unit += character.length;
  }
  units[byte] = unit;
  const range = ({begin = 0, end = 0}) => ({begin: units[begin], end: units[end]});
  const slice = (inBytes) => {
    const {begin, end} = range(inBytes);
    return text.slice(begin, end);
  };
  return {range, slice};
}

// What stands between words, white space apart: tags, and spans that were kept.
export function findKept(text, words, isMarkup) {
  const kept = [];
  let end = 0;
  for (const word of [...words, {begin: text.length, end: text.length}]) {
    const gap = text.slice(end, Math.max(end, word.begin));
    for (const found of gap.matchAll(isMarkup ? /<[^>]*>|[^<\s][^<]*/g : /\S+/g)) {
      const begin = end + found.index;
      const trimmed = found[0].trimEnd();
      const isTag = isMarkup && trimmed.startsWith("<");
      kept.push({begin, end: begin + trimmed.length, kind: isTag ? "tag" : "kept",
        title: isTag ? "" : "Kept as it is"});
    }
    end = Math.max(end, word.end);
  }
  return kept;
}

// Every `part` of the text, in any case.
export function findAll(text, part, mark) {
  if (!part) return [];
  const pattern = new RegExp(part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "giu");
  return [...text.matchAll(pattern)].map((found) => at(found, mark));
}

const at = (found, mark) => ({begin: found.index, end: found.index + found[0].length, ...mark});

const NUMBER = /\p{N}[\p{N}.,]*/gu;
const digits = (number) => number.replace(/[.,]/g, "");

// The numbers that `source` has not.
export function findNumbers(text, source, mark) {
  const known = new Set((source.match(NUMBER) || []).map(digits));
  return [...text.matchAll(NUMBER)].filter((found) => !known.has(digits(found[0])))
      .map((found) => at(found, mark));
}

// Text in pieces, each with the classes of all marks that hold it.
export function paint(element, text, words, marks) {
  const all = [...words.map((word, index) => ({...word, index})), ...marks]
      .filter((mark) => mark.begin < mark.end);
  const cuts = [...new Set([0, text.length, ...all.flatMap((mark) => [mark.begin, mark.end])])]
      .sort((one, other) => one - other);
  all.sort((one, other) => one.begin - other.begin);
  let open = [];
  let next = 0;
  element.replaceChildren(...cuts.slice(0, -1).map((begin, index) => {
    open = open.filter((mark) => mark.end > begin);
    while (next < all.length && all[next].begin <= begin) open.push(all[next++]);
    const piece = text.slice(begin, cuts[index + 1]);
    if (!open.length) return piece;
    const span = document.createElement("span");
    span.textContent = piece;
    for (const mark of open) {
      if (mark.index !== undefined) span.dataset.word = mark.index;
      if (mark.kind) span.classList.add(mark.kind);
      if (mark.title) span.title = span.title ? `${span.title}; ${mark.title}` : mark.title;
    }
    return span;
  }));
}

// Of each word of each side: {index: weight} of the other side.
export function links(targetWords, numSource) {
  const toSource = targetWords.map((word) => {
    const from = {};
    (word.weights || []).forEach((weight, index) => {
      if (weight >= NEAR) from[index + (word.firstSource || 0)] = weight;
    });
    if (word.source !== undefined) from[word.source] = 1;
    return from;
  });
  const toTarget = Array.from({length: numSource}, () => ({}));
  toSource.forEach((from, index) => {
    for (const [source, weight] of Object.entries(from)) toTarget[source][index] = weight;
  });
  return {target: toSource, source: toTarget};
}

