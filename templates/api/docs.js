"use strict";

/* Swagger UI has a dark form, which waits for a class on the root element. */
const followTheme = () => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const theme = root.dataset.theme;
    root.classList.toggle("dark-mode", theme === "dark" || (theme !== "light" && system.matches));
  };
  new MutationObserver(apply).observe(root, { attributeFilter: ["data-theme"] });
  system.addEventListener("change", apply);
  apply();
};

followTheme();
window.addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({
    url: "{% url 'api:schema' %}",
    dom_id: "#swagger-ui",
    presets: [window.SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: -1,
    requestInterceptor: (request) => {
      const isOurs = new URL(request.url, document.baseURI).origin === location.origin;
      if (isOurs && request.method && request.method !== "GET") {
        request.headers["X-CSRFToken"] = "{{ csrf_token }}";
      }
      return request;
    },
  });
});
