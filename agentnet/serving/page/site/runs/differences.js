/** Where two descriptions differ, word by word. */

/** @typedef {import("../ui/elements.js").Part} Part */
/** @typedef {Part & {differs: boolean}} Piece */

/** More words than this are not compared one by one: all of them count as different. */
const MOST_WORDS = 600;

/**
 * Return two descriptions in pieces that say whether the other one has them, too.
 * @param {readonly Part[]} first
 * @param {readonly Part[]} second
 * @returns {[Piece[], Piece[]]}
 */
export function compared(first, second) {
  const [one, other] = [wordsOf(first), wordsOf(second)];
  const [inOne, inOther] = common(one.map(spelled), other.map(spelled));
  return [joined(one, inOne), joined(other, inOther)];
}

/** Words with the spaces behind them. @param {readonly Part[]} parts @returns {Part[]} */
function wordsOf(parts) {
  return parts.flatMap((part) => (part.text.match(/\S+\s*|\s+/g) ?? []).map((text) => ({ ...part, text })));
}

/** @param {Part} word */
function spelled(word) {
  return word.text.trim();
}

/**
 * The longest common subsequence of two texts.
 * @param {readonly string[]} one
 * @param {readonly string[]} other
 * @returns {[Set<number>, Set<number>]} the places of its words in each
 */
function common(one, other) {
  const [inOne, inOther] = [new Set(/** @type {number[]} */ ([])), new Set(/** @type {number[]} */ ([]))];
  if (one.length > MOST_WORDS || other.length > MOST_WORDS) return [inOne, inOther];
  const width = other.length + 1;
  const longest = new Uint16Array((one.length + 1) * width);
  const at = (/** @type {number} */ row, /** @type {number} */ column) => longest[row * width + column] ?? 0;
  for (let row = one.length - 1; row >= 0; row -= 1) {
    for (let column = other.length - 1; column >= 0; column -= 1) {
      longest[row * width + column] =
        one[row] === other[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  let [row, column] = [0, 0];
  while (row < one.length && column < other.length) {
    if (one[row] === other[column]) {
      inOne.add(row++);
      inOther.add(column++);
    } else if (at(row + 1, column) >= at(row, column + 1)) row += 1;
    else column += 1;
  }
  return [inOne, inOther];
}

/**
 * @param {readonly Part[]} words
 * @param {Set<number>} shared
 * @returns {Piece[]}
 */
function joined(words, shared) {
  /** @type {Piece[]} */
  const pieces = [];
  words.forEach((word, index) => {
    const differs = !shared.has(index);
    const last = pieces.at(-1);
    const isSame = last?.differs === differs && last.mark === word.mark && last.agent === word.agent;
    if (isSame) last.text += word.text;
    else pieces.push({ ...word, differs });
  });
  return pieces;
}
