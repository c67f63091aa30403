/* A button for each text to copy; without scripts the texts can be selected. */
document.querySelectorAll("pre.copy").forEach(function (text) {
  var button = document.createElement("button");
  button.textContent = "copy";
  button.onclick = function (event) {
    event.preventDefault();
    var range = document.createRange();
    range.selectNodeContents(text);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    var done = function () { button.textContent = "copied"; };
    if (navigator.clipboard) { navigator.clipboard.writeText(text.textContent).then(done, function () {}); }
    else if (document.execCommand("copy")) { done(); }
  };
  text.parentNode.querySelector("summary").appendChild(button);
});
