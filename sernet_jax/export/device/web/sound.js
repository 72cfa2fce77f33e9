// Sound for the model: reading WAV files, resampling, cutting into windows,
// levels. The same as sernet_jax.audio does; no browser is needed.

// What went wrong and what to do, one sentence for the person at the page.
export class Fault extends Error {}

// Returns {rate, channels}: a Float32Array in [-1, 1] for each channel; null if
// the bytes are not a WAV file of whole or real numbers.
export function readWav(buffer) {
  const view = new DataView(buffer);
  const text = (at) => String.fromCharCode(...new Uint8Array(buffer, at, 4));
  if (buffer.byteLength < 12 || text(0) !== 'RIFF' || text(8) !== 'WAVE') {
    return null;
  }
  let format = null;
  for (let at = 12; at + 8 <= buffer.byteLength;) {
    const name = text(at);
    let size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (name === 'fmt ' && size >= 16 && start + size <= buffer.byteLength) {
      let kind = view.getUint16(start, true);
      if (kind === 0xfffe && size >= 40)
        kind = view.getUint16(start + 24, true);
      format = {
        kind,
        channels: view.getUint16(start + 2, true),
        rate: view.getUint32(start + 4, true),
        bits: view.getUint16(start + 14, true),
      };
    } else if (name === 'data') {
      size = Math.min(size, buffer.byteLength - start);
      const read = format && sampleReader(view, format);
      if (!read || !format.channels || !format.rate) return null;
      const width = (format.bits / 8) * format.channels;
      const count = Math.floor(size / width);
      const channels = [];
      for (let c = 0; c < format.channels; c++) {
        const first = start + (c * format.bits) / 8;
        channels.push(
          Float32Array.from({ length: count }, (_, i) =>
            read(first + i * width),
          ),
        );
      }
      return { rate: format.rate, channels };
    }
    at = start + size + (size % 2);
  }
  return null;
}

// One channel, or the mean of all; the only one is always taken.
export function mixed(channels, which) {
  if (channels.length === 1) return channels[0];
  if (which !== 'mean') {
    if (channels[which]) return channels[which];
    throw new Fault(
      `The model hears channel ${which}, the recording has ${channels.length}; choose another.`,
    );
  }
  return channels[0].map((_, i) => {
    let sum = 0;
    for (const channel of channels) sum += channel[i];
    return sum / channels.length;
  });
}

function sampleReader(view, { kind, bits }) {
  const whole = {
    8: (at) => (view.getUint8(at) - 128) / 128,
    16: (at) => view.getInt16(at, true) / 32768,
    24: (at) =>
      (view.getUint16(at, true) + 65536 * view.getInt8(at + 2)) / 8388608,
    32: (at) => view.getInt32(at, true) / 2147483648,
  };
  const real = {
    32: (at) => view.getFloat32(at, true),
    64: (at) => view.getFloat64(at, true),
  };
  return { 1: whole, 3: real }[kind]?.[bits];
}

// The rate that a FLAC file names, or 0: browsers decode at a rate that one
// must choose before.
export function flacRate(buffer) {
  const b = new Uint8Array(buffer, 0, Math.min(22, buffer.byteLength));
  const flac = b.length === 22 && String.fromCharCode(...b.slice(0, 4));
  return flac === 'fLaC' ? (b[18] << 12) | (b[19] << 4) | (b[20] >> 4) : 0;
}

// A sinc under a Kaiser window, fitted to the frequency response measured of
// soxr's quality 'HQ', which Python's reader uses.
const CUT = 0.956872; // of half the lower of the two rates
const REACH = 96.8323; // samples of that rate, on each side
const BETA = 13.0398;

// Resamples piece by piece with a Kaiser-windowed sinc, without delay.
export class Resampler {
  constructor(from, to) {
    this.same = from === to;
    const common = divisor(from, to);
    this.up = to / common;
    this.down = from / common;
    this.cut = CUT * Math.min(1, to / from);
    this.width = REACH * Math.max(1, from / to);
    this.reach = Math.ceil(this.width);
    this.filters = new Map();
    this.kept = new Float32Array(0); // from input sample `start` on
    this.start = 0;
    this.received = 0;
    this.made = 0;
  }

  // Returns the samples that `piece` completes.
  push(piece) {
    if (this.same) return piece;
    this.received += piece.length;
    this.kept = joined([this.kept, piece]);
    // Output k lies at input k * down / up and reads `reach` on each side.
    const last = (this.received - 1 - this.reach) * this.up;
    return this.make(Math.max(this.made, Math.floor(last / this.down) + 1));
  }

  // Returns the rest, as if zeros followed.
  finish() {
    if (this.same) return new Float32Array(0);
    this.kept = joined([this.kept, new Float32Array(this.reach + 1)]);
    return this.make(Math.round((this.received * this.up) / this.down));
  }

  make(end) {
    const result = new Float32Array(end - this.made);
    for (let i = 0; i < result.length; i++) {
      const at = (this.made + i) * this.down;
      const middle = Math.floor(at / this.up);
      const filter = this.filter(at % this.up);
      const first = middle - this.reach + 1 - this.start;
      let sum = 0;
      for (let j = Math.max(0, -first); j < filter.length; j++) {
        if (first + j >= this.kept.length) break;
        sum += filter[j] * this.kept[first + j];
      }
      result[i] = sum;
    }
    this.made = end;
    const next = Math.floor((end * this.down) / this.up) - this.reach;
    if (next > this.start) {
      this.kept = this.kept.slice(next - this.start);
      this.start = next;
    }
    return result;
  }

  // The weights of the inputs around an output that lies phase / up after one.
  filter(phase) {
    if (!this.filters.has(phase)) {
      const weights = new Float64Array(2 * this.reach);
      for (let j = 0; j < weights.length; j++) {
        const x = phase / this.up + this.reach - 1 - j;
        const inside = 1 - (x / this.width) ** 2;
        if (inside < 0) continue;
        const turn = Math.PI * x;
        const sinc = x ? Math.sin(this.cut * turn) / turn : this.cut;
        weights[j] = (sinc * bessel(BETA * Math.sqrt(inside))) / bessel(BETA);
      }
      this.filters.set(phase, weights);
    }
    return this.filters.get(phase);
  }
}

function divisor(a, b) {
  return b ? divisor(b, a % b) : a;
}

// Modified Bessel function of the first kind, order 0.
function bessel(x) {
  let sum = 1;
  for (let k = 1, term = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

export function resample(samples, from, to) {
  const resampler = new Resampler(from, to);
  return joined([resampler.push(samples), resampler.finish()]);
}

export function joined(pieces) {
  const result = new Float32Array(pieces.reduce((n, one) => n + one.length, 0));
  let at = 0;
  for (const piece of pieces) {
    result.set(piece, at);
    at += piece.length;
  }
  return result;
}

// Sound that grows, without a copy for each piece.
export class Growing {
  constructor() {
    this.room = new Float32Array(1 << 16);
    this.length = 0;
  }

  push(piece) {
    if (this.length + piece.length > this.room.length) {
      const wider = new Float32Array(2 * (this.length + piece.length));
      wider.set(this.samples);
      this.room = wider;
    }
    this.room.set(piece, this.length);
    this.length += piece.length;
  }

  get samples() {
    return this.room.subarray(0, this.length);
  }
}

// Where the windows of a recording begin; the last holds what is left.
export function windowStarts(count, length, hop) {
  const starts = [];
  for (let at = 0; at + length <= count; at += hop) starts.push(at);
  const covered = starts.length ? starts.at(-1) + length : 0;
  if (covered < count) starts.push(starts.length * hop);
  return starts;
}

// Puts zeros around a piece; a sample far below anything audible marks an end
// that is 0 itself, because the model takes zeros for no part of the sound.
export function padded(samples, length) {
  const result = new Float32Array(length);
  const left = Math.floor((length - samples.length) / 2);
  result.set(samples, left);
  for (const end of [left, left + samples.length - 1]) result[end] ||= 1e-30;
  return result;
}

// Number, sum and sum of squares of samples.
function sums(samples) {
  let sum = 0;
  let squares = 0;
  for (const sample of samples) {
    sum += sample;
    squares += sample * sample;
  }
  return [samples.length, sum, squares];
}

// Energy without the mean, which is not heard; one sample has no other.
function energy([count, sum, squares]) {
  return count > 1 ? squares - (sum * sum) / count : squares;
}

const decibels = (power) => (power > 0 ? 10 * Math.log10(power) : -Infinity);

// Level of samples in dB of full scale.
export function level(samples) {
  return decibels(energy(sums(samples)) / samples.length);
}

// Whether samples are more than a constant once the model has divided them by
// the 99.9th percentile of their sizes and clipped them: silence is none, nor is
// an offset below a few clicks.
export function holdsSound(samples) {
  const count = samples.length;
  if (count < 2) return count === 1 && samples[0] !== 0;
  if (!varies(samples)) return false;
  const sign = Math.sign(samples[0]);
  let least = Infinity;
  for (const sample of samples) {
    if (Math.sign(sample) !== sign) return true;
    least = Math.min(least, Math.abs(sample));
  }
  // The smallest size is the percentile if all ranks up to it have that size;
  // all that is greater is then clipped to the same.
  let equal = 0;
  for (const sample of samples) equal += Math.abs(sample) === least;
  return equal <= Math.ceil((count - 1) * 0.999);
}

// Whether samples are not all alike.
export function varies(samples) {
  return samples.some((sample) => sample !== samples[0]);
}

// Where the loudest part of a recording begins, in steps and at its end.
export function loudestPart(samples, length, step) {
  const totals = new Float64Array(samples.length + 1);
  const squares = new Float64Array(samples.length + 1);
  for (let i = 0; i < samples.length; i++) {
    totals[i + 1] = totals[i] + samples[i];
    squares[i + 1] = squares[i] + samples[i] * samples[i];
  }
  const last = Math.max(0, samples.length - length);
  let [best, most] = [0, -1];
  for (let at = 0; at < last + step; at += step) {
    const start = Math.min(at, last);
    const stop = Math.min(start + length, samples.length);
    const found =
      squares[stop] -
      squares[start] -
      (totals[stop] - totals[start]) ** 2 / Math.max(1, stop - start);
    if (found > most) [best, most] = [start, found];
  }
  return best;
}

// The loudest window of a recording in steps of 0.1 s: {start, level}.
export function loudestWindow(samples, length, rate) {
  const step = Math.max(1, Math.round(0.1 * rate));
  const steps = [];
  for (let at = 0; at < samples.length; at += step) {
    steps.push(sums(samples.subarray(at, at + step)));
  }
  const count = Math.max(1, Math.min(steps.length, Math.floor(length / step)));
  let best = 0;
  let most = -1;
  for (let i = 0; i + count <= steps.length; i++) {
    const total = [0, 0, 0];
    for (let j = i; j < i + count; j++) {
      for (let k = 0; k < 3; k++) total[k] += steps[j][k];
    }
    const found = energy(total);
    if (found > most) [best, most] = [i, found];
  }
  const power = most / Math.min(count * step, Math.max(1, samples.length));
  const start = Math.max(0, Math.min(best * step, samples.length - length));
  return { start, level: decibels(power) };
}

// The channel to judge. A constant is refused before it is resampled, which
// rings where it begins and ends; of one sample nobody can say, unless it is 0.
function heard(channels, which) {
  const samples = mixed(channels, which);
  if (samples.length && !varies(samples) && !(samples.length === 1 && samples[0]))
    throw new Fault(
      'The recording is silent: all its samples are equal; record it louder ' +
        'or choose another.',
    );
  return samples;
}

// Decodes a file to the model's rate. WAV files are read and resampled here, as
// Python does it; the browser decodes all others.
export async function decoded(buffer, { rate, channel }) {
  const wav = readWav(buffer);
  if (wav) {
    if (wav.rate < 100 || wav.rate > 1e6) {
      throw new Fault(
        `The recording names a rate of ${wav.rate} Hz; convert it again.`,
      );
    }
    return resample(heard(wav.channels, channel), wav.rate, rate);
  }
  const native = flacRate(buffer) || 48000;
  let sound;
  try {
    const context = new OfflineAudioContext(1, 1, native);
    sound = await context.decodeAudioData(buffer);
  } catch {
    throw new Fault(
      'This browser cannot read the file as sound; convert it to WAV.',
    );
  }
  const channels = [];
  for (let c = 0; c < sound.numberOfChannels; c++)
    channels.push(sound.getChannelData(c));
  return resample(heard(channels, channel), native, rate);
}
