// Pictures and lists of the page. Colors are those of the demo: Okabe and Ito,
// which color-blind readers can tell apart.

const COLORS = [
  '#D55E00',
  '#56B4E9',
  '#009E73',
  '#CC79A7',
  '#E69F00',
  '#9a9a9a',
  '#0072B2',
  '#F0E442',
];
const at = (id) => document.getElementById(id);
const color = (index) => COLORS[index % COLORS.length];

// A share in per cent, as sernet_jax.common.text has it: only all is 100 and
// none 0, so that there are up to 2 decimals where they are needed.
export function percent(share, decimals) {
  const some = share > 1e-12 && share < 1 - 1e-12;
  for (let places = decimals; places <= 2; places++) {
    const text = (100 * share).toFixed(places);
    if (!some || (Number(text) > 0 && Number(text) < 100)) return `${text} %`;
  }
  return share < 0.5 ? '<0.01 %' : '>99.99 %';
}

// Returns a canvas ready to draw on, in CSS pixels.
function paper(id) {
  const canvas = at(id);
  const scale = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = Number(
    canvas.getAttribute('data-height') ?? canvas.getAttribute('height'),
  );
  canvas.setAttribute('data-height', height);
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext('2d');
  pen.scale(scale, scale);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

export function waveform(samples) {
  at('pictures').classList.remove('empty');
  const { pen, width, height } = paper('waveform');
  let most = 1e-9;
  for (const sample of samples) most = Math.max(most, Math.abs(sample));
  pen.fillStyle = '#33507a';
  const columns = Math.max(1, Math.floor(width));
  for (let x = 0; x < columns; x++) {
    const stop = Math.floor(((x + 1) * samples.length) / columns);
    let [low, high] = [0, 0];
    for (let i = Math.floor((x * samples.length) / columns); i < stop; i++) {
      low = Math.min(low, samples[i]);
      high = Math.max(high, samples[i]);
    }
    const half = height / 2;
    const top = half - (high / most) * half;
    pen.fillRect(x, top, 1, Math.max(1, ((high - low) / most) * half));
  }
}

// Every window speaks for the time around its middle; silence stays empty. The
// picture begins at `first` seconds.
export function timeline(windows, seconds, first = 0) {
  const { pen, width, height } = paper('timeline');
  const room = height - 18; // below are the seconds
  const place = (second) => ((second - first) / (seconds - first)) * width;
  const middle = (one) => (one.start_s + one.end_s) / 2;
  windows.forEach((one, k) => {
    const before = k ? (middle(windows[k - 1]) + middle(one)) / 2 : one.start_s;
    const next = windows[k + 1];
    const after = next ? (middle(one) + middle(next)) / 2 : one.end_s;
    const left = Math.round(place(before)); // or seams would show
    const right = Math.round(place(after));
    let bottom = room;
    one.probabilities?.forEach((share, index) => {
      pen.fillStyle = color(index);
      pen.fillRect(left, bottom - share * room, right - left, share * room);
      bottom -= share * room;
    });
  });
  pen.fillStyle = '#6b6b6b';
  pen.font = '12px system-ui, sans-serif';
  pen.fillRect(0, room, width, 1);
  const steps = [0.5, 1, 2, 5, 10, 20, 60, 120];
  const step =
    steps.find((one) => (one / (seconds - first)) * width > 36) ?? 300;
  for (
    let second = Math.ceil(first / step) * step;
    second <= seconds;
    second += step
  ) {
    const x = place(second);
    pen.fillRect(x, room, 1, 4);
    pen.textAlign = x > 12 ? 'center' : 'left';
    if (x < width - 12)
      pen.fillText(second ? String(second) : '0 s', x, height - 2);
  }
}

export function legend(classes) {
  at('legend').replaceChildren(
    ...classes.map((name, index) => {
      const entry = document.createElement('span');
      const patch = document.createElement('i');
      patch.style.background = color(index);
      entry.append(patch, name);
      return entry;
    }),
  );
}

// Leaves nothing of the recording before.
export function nothing() {
  at('whole').hidden = true;
  at('pictures').classList.add('empty');
  for (const id of ['waveform', 'timeline']) paper(id);
  for (const id of ['shares', 'notes', 'rows']) at(id).replaceChildren();
}

// What stands for the label of a window or of a whole recording.
export function words({ label, probabilities, voice }) {
  if (probabilities) return label ?? 'unsure';
  return voice === false ? 'no voice' : 'silence';
}

// Label, shares in falling order, notes.
export function whole(found, classes, notes) {
  const shares = found.probabilities;
  at('whole').hidden = false;
  at('label').textContent = words(found);
  const order = shares ? classes.map((_, index) => index) : [];
  order.sort((a, b) => shares[b] - shares[a]);
  at('shares').replaceChildren(
    ...order.map((index) => {
      const entry = document.createElement('div');
      entry.className = 'share';
      const bar = document.createElement('div');
      bar.style.background = color(index);
      bar.style.width = `${100 * shares[index]}%`;
      const line = document.createElement('p');
      const name = document.createElement('span');
      const figure = document.createElement('span');
      name.textContent = classes[index];
      figure.textContent = percent(shares[index], 0);
      line.append(name, figure);
      entry.append(line, bar);
      return entry;
    }),
  );
  at('notes').replaceChildren(
    ...notes.map((note) => {
      const entry = document.createElement('li');
      entry.textContent = note;
      return entry;
    }),
  );
}

export function table(windows) {
  at('rows').replaceChildren(
    ...windows.map((one) => {
      const row = document.createElement('tr');
      const share =
        one.probabilities && percent(Math.max(...one.probabilities), 1);
      for (const text of [
        one.start_s.toFixed(2),
        one.end_s.toFixed(2),
        words(one),
        share ?? '',
      ]) {
        row.insertCell().textContent = text;
      }
      return row;
    }),
  );
}
