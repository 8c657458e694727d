/**
 * Who backed each piece of a fused text, as numbers that mean the same whatever strategy chose the pieces.
 *
 * The *backing* of a member for a piece is the probability that it gave it, times its weight relative to the mean
 * weight where cards weigh; where a strategy knows logits only, it is 1 for a piece among the member's likeliest, else 0. The
 * *disagreement* about a piece is 1 minus the mean backing of the members that were heard.
 */

/**
 * @typedef {{text: string, score: number, shares: Record<string, number>, runner_up: string | null,
 *   runner_up_score: number | null}} Piece
 */
/**
 * @typedef {object} Fusion body of a message
 * @property {string} answer
 * @property {string} text
 * @property {string[]} members
 * @property {string} strategy
 * @property {Piece[]} pieces
 * @property {Record<string, number>} respelled
 * @property {Record<string, string>} dropped
 * @property {Record<string, number>} evaluations
 */
/** @typedef {{sure: number | null, weighted: boolean}} Settings of the expression: `sure`, and whether cards weigh */
/**
 * @typedef {object} Backed a piece, with what is made of its shares
 * @property {number} index
 * @property {string} text
 * @property {(number | null)[]} backing of each member; null: it was not asked
 * @property {number} disagreement
 * @property {number | null} leader index of the member that backed it most, the first of those alike; null: all alike
 * @property {boolean} alone whether the first member was sure enough to go on alone
 */
/**
 * @typedef {{name: string, led: number, backing: number, against: number, respelled: number,
 *   evaluations: number | null, dropped: string | null}} Contribution
 */

/** Strategies whose shares add up to the members' mean probability. */
const MEANS = ["pi", "gac", "median", "trimmed", "unite"];
/** Strategies whose shares are logits, which differ in scale from member to member. */
const LOGITS = ["duetnet", "dk"];
/** Backings that differ by less count as alike. */
const ALIKE = 0.05;

/**
 * Return what a share is: a probability, a logarithm of one, or a logit.
 * @param {string} strategy
 * @returns {"probability" | "logprob" | "logit"}
 */
function unitOf(strategy) {
  if (LOGITS.includes(strategy)) return "logit";
  return strategy === "duetnet-logprobs" ? "logprob" : "probability";
}

/**
 * Return the settings of the fusion with these members in an expression with all its defaults.
 * @param {unknown} expression
 * @param {Fusion} fusion
 * @returns {Settings}
 */
export function settingsOf(expression, fusion) {
  for (const fuse of fusesIn(expression)) {
    if (fuse.strategy === fusion.strategy && `${fuse.members}` === `${fusion.members}`) {
      const weights = fuse.weights ?? (fuse.strategy === "gac" ? "card" : "equal");
      return { sure: fuse.sure ?? null, weighted: weights === "card" };
    }
  }
  return { sure: null, weighted: fusion.strategy === "gac" };
}

/**
 * Return the `fuse` expressions within an expression.
 * @param {unknown} value
 * @returns {any[]}
 */
export function fusesIn(value) {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "fuse" ? [inner] : fusesIn(inner)));
}

/** A fused text with who backed what. */
export class Provenance {
  /**
   * @param {Fusion} fusion
   * @param {Settings} settings
   */
  constructor(fusion, settings) {
    this.fusion = fusion;
    this.settings = settings;
    this.members = fusion.members;
    this.unit = unitOf(fusion.strategy);
    this.pieces = fusion.pieces.map((piece, index) => this._backed(piece, index));
    /** The first piece of the greatest disagreement. */
    this.mostDisputed = this.pieces.reduce(
      (most, piece) => (piece.disagreement > most.disagreement ? piece : most),
      { index: 0, disagreement: 0 },
    ).index;
    /** The greatest logit of any member, against which logits are drawn. */
    this.greatest = Math.max(1, ...fusion.pieces.map((piece) => Math.max(0, ...Object.values(piece.shares))));
  }

  /**
   * Return the indices of the pieces whose disagreement is at least this.
   * @param {number} least
   */
  disputed(least) {
    return this.pieces.filter((piece) => piece.disagreement >= least).map((piece) => piece.index);
  }

  /** @returns {Contribution[]} what each member had to do with the text */
  contributions() {
    const { evaluations, respelled, dropped } = this.fusion;
    return this.members.map((name, member) => {
      const backings = this.pieces
        .map((piece) => piece.backing[member])
        .filter((backing) => typeof backing === "number");
      return {
        name,
        led: this.pieces.filter((piece) => piece.leader === member).length,
        backing: backings.length === 0 ? 0 : backings.reduce((sum, backing) => sum + backing, 0) / backings.length,
        against: backings.filter((backing) => backing < 0.5).length,
        respelled: respelled[name] ?? 0,
        evaluations: evaluations[name] ?? null,
        dropped: dropped[name] ?? null,
      };
    });
  }

  /**
   * @param {Piece} piece
   * @param {number} index
   * @returns {Backed}
   */
  _backed(piece, index) {
    const alone = this._isAlone(piece);
    const backing = this.members.map((name) => this._backing(piece, name, alone));
    const heard = backing.filter((one) => one !== null);
    const disagreement = heard.length === 0 ? 0 : 1 - heard.reduce((sum, one) => sum + one, 0) / heard.length;
    const greatest = Math.max(...heard);
    const all = heard.length === this.members.length && heard.every((one) => greatest - one < ALIKE);
    return {
      index,
      text: piece.text,
      backing,
      disagreement: Math.min(1, Math.max(0, disagreement)),
      leader: all || heard.length === 0 ? null : backing.findIndex((one) => one !== null && greatest - one < ALIKE),
      alone,
    };
  }

  /**
   * Whether the first member was so sure that no other was asked.
   * @param {Piece} piece
   */
  _isAlone(piece) {
    const [name, ...others] = Object.keys(piece.shares);
    const { sure } = this.settings;
    return sure !== null && others.length === 0 && name === this.members[0] && piece.score >= sure && piece.score <= 1;
  }

  /**
   * @param {Piece} piece
   * @param {string} name
   * @param {boolean} alone
   * @returns {number | null}
   */
  _backing(piece, name, alone) {
    const share = piece.shares[name];
    const { strategy } = this.fusion;
    if (alone) return share ?? null;
    if (share === undefined) return MEANS.includes(strategy) ? null : 0;
    if (this.unit === "logit") return 1;
    const found = this.unit === "logprob" ? Math.exp(share) : share;
    return MEANS.includes(strategy) ? found * Object.keys(piece.shares).length : found;
  }
}

/**
 * Return a piece so that its spaces and its end are seen.
 * @param {string} text
 */
export function visible(text) {
  return text === "" ? "end of the text" : text.replaceAll(" ", "␣").replaceAll("\n", "↵").replaceAll("\t", "⇥");
}
