// Routes of the browser: "/" lists the cities, "/cities/:id" shows one. Text is set as text, never as HTML.
const view = document.querySelector("#view");

async function show() {
  const id = /^\/cities\/([^/]+)$/.exec(location.pathname)?.[1];
  const response = await fetch(id === undefined ? "/api/cities" : `/api/cities/${id}`);
  if (!response.ok) return view.replaceChildren(heading("Not found"));
  const answer = await response.json();
  if (id === undefined) view.replaceChildren(heading("Cities"), ...answer.map(link));
  else view.replaceChildren(heading(answer.name), `${answer.inhabitants} inhabitants`);
}

function heading(text) {
  const element = document.createElement("h1");
  element.textContent = text;
  return element;
}

function link({ id, name }) {
  const element = document.createElement("a");
  element.href = `/cities/${id}`;
  element.textContent = name;
  return element;
}

// Links are followed without loading the page again.
document.addEventListener("click", (event) => {
  const target = event.target.closest("a");
  if (target === null) return;
  event.preventDefault();
  history.pushState(null, "", target.href);
  show();
});
addEventListener("popstate", show);
show();
