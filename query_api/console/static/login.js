// The link that logs in carries the token in its fragment, which browsers send to nobody: it is taken out of the
// address, and out of the history, before anything else, and posted by the form as if it had been typed.
"use strict";
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  history.replaceState(null, "", location.pathname + location.search);
  const form = document.getElementById("login");
  form.elements.token.value = given;
  form.requestSubmit();
}
