const samplesMost = 500; // round trips the percentiles are made of
const sparkMost = 120; // round trips drawn

// RoundTrips keeps the latest round trips and shows them.
class RoundTrips {
  constructor() {
    this.samples = [];
    this.canvas = byId("spark");
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  add(ms) {
    this.samples.push(ms);
    if (this.samples.length > samplesMost) this.samples.shift();
    const sorted = [...this.samples].sort((a, b) => a - b);
    const rank = (share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
    byId("rtt-last").textContent = milliseconds(ms);
    byId("rtt-median").textContent = milliseconds(rank(0.5));
    byId("rtt-p99").textContent = milliseconds(rank(0.99));
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (width === 0) return; // its tab is hidden
    const scale = devicePixelRatio || 1;
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    const shown = this.samples.slice(-sparkMost);
    if (shown.length === 0) return;
    const top = Math.max(1, ...shown) * 1.1;
    byId("spark-scale").textContent = `top ${milliseconds(top)}`;

    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    const colours = getComputedStyle(document.documentElement);
    const step = width / (sparkMost - 1);
    const left = width - (shown.length - 1) * step;
    const y = (ms) => height - 3 - (ms / top) * (height - 8);
    pen.beginPath();
    shown.forEach((ms, i) => pen.lineTo(left + i * step, y(ms)));
    pen.lineWidth = 1.6;
    pen.lineJoin = "round";
    pen.strokeStyle = colours.getPropertyValue("--accent");
    pen.stroke();
    pen.lineTo(width, height);
    pen.lineTo(left, height);
    pen.globalAlpha = 0.14;
    pen.fillStyle = colours.getPropertyValue("--accent");
    pen.fill();
    pen.globalAlpha = 1;
    pen.beginPath();
    pen.arc(width - 3, y(shown.at(-1)), 2.6, 0, 2 * Math.PI);
    pen.fill();
  }
}

function milliseconds(ms) {
  return (ms < 10 ? ms.toFixed(2) : ms.toFixed(ms < 100 ? 1 : 0)) + " ms";
}
