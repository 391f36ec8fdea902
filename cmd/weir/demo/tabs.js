{
  const tabs = [...document.querySelectorAll("[role=tab]")];

  function select(tab) {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", chosen);
      other.tabIndex = chosen ? 0 : -1;
      byId(other.getAttribute("aria-controls")).hidden = !chosen;
    }
    history.replaceState(null, "", "#" + tab.id.slice("tab-".length));
  }

  for (const tab of tabs) tab.addEventListener("click", () => select(tab));
  document.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    const next = tabs[(tabs.indexOf(document.activeElement) + move + tabs.length) % tabs.length];
    next.focus();
    next.click();
  });
  byId("tab-chat").addEventListener("click", startChat, { once: true });
  tabs.find((tab) => tab.id === "tab-" + location.hash.slice(1))?.click();
}
