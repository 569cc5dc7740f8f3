// Runs before the first paint, so that a chosen theme never flashes the other. The rest is in src/theme.ts.
try {
  const chosen = localStorage.getItem('millrace-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is forbidden here: the system's theme it is.
}
