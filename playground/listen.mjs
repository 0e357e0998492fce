const PORTS_TO_TRY = 10;
const MAX_PORT = 65_535;

/** Listens on the first free port from `first` on and resolves with it; rejects in words that the user can act on. */
export async function listen(server, first, host) {
  if (!Number.isInteger(first) || first < 0 || first > MAX_PORT) throw new Error(`PORT must be a number from 0 to ${MAX_PORT}`);
  const last = first === 0 ? 0 : Math.min(first + PORTS_TO_TRY, MAX_PORT);
  for (let port = first; port <= last; port++) {
    try {
      await once(server, port, host);
      return server.address().port;
    } catch (error) {
      if (error.code !== "EADDRINUSE") throw new Error(`Cannot listen on ${host}:${port}: ${error.message}`, { cause: error });
      if (port < last) console.log(`  Port ${port} is taken; trying ${port + 1}.`);
    }
  }
  throw new Error(`Every port from ${first} to ${last} is taken; set PORT to another`);
}

function once(server, port, host) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
