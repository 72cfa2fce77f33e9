// Voice gate: energy with hysteresis, as sernet_jax.audio.voice_gate has it,
// whose constants stand in model.json. Other sounds than voices open it too.

import { joined } from './sound.js';

const STEPS = 32768; // of 16 bits in full scale

export class VoiceGate {
  // `about` is model.json.
  constructor({ voice_gate, rate }) {
    Object.assign(this, { own: voice_gate, rate });
    this.open = []; // after each hop
    this.rest = new Float32Array(0);
    this.noise = null; // dB of full scale
    this.quiet = 0; // hops in a row
  }

  // Takes in the next samples at the model's rate.
  push(piece) {
    const { hop } = this.own;
    const samples = joined([this.rest, piece]);
    let at = 0;
    for (; at + hop <= samples.length; at += hop) {
      let energy = 0;
      let sum = 0;
      for (let i = at; i < at + hop; i++) {
        energy += (samples[i] * STEPS) ** 2;
        sum += samples[i] * STEPS;
      }
      energy -= (sum * sum) / hop; // an offset is not heard
      // At least the square of one step of 16 bits in one sample.
      this.step(10 * Math.log10(Math.max(energy, 1) / (hop * STEPS ** 2)));
    }
    this.rest = samples.slice(at);
  }

  step(level) {
    const { hop, open_db, close_db, least_db, rise_db, hang_hops } = this.own;
    if (this.noise === null || level < this.noise) this.noise = level;
    else this.noise += (rise_db * hop) / this.rate;
    const above = level - this.noise;
    const faint = level < least_db;
    this.quiet = above < close_db || faint ? this.quiet + 1 : 0;
    let open = this.open.at(-1) ?? false;
    if (above >= open_db && !faint) open = true;
    else if (this.quiet >= hang_hops) open = false;
    this.open.push(open);
  }

  // Whether it was open long enough between two samples.
  hasVoice(start, stop) {
    const { hop, voice_hops } = this.own;
    const inside = this.open.slice(Math.ceil(start / hop), Math.floor(stop / hop));
    return inside.filter(Boolean).length >= voice_hops;
  }
}
