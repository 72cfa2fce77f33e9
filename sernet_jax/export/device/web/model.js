// The model: checked, opened, run over a recording as
// `python -m sernet_jax.predict` does it.

import {
  Fault,
  holdsSound,
  level,
  loudestPart,
  loudestWindow,
  padded,
  windowStarts,
} from './sound.js';

// A module of one function that adds two vectors.
const SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8,
  0, 65, 0, 253, 15, 253, 98, 11,
]);

export class Model {
  // `about` is model.json; `content` is model.onnx.
  static async open(ort, about, content) {
    if (!globalThis.WebAssembly?.validate(SIMD)) {
      throw new Fault(
        'This browser lacks WebAssembly with SIMD, which the model needs; ' +
          'update it, or take Chrome, Edge, Firefox or Safari of 2023 or later.',
      );
    }
    await requireSame(about, content);
    let session;
    try {
      session = await ort.InferenceSession.create(new Uint8Array(content));
    } catch (error) {
      throw new Fault(
        `The model does not load (${error.message}); export it again.`,
      );
    }
    const [input] = session.inputMetadata ?? [{}];
    const fits =
      String(session.inputNames) === 'waveform' &&
      String(session.outputNames) === 'probabilities' &&
      (!input.shape || input.shape[1] === about.samples);
    if (!fits) {
      throw new Fault(
        'model.onnx is of another kind than model.json says; export both ' +
          'again.',
      );
    }
    return new Model(ort, session, about);
  }

  constructor(ort, session, about) {
    Object.assign(this, { ort, session, about });
    // Least probability of a label; 0 for a label always.
    this.abstain = about.abstain;
  }

  // The name of the most probable class; null where that is unsure.
  label(shares) {
    const best = greatest(shares);
    // float32 on both sides, as in Python.
    const sure = Math.fround(shares[best]) >= Math.fround(this.abstain);
    return sure ? this.about.classes[best] : null;
  }

  // Probabilities of one piece of sound at the model's rate.
  async run(samples) {
    const { samples: length, classes } = this.about;
    const x = new this.ort.Tensor('float32', padded(samples, length), [
      1,
      length,
    ]);
    const { probabilities } = await this.session.run({ waveform: x });
    const shares = [...probabilities.data];
    if (shares.length !== classes.length || !shares.every(Number.isFinite)) {
      throw new Fault(
        'The model gives other classes than model.json names; export both ' +
          'again.',
      );
    }
    return shares;
  }

  // Judges one window; silent ones, and those that are known to be without a
  // voice, have no label and no probabilities, unsure ones have no label.
  async judge(samples, start, least = this.about.floor_db, voice = true) {
    const { rate } = this.about;
    const found = level(samples);
    const heard = found >= least && found > -Infinity && holdsSound(samples);
    const quiet = !heard || !voice;
    const shares = quiet ? null : await this.run(samples);
    return {
      start_s: start / rate,
      end_s: (start + samples.length) / rate,
      level: found,
      label: shares && this.label(shares),
      probabilities: shares,
      voice,
    };
  }

  // Judges a whole recording: its label, probabilities, windows and notes.
  // `seen` is called with each window as it comes.
  async recognize(samples, seen = () => {}) {
    const {
      rate,
      samples: length,
      hop,
      gate_db,
      floor_db,
      classes,
    } = this.about;
    const loudest = loudestWindow(samples, length, rate);
    if (!(loudest.level >= floor_db)) {
      throw new Fault(
        'The recording is silent: ' +
          (loudest.level === -Infinity
            ? 'all its samples are equal; '
            : 'the loudest of its windows has ' +
              `${loudest.level.toFixed(0)} dB of full scale, below ` +
              `${floor_db}; `) +
          'record it louder or choose another.',
      );
    }
    const windows = [];
    for (const start of windowStarts(samples.length, length, hop)) {
      windows.push(
        await this.judge(samples.subarray(start, start + length), start),
      );
      await seen(windows.at(-1));
    }
    const notes = this.notes(samples);
    const votes = await this.votes(samples, loudest, notes);
    const heard = windows.filter((one) => one.probabilities);
    const voting = (votes.length ? votes : heard).filter(
      (one) => one.probabilities,
    );
    if (!voting.length)
      throw new Fault(
        'The recording is silent in all its windows; choose another.',
      );
    let least =
      Math.max(...[...voting, ...heard].map((one) => one.level)) - gate_db;
    for (const one of windows) {
      if (one.level < least) one.label = one.probabilities = null;
    }
    // The loudest vote may lie below the loudest window.
    least = Math.min(least, Math.max(...voting.map((one) => one.level)));
    const kept = voting.filter(
      (one) => one.probabilities && one.level >= least,
    );
    const shares = classes.map(
      (_, i) =>
        kept.reduce((sum, one) => sum + one.probabilities[i], 0) / kept.length,
    );
    const seconds = samples.length / rate;
    return {
      seconds,
      label: this.label(shares),
      probabilities: shares,
      windows,
      notes,
    };
  }

  notes(samples) {
    const { rate, least_s } = this.about;
    const seconds = samples.length / rate;
    if (seconds >= least_s) return [];
    return [
      `It lasts ${seconds.toFixed(2)} s, shorter than ${least_s} s: too short ` +
        'to be judged.',
    ];
  }

  // The pieces that vote for the whole; none if its only window does.
  async votes(samples, loudest, notes) {
    const { rate, samples: length, segments, gate_db, floor_db } = this.about;
    const pieces = [];
    if (segments === 'center') {
      if (samples.length <= length) return [];
      let start = Math.floor((samples.length - length) / 2);
      const middle = samples.subarray(start, start + length);
      const least = Math.max(floor_db, loudest.level - gate_db);
      if (level(middle) < least || !holdsSound(middle)) {
        start = loudestPart(samples, length, Math.floor(rate / 10));
        notes.push(
          `It is silent in its middle: its label is that of the loudest ` +
            `${length / rate} s, ${(start / rate).toFixed(1)} s from its start.`,
        );
      } else if (samples.length > 2 * length) {
        notes.push(
          `The label is of the ${length / rate} s in its middle; the timeline ` +
            'shows all of it.',
        );
      }
      pieces.push(samples.subarray(start, start + length));
    } else {
      const count = Math.max(
        1,
        Math.floor((samples.length + Math.floor(length / 2)) / length),
      );
      for (let i = 0; i < count; i++) {
        pieces.push(samples.subarray(i * length, (i + 1) * length));
      }
    }
    const found = [];
    for (const piece of pieces) found.push(await this.judge(piece, 0));
    const loud = found.filter((one) => one.probabilities);
    if (!loud.length)
      throw new Fault(
        'The recording is silent in its segments; choose another.',
      );
    return loud;
  }
}

function greatest(shares) {
  return shares.indexOf(Math.max(...shares));
}

async function requireSame(about, content) {
  const wrong =
    'model.onnx is not the file that model.json was written for; copy the ' +
    'whole folder again.';
  if (content.byteLength !== about.bytes) throw new Fault(wrong);
  // Browsers give it to pages of https and localhost alone.
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return;
  const digest = new Uint8Array(await subtle.digest('SHA-256', content));
  const hex = [...digest].map((byte) => byte.toString(16).padStart(2, '0'));
  if (hex.join('') !== about.sha256) throw new Fault(wrong);
}
