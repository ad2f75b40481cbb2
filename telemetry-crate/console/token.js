// The form for the token. It is asked for only where the listener refuses something without it.

import { h } from "./dom.js";
import { isToken, leaveToken, refuseToken, setToken, status } from "./api.js";
import { cut } from "./format.js";
import { empty } from "./parts.js";

export function tokenForm() {
  // No token would be accepted, so there is nothing to type.
  if (status.token.isRefused) return empty("The listener refuses this", cut(status.token.text, 4_096));
  const submit = (event) => {
    event.preventDefault();
    const field = event.target.elements.token;
    const text = field.value.trim();
    if (!isToken(text)) {
      refuseToken("A token has only letters, digits and signs of ASCII. The text that was typed has other characters.");
      return;
    }
    setToken(text);
    field.value = "";
  };
  return h(
    "form",
    { class: "token", key: "token", onsubmit: submit, autocomplete: "off" },
    h("h2", { class: "title" }, status.token.wasWrong ? "This token is not accepted" : "The token is needed"),
    h(
      "p",
      {},
      status.token.isChange
        ? "Changes need the value of "
        : "This listener shows the data of users only with the value of ",
      h("code", {}, "FIRSTLIGHT_ADMIN_TOKEN"),
      ". It stays in this tab until the tab is closed.",
    ),
    h("p", { class: "dim", role: "status" }, cut(status.token.text, 4_096)),
    h(
      "div",
      { class: "token-line" },
      h(
        "label",
        { class: "field wide" },
        h("span", {}, "Token"),
        h("input", {
          name: "token",
          type: "password",
          required: true,
          autocomplete: "off",
          spellcheck: "false",
          drawn: focusOnce,
        }),
      ),
      h("button", { class: "button primary", type: "submit" }, "Go on"),
      status.token.isChange ? h("button", { class: "button", type: "button", onclick: leaveToken }, "Cancel") : null,
    ),
  );
}

function focusOnce(field) {
  if (field.wasFocused) return;
  field.wasFocused = true;
  field.focus();
}
