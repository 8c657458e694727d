/** How members that write together choose the next piece: which one it is. */

/** @type {Record<string, string>} */
export const STRATEGIES = {
  duetnet: "the one with the greatest sum of raw logits, among each member's likeliest pieces",
  "duetnet-logprobs": "the one with the greatest sum of log-probabilities, among each member's likeliest pieces",
  dp: "the one with the greatest sum of probabilities, among each member's likeliest pieces",
  dk: "the one with the greatest sum of raw logits, among a fixed number of each member's likeliest pieces",
  pi: "the one with the greatest mean probability",
  gac: "the one with the greatest mean probability, weighted by the members' cards",
  median: "the one with the greatest median probability: it holds while fewer than half of the members lie",
  trimmed: "the one with the greatest mean probability without the greatest and the least one",
  unite: "the one with the greatest mean probability over the union of each member's likeliest pieces",
  max: "the one of which any single member is surest",
};
