/** How members that write together choose the next piece. */

/** @type {Record<string, string>} */
export const STRATEGIES = {
  duetnet: "the greatest sum of raw logits, among each member's likeliest pieces",
  "duetnet-logprobs": "the greatest sum of log-probabilities, among each member's likeliest pieces",
  dp: "the greatest sum of probabilities, among each member's likeliest pieces",
  dk: "the greatest sum of raw logits, among a fixed number of each member's likeliest pieces",
  pi: "the greatest mean probability",
  gac: "the greatest mean probability, weighted by the members' cards",
  median: "the greatest median probability: it holds while fewer than half of the members lie",
  trimmed: "the greatest mean probability without the greatest and the least one",
  unite: "the greatest mean probability over the union of each member's likeliest pieces",
  max: "the piece of which any one member is surest",
};
