const byId = (id) => document.getElementById(id);
byId("origin").textContent = location.host;

const backoffFirst = 500; // ms before the first attempt to come back
const backoffMost = 15000;

// Link is a WebSocket that comes back: each failure doubles the wait, with jitter,
// until one connection has opened. Its state is shown in the element it is given.
class Link {
  constructor(path, stateElement, on) {
    this.url = (location.protocol === "https:" ? "wss://" : "ws://") + location.host + path;
    this.element = stateElement;
    this.on = on; // { open(), message(data), lost(), reconnects(count) }, all optional
    this.failures = 0;
    this.reconnects = 0;
    this.wasOpen = false;
    this.connect();
  }

  connect() {
    this.show("connecting", this.wasOpen ? "reconnecting" : "connecting");
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (this.wasOpen) {
        this.reconnects++;
        this.on.reconnects?.(this.reconnects);
      }
      this.wasOpen = true;
      this.failures = 0;
      this.show("open", "connected");
      this.on.open?.();
    };
    socket.onmessage = (event) => this.on.message?.(event.data);
    socket.onclose = (event) => {
      this.on.lost?.(event.code);
      this.wait(event.code);
    };
    this.socket = socket;
  }

  wait(code) {
    const longest = Math.min(backoffMost, backoffFirst * 2 ** this.failures);
    this.failures++;
    const due = performance.now() + longest * (0.5 + Math.random() / 2);
    const tick = () => {
      const left = due - performance.now();
      if (left <= 0) {
        this.connect();
        return;
      }
      this.show("waiting", `closed with ${code}; attempt ${this.failures} in ${(left / 1000).toFixed(1)} s`);
      setTimeout(tick, Math.min(left, 100));
    };
    tick();
  }

  show(state, words) {
    this.element.dataset.state = state;
    this.element.querySelector(".words").textContent = words;
  }

  get open() { return this.socket.readyState === WebSocket.OPEN; }

  // send is true if the message was handed to the browser.
  send(data) {
    if (!this.open) return false;
    this.socket.send(data);
    return true;
  }

  cut() { this.socket.close(4000, "cut by the page"); }
}

const logLines = 300;

// addLine appends one line to a log. Everything that came from a peer goes through
// textContent, never through markup.
function addLine(log, kind, who, text, extra = "") {
  const line = document.createElement("li");
  line.className = kind;
  const part = (tag, className, content) => {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = content;
    line.append(element);
  };
  part("time", "", new Date().toLocaleTimeString([], { hour12: false }));
  part("span", "who", who);
  part("span", "text", text);
  part("span", "extra", extra);
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(line);
  while (log.childElementCount > logLines) log.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}
