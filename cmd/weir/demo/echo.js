{
  const log = byId("echo-log");
  const trips = new RoundTrips();
  // Messages come back in order, so the oldest one that is out is the one a reply
  // belongs to.
  let out = [];
  let sent = 0;
  let received = 0;

  const link = new Link("/ws/echo", byId("echo-state"), {
    open() { addLine(log, "note", "open", "WebSocket open through weir"); },
    lost(code) {
      addLine(log, "note", "closed", out.length ? `${out.length} unanswered` : "", `code ${code}`);
      out = [];
    },
    reconnects(count) { byId("echo-reconnects").textContent = count; },
    message(data) {
      received++;
      showCounts();
      const message = out.shift();
      if (!message) return;
      const ms = performance.now() - message.at;
      trips.add(ms);
      if (!message.probe) addLine(log, "received", "← received", describe(data), milliseconds(ms));
    },
  });

  function send(data, probe = false) {
    const at = performance.now();
    if (!link.send(data)) {
      if (!probe) addLine(log, "note", "not sent", "no connection yet");
      return false;
    }
    out.push({ at, probe });
    sent++;
    showCounts();
    if (!probe) addLine(log, "sent", "→ sent", describe(data));
    return true;
  }

  function showCounts() { byId("echo-counts").textContent = `${sent} / ${received}`; }

  function describe(data) {
    return typeof data === "string" ? data : `binary, ${data.byteLength.toLocaleString("en")} bytes`;
  }

  byId("echo-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = byId("echo-text");
    if (field.value !== "" && send(field.value)) field.value = "";
  });
  byId("echo-binary").addEventListener("click", () => {
    send(crypto.getRandomValues(new Uint8Array(64 << 10)).buffer);
  });
  byId("echo-cut").addEventListener("click", () => link.cut());

  let probes = 0;
  setInterval(() => {
    // A reply that is still out means the path is slow: more probes would only queue.
    if (byId("echo-probe").checked && out.length === 0) send(`probe ${++probes}`, true);
  }, 1000);
}
