// Before the first paint: as the dashboard was set, else as the system is.
(() => {
  const set = localStorage.getItem('mantine-color-scheme-value');
  const isDark = set === 'dark' || (set !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
})();
