// usage: node serve.mjs FOLDER < STATEMENTS
// PostgreSQL with pgvector, in memory and for one connection at a time, on a free port of this machine. FOLDER
// holds the node_modules of package.json. Prints the port; then for each line of SQL its rows as JSON.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.argv[2]}/package.json`));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { PGlite } = await load("@electric-sql/pglite");
const { vector } = await load("@electric-sql/pglite-pgvector");
const { PGLiteSocketServer } = await load("@electric-sql/pglite-socket");

const db = await PGlite.create({ extensions: { vector } });
const server = new PGLiteSocketServer({ db, port: 0, host: "127.0.0.1" });
await server.start();
console.log(server.getServerConn().split(":").pop());
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify((await db.query(line)).rows));
process.exit(0);
