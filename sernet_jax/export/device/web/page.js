// The page: its doors (microphone, file), what it says, what it shows.

import * as draw from './draw.js';
import { VoiceGate } from './gate.js';
import { Model } from './model.js';
import { Fault, Growing, Resampler, decoded } from './sound.js';

const MOST_S = 600; // of a recording from the microphone
const SHOWN_S = 30; // of it, while it runs
const at = (id) => document.getElementById(id);
const state = { model: null, microphone: null, shown: null, job: 0 };
globalThis.sernet = state; // for tests and the console

function say(text) {
  at('status').textContent = text;
}

function clear() {
  state.shown = state.result = null;
  draw.nothing();
}

// Begins a job, which ends the one before, and clears its answer; returns its
// number. `source` names what is heard.
function begin(source, text) {
  at('source').textContent = source;
  at('source').hidden = !source;
  clear();
  busy(text);
  return ++state.job;
}

// Does the work of a job; what fails when another has begun is passed over.
async function during(job, where, work) {
  try {
    await work();
  } catch (error) {
    if (job === state.job) fail(error, where);
  }
}

function requireCurrent(job) {
  if (job !== state.job) throw new Error('another job has begun');
}

// Shows what went wrong in one sentence; `where` names what was being done.
function fail(error, where = '') {
  clear();
  const known = error instanceof Fault;
  at('fault').textContent = known
    ? error.message
    : `${where} (${error.message ?? error}).`;
  at('fault').hidden = false;
  say('');
  document.body.dataset.state = 'fault';
}

function busy(text) {
  at('fault').hidden = true;
  say(text);
  document.body.dataset.state = 'busy';
}

async function fetched(name, kind) {
  let answer;
  try {
    answer = await fetch(name);
  } catch {
    throw new Fault(
      `${name} cannot be read; check the connection and load the page again.`,
    );
  }
  if (!answer.ok) {
    throw new Fault(
      `${name} is missing beside the page (${answer.status}); copy the whole ` +
        'folder again.',
    );
  }
  try {
    return await answer[kind]();
  } catch {
    throw new Fault(`${name} is damaged; copy the whole folder again.`);
  }
}

async function load() {
  const here = (name) => new URL(name, import.meta.url).href;
  const [about, content, ort] = await Promise.all([
    fetched('model.json', 'json'),
    fetched('model.onnx', 'arrayBuffer'),
    import('./runtime/ort.js').catch(() => {
      throw new Fault(
        'The runtime is missing beside the page (runtime/ort.js); copy the ' +
          'whole folder again.',
      );
    }),
  ]);
  ort.env.wasm.numThreads = 1; // more need headers that static hosts lack
  ort.env.wasm.wasmPaths = {
    mjs: here('runtime/ort-wasm.js'),
    wasm: here('runtime/ort-wasm.wasm'),
  };
  state.model = await Model.open(ort, about, content);
  at('about').textContent =
    `Model: ${about.name}; ${about.classes.join(', ')}. It judges ` +
    `${about.samples / about.rate} s at a time and knows acted speech: ` +
    'a guess about how something was said, ' +
    'not about what anyone feels.';
  at('origin').textContent = about.license ? `Weights: ${about.license}.` : '';
  draw.legend(about.classes);
  at('unsure').hidden = !about.abstain;
  // All the digits that a threshold has, 3 to 7 of a share.
  at('least').textContent = `${Number((100 * about.abstain).toFixed(5))} %`;
  at('microphone').disabled = at('file').disabled = false;
  say('Ready.');
  document.body.dataset.state = 'ready';
}

function show({ samples, windows, seconds, first = 0 }) {
  state.shown = { samples, windows, seconds, first };
  draw.waveform(samples.subarray(Math.round(first * state.model.about.rate)));
  draw.timeline(windows, seconds, first);
  draw.table(windows);
}

// Lets the browser draw what changed.
const breath = () => new Promise((done) => setTimeout(done));

async function judge(samples, job) {
  requireCurrent(job);
  const { model } = state;
  const { rate, classes } = model.about;
  const windows = [];
  const seconds = samples.length / rate;
  busy('Listening …');
  let shown = performance.now();
  const result = await model.recognize(samples, async (one) => {
    requireCurrent(job);
    windows.push(one);
    if (performance.now() - shown < 200) return;
    shown = performance.now();
    show({ samples, windows, seconds });
    await breath();
  });
  requireCurrent(job);
  show({ samples, windows: result.windows, seconds });
  draw.whole(result, classes, result.notes);
  state.result = result;
  say(`${seconds.toFixed(1)} s were heard.`);
  document.body.dataset.state = 'done';
}

async function useFile(file) {
  if (!file) return;
  const job = begin(file.name, 'Reading …');
  await during(job, 'The recording cannot be used', async () => {
    await stop(false);
    const buffer = await file.arrayBuffer();
    const samples = await decoded(buffer, state.model.about);
    if (!samples.length)
      throw new Fault('The recording has no samples; choose another.');
    if (!samples.every(Number.isFinite)) {
      throw new Fault(
        'The recording has samples that are not numbers; convert it again.',
      );
    }
    await judge(samples, job);
  });
}

const REFUSED = {
  NotAllowedError:
    'The microphone was refused; allow it in the settings of the browser ' +
    'for this page, or choose a recording.',
  NotFoundError: 'There is no microphone; connect one, or choose a recording.',
  NotReadableError:
    'The microphone is in use by another program; close it, or choose a ' +
    'recording.',
};

async function start(job) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Fault(
      'Browsers give the microphone to pages of https:// and localhost ' +
        'alone; open this one there, or choose a recording.',
    );
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: {
        echoCancellation: false,
        noiseSuppression: false,
        autoGainControl: false,
      },
    });
  } catch (error) {
    throw new Fault(
      REFUSED[error.name] ??
        `The microphone cannot be used (${error.message}); choose a ` +
          'recording.',
    );
  }
  if (job !== state.job) {
    for (const track of stream.getTracks()) track.stop();
    return;
  }
  const context = new AudioContext();
  await context.audioWorklet.addModule('recorder.js');
  const node = new AudioWorkletNode(context, 'recorder', {
    numberOfOutputs: 0,
  });
  context.createMediaStreamSource(stream).connect(node);
  const { rate } = state.model.about;
  const resampler = new Resampler(context.sampleRate, rate);
  const live = {
    job,
    stream,
    context,
    resampler,
    sound: new Growing(),
    gate: new VoiceGate(state.model.about),
    windows: [],
    working: null,
  };
  state.microphone = live;
  node.port.onmessage = ({ data }) => {
    const piece = resampler.push(data);
    live.sound.push(piece);
    live.gate.push(piece);
    if (state.microphone !== live) return;
    if (live.sound.length > MOST_S * rate) stop();
    live.working ??= during(job, 'The sound cannot be judged', () =>
      follow(live).catch((error) => {
        stop(false); // or the next window would be drawn beside the error
        throw error;
      }),
    ).finally(() => (live.working = null));
  };
  for (const track of stream.getAudioTracks()) {
    track.addEventListener('ended', () => {
      if (state.microphone !== live) return;
      stop().then(() => {
        if (document.body.dataset.state === 'done') {
          say(
            'The microphone was taken away; this is what was heard until then.',
          );
        }
      });
    });
  }
  at('microphone').textContent = 'Stop';
  busy('Speak …');
}

// Judges the newest window that is full; skips those a slow machine missed.
async function follow(live) {
  const { about } = state.model;
  const { samples } = live.sound;
  const full = Math.floor((samples.length - about.samples) / about.hop);
  const start = full * about.hop;
  const newest = live.windows.at(-1);
  if (full < 0 || (newest && start <= Math.round(newest.start_s * about.rate)))
    return;
  const one = await state.model.judge(
    samples.subarray(start, start + about.samples),
    start,
    Math.max(about.floor_db, (live.loudest ?? -Infinity) - about.gate_db),
    live.gate.hasVoice(start, start + about.samples),
  );
  live.loudest = Math.max(live.loudest ?? -Infinity, one.level);
  if (state.microphone !== live) return;
  live.windows.push(one);
  const seconds = samples.length / about.rate;
  show({
    samples,
    windows: live.windows,
    seconds,
    first: Math.max(0, seconds - SHOWN_S),
  });
  draw.whole(one, about.classes, []);
  await breath();
}

// Ends the microphone; judges what was recorded as a whole.
async function stop(judged = true) {
  const live = state.microphone;
  if (!live) return;
  state.microphone = null;
  at('microphone').textContent = 'Use the microphone';
  for (const track of live.stream.getTracks()) track.stop();
  await live.context.close();
  await live.working;
  if (!judged) return;
  await during(live.job, 'The recording cannot be used', async () => {
    live.sound.push(live.resampler.finish());
    const { samples } = live.sound;
    if (!samples.length)
      throw new Fault('Nothing was recorded; speak a little longer.');
    await judge(samples, live.job);
  });
}

at('microphone').addEventListener('click', () => {
  if (state.microphone) return stop();
  const job = begin('Microphone', 'Waiting for the microphone …');
  during(job, 'The microphone cannot be used', () => start(job));
});
at('file').addEventListener('change', () => {
  useFile(at('file').files[0]);
  at('file').value = '';
});
// A recording that is shown is judged again.
at('abstain').addEventListener('change', async () => {
  state.model.abstain = at('abstain').checked ? state.model.about.abstain : 0;
  if (document.body.dataset.state !== 'done') return;
  const job = ++state.job;
  await during(job, 'The recording cannot be used', () =>
    judge(state.shown.samples, job),
  );
});
addEventListener('resize', () => state.shown && show(state.shown));
load().catch((error) => fail(error, 'The page cannot start'));
