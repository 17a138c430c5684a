// Runs before the first paint so that a stored theme or language never flashes. Classic script on purpose: modules are deferred.
(function () {
  "use strict";
  var root = document.documentElement;
  var query = new URLSearchParams(location.search);
  function stored(key) {
    try {
      return localStorage.getItem("simulator." + key);
    } catch (error) {
      return null;
    }
  }
  var theme = query.get("theme") || stored("theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  var language = query.get("lang") || stored("language") || navigator.language || "en";
  root.lang = language.toLowerCase().indexOf("zh") === 0 ? "zh-CN" : "en";
})();
