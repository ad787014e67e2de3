// Service worker: keeps the page itself (not the models, which the shard store keeps), so that a second visit needs no network.

const CACHE = "zipper-page-1";

self.addEventListener("install", (event) => event.waitUntil(keepPage().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const ours = url.origin === self.location.origin && event.request.method === "GET";
  // Models have a store of their own; the bench is never kept.
  if (!ours || /\/(models|bench)\//.test(url.pathname)) return;
  event.respondWith(networkFirst(event.request));
});

/** Everything that the page consists of, as the build lists it: the first visit itself came before this worker. */
async function keepPage() {
  const cache = await caches.open(CACHE);
  const files = await (await fetch("page.json")).json();
  await cache.addAll(files);
}

/** The network's answer, kept for later; without network what was kept. */
async function networkFirst(request) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}
