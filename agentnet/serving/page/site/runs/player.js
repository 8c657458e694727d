/** Plays a recording into a run state of its own: what is shown of it is what was shown of the run. */

import { batch, signal } from "../ui/preact.js";
import { RunState } from "../run/state.js";

export const SPEEDS = [0.5, 1, 2, 4, 8, 16];

export class Player {
  /** @param {import("./recording.js").Recording} recording */
  constructor(recording) {
    this.recording = recording;
    /** The run as it was at the position. A new one when the position moves back. */
    this.state = signal(new RunState(recording.run));
    /** Seconds from the beginning. */
    this.position = signal(0);
    this.playing = signal(false);
    this.speed = signal(1);
    this._taken = 0;
    this._frame = 0;
    this._time = 0;
    this._moved(0);
  }

  /** Plays from here; from the beginning where it is at its end. */
  play() {
    if (this.playing.value) return;
    if (this.position.value >= this.recording.length) this._moved(0);
    this.playing.value = true;
    this._time = performance.now();
    this._frame = requestAnimationFrame((now) => this._advance(now));
  }

  pause() {
    cancelAnimationFrame(this._frame);
    this.playing.value = false;
  }

  /** Move to a time and stay there. @param {number} position in seconds */
  seek(position) {
    this.pause();
    this._moved(Math.min(this.recording.length, Math.max(0, position)));
  }

  /**
   * Move to where a number of messages have landed, and stay there.
   * @param {number} messages from 1
   */
  show(messages) {
    const { turns, length } = this.recording;
    this.seek(turns[messages - 1]?.end ?? length);
  }

  /**
   * Move to where the next message has landed, or the one before.
   * @param {number} messages 1: the next; -1: the one before
   */
  step(messages) {
    const ends = this.recording.turns.map((turn) => turn.end);
    const position = this.position.value;
    const found = messages > 0 ? ends.find((end) => end > position) : ends.findLast((end) => end < position);
    this.seek(found ?? (messages > 0 ? this.recording.length : 0));
  }

  /** The next speed, up or down. @param {number} direction */
  change(direction) {
    const place = SPEEDS.indexOf(this.speed.value) + direction;
    this.speed.value = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, place))] ?? 1;
  }

  /** @param {number} now */
  _advance(now) {
    const position = this.position.value + (Math.max(0, now - this._time) / 1000) * this.speed.value;
    this._time = now;
    this._moved(Math.min(position, this.recording.length));
    if (position >= this.recording.length) this.pause();
    else this._frame = requestAnimationFrame((next) => this._advance(next));
  }

  /** @param {number} position */
  _moved(position) {
    batch(() => {
      if (position < this.position.value) {
        this.state.value = new RunState(this.recording.run);
        this._taken = 0;
      }
      const { moments } = this.recording;
      const first = this._taken;
      while ((moments[this._taken]?.at ?? Infinity) <= position) this._taken += 1;
      this.state.value.apply(moments.slice(first, this._taken).map((moment) => moment.event));
      this.position.value = position;
    });
  }
}
