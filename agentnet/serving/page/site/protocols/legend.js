/** What the settings of a protocol expression say, in words. */

import { percent } from "../ui/elements.js";

/** @typedef {Record<string, any>} Fields of a combinator */

/**
 * Return the kind and the fields of an expression; a bare string asks one agent.
 * @param {unknown} expression
 * @returns {[string, Fields]}
 */
export function read(expression) {
  if (typeof expression === "string") return ["ask", { agent: expression }];
  const [kind, fields] = Object.entries(/** @type {object} */ (expression ?? {}))[0] ?? ["ask", {}];
  return [kind, typeof fields === "object" && fields !== null && !Array.isArray(fields) ? fields : {}];
}

/**
 * Return whom a selector means, such as `3 solvers` for `@solver:3`; null for the name of an agent.
 * @param {string} selector
 * @param {boolean} several whether a role stands for all that have it
 */
export function selected(selector, several) {
  if (!selector.startsWith("@")) return null;
  const [role = "", limit] = selector.slice(1).split(":");
  if (role === "best") return "the best by its card";
  if (role === "all") return several ? "all members" : "the first member";
  if (!several) return `a ${role}`;
  return limit === undefined ? `every ${role}` : limit === "1" ? `the first ${role}` : `${limit} ${role}s`;
}

const ROLES = {
  solve: "solves",
  revise: "revises",
  review: "reviews",
  critique: "criticizes",
  conclude: "concludes",
  synthesize: "writes one answer of all",
};

/**
 * Return what an agent does, with what is special about it.
 * @param {Fields} fields of `ask`
 */
export function asked({ role, sampling, format }) {
  const temperature = sampling?.temperature;
  return [
    ROLES[/** @type {keyof typeof ROLES} */ (role)] ?? "",
    temperature === undefined || temperature === null ? "" : `temperature ${temperature}`,
    format ? "held to a form" : "",
  ].filter((part) => part !== "").join(", ");
}

/**
 * Return how answers are decided among; the agent that does, if one does.
 * @param {unknown} decision
 * @returns {{text: string, agent: string | null}}
 */
export function decided(decision) {
  const [kind, fields] = typeof decision === "string" ? [decision, /** @type {Fields} */ ({})] : read(decision);
  switch (kind) {
    case "majority":
      return { text: "the majority decides", agent: null };
    case "confidence":
      return { text: "the most confident answer counts", agent: null };
    case "first":
      return { text: "the first answer counts", agent: null };
    case "all":
      return { text: "all answers go on", agent: null };
    case "weighted":
      return { text: `a vote weighted by ${fields.by === "confidence" ? "confidence" : "the cards"}`, agent: null };
    case "judge":
      return {
        text: fields.by === "score" ? "scores the answers" : "reads the answers and chooses one",
        agent: fields.agent ?? "@judge",
      };
    case "synthesize":
      return { text: "reads the answers and writes one", agent: fields.agent ?? "@aggregator" };
    case "last":
      return { text: "the last step's answer counts", agent: null };
    default:
      return { text: kind, agent: null };
  }
}

/**
 * Return what a combinator does with its parts, in one line.
 * @param {string} kind
 * @param {Fields} fields
 */
export function about(kind, fields) {
  switch (kind) {
    case "serial":
      return `one after another; each reads ${fields.see === "all" ? "all" : "the one"} before it`;
    case "parallel":
      return `side by side${fields.stop === "decided" ? ", until the decision is certain" : ""}`;
    case "debate":
      return `up to ${fields.rounds ?? 3} rounds; ${SEEN[/** @type {keyof typeof SEEN} */ (fields.see ?? "all")]}`;
    case "delegate":
      return fields.split === "needed" ? "a plan, where the task needs splitting" : "a plan of steps";
    case "verify":
      return "an answer is checked before it counts";
    case "fuse":
      return `one text, ${fields.level === "bytes" ? "byte by byte" : "piece by piece"}`;
    case "cascade":
      return "one after another, until an answer is trusted";
    case "best":
      return "no collaboration: one of them answers";
    case "route":
      return "an answer is passed on until its judges approve";
    case "auto":
      return "what was learned decides";
    default:
      return "";
  }
}

const SEEN = {
  all: "each reads what all said",
  others: "each reads what the others said",
  next: "each reads its neighbour",
};

/**
 * Return what ends a combinator, where no rule decides among answers.
 * @param {string} kind
 * @param {Fields} fields
 */
export function ending(kind, fields) {
  switch (kind) {
    case "debate":
      if (fields.stop === "never") return "all rounds are held";
      return `stops when ${fields.quorum < 1 ? percent(fields.quorum) : "all"} agree`;
    case "cascade": {
      const isSure = fields.until === "confidence";
      const sure = `an answer of ${percent(fields.sure ?? 0.8)} confidence`;
      const otherwise = fields.otherwise === "majority" ? "the majority decides" : "the last answer counts";
      return `stops at ${isSure ? sure : `${fields.agree ?? 2} equal answers`}; otherwise ${otherwise}`;
    }
    case "fuse": {
      const alone = fields.sure ? `; the first goes on alone where it is sure by ${percent(fields.sure)}` : "";
      return `${fields.strategy ?? "duetnet"} chooses each piece${alone}`;
    }
    case "best":
      return "the best card for the kind of task answers";
    case "route":
      return `up to ${fields.hops ?? 3} hops; then the last answer counts`;
    default:
      return "";
  }
}
