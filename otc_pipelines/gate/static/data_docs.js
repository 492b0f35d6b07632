// The two things that the library's pages do: fold details open, and show only what failed.
document.addEventListener("click", (event) => {
  const fold = event.target.closest('[data-toggle="collapse"]');
  if (fold) {
    event.preventDefault();
    const body = document.getElementById((fold.getAttribute("href") || fold.dataset.target || "").slice(1));
    if (body) body.classList.toggle("show");
  }
});
function marked(show) {
  document.querySelectorAll(".hide-succeeded-validation-target-child").forEach((child) => {
    const row = child.closest("tr") || child;
    row.hidden = !show;
  });
  document.querySelectorAll(".btn-group .btn").forEach((button, n) => button.classList.toggle("active", (n === 0) === show));
}
window.showAllValidations = () => marked(true);
window.hideSucceededValidations = () => marked(false);
