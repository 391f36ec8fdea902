{
  const ours = /^(x-forwarded-|x-request-id$|x-weir-|via$|weir-|forwarded$)/i;

  function fillTable(body, fields) {
    body.replaceChildren(...fields.map(({ name, value }) => {
      const row = document.createElement("tr");
      if (ours.test(name)) row.className = "ours";
      for (const text of [name, value]) {
        const cell = document.createElement("td");
        cell.textContent = text;
        row.append(cell);
      }
      return row;
    }));
  }

  function show(state, words) {
    byId("inspect-state").dataset.state = state;
    byId("inspect-state").querySelector(".words").textContent = words;
  }

  // showEchoed prints the JSON of the echo, or whatever else answered, as text.
  function showEchoed(text) {
    const pre = byId("inspect-echoed-body");
    let echoed = null;
    try { echoed = JSON.parse(text); } catch { /* not from the echo: shown as it is */ }
    const isEcho = echoed !== null && Array.isArray(echoed.headers);
    byId("inspect-line").textContent = isEcho ? `${echoed.method} ${echoed.target} ${echoed.version}` : "not answered by the echo";
    fillTable(byId("inspect-fields"), isEcho ? echoed.headers : []);
    pre.textContent = isEcho ? echoed.body : text;
    pre.hidden = pre.textContent === "";
  }

  async function inspect() {
    const method = byId("inspect-method").value;
    const body = method === "POST" || method === "PUT" ? byId("inspect-body").value : undefined;
    show("connecting", "waiting for the response");
    const start = performance.now();
    try {
      // Relative to the page: a target cannot lead to another host, "//host" included.
      const target = new URL(location.origin + "/" + byId("inspect-target").value.replace(/^\/+/, ""));
      const response = await fetch(target, { method, body, redirect: "follow", cache: "no-store" });
      const text = await response.text();
      show(response.ok ? "open" : "failed", `answered in ${milliseconds(performance.now() - start)}`);
      byId("inspect-status").textContent = `HTTP ${response.status} ${response.statusText}`;
      fillTable(byId("inspect-response"), [...response.headers].map(([name, value]) => ({ name, value })));
      showEchoed(text);
    } catch (error) {
      show("failed", `no response: ${error.message}`);
    }
  }

  byId("inspect-form").addEventListener("submit", (event) => {
    event.preventDefault();
    inspect();
  });
  byId("tab-inspect").addEventListener("click", inspect, { once: true });
}
