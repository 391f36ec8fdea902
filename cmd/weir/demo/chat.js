// startChat joins the room. It is called when the tab is first opened, so that a
// visitor who only looks around is not announced.
function startChat() {
  const log = byId("chat-log");
  let name = "";
  const link = new Link("/ws/chat", byId("chat-state"), {
    lost() { byId("chat-who").textContent = ""; },
    message(data) {
      const notice = JSON.parse(data);
      if (notice.kind === "welcome") name = notice.from;
      byId("chat-who").textContent = `you are ${name}, ${notice.members} in the room`;
      const lines = { welcome: "you joined", join: "joined", leave: "left" };
      const note = lines[notice.kind];
      const mine = notice.from === name ? "sent" : "received";
      addLine(log, note ? "note" : mine, notice.from, note ?? notice.text);
    },
  });
  byId("chat-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = byId("chat-text");
    if (field.value !== "" && link.send(field.value)) field.value = "";
  });
}
